"""A run folder out of recognised weights: what `upscale`, `bench` and `init` read, without a training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import srkit
from srkit.errors import UserError
from srkit.experiment.resolved import write_toml
from srkit.inference.foreign.recognition import Recognized
from srkit.links import refuse_links
from srkit.training import checkpoint
from srkit.training.folder import EXPERIMENT, MANIFEST, RUNS, is_free, versions, write_text


def write_run(found: Sequence[Recognized], out: Path | None) -> Path:
    """Write networks as the checkpoint of step 0 of a run folder.

    Args:
        found: at most one of each role.
        out: the folder; by default `runs/NAME` after the first file, numbered where that exists.

    Raises:
        UserError: two of one role, or `out` cannot be used.
        SrkitError: the checkpoint could not be written.
    """
    roles = {one.role: one for one in found}
    if len(roles) != len(found):
        files = " and ".join(str(one.weights.file) for one in found)
        raise UserError(f"{files} are both of a {found[0].role}; a run has one of each")
    folder = _made(out if out is not None else _default(found[0].weights.file.stem))
    checkpoint.save(folder / "checkpoints", 0, {role: one.network.state_dict() for role, one in roles.items()}, {})
    facts: dict[str, Any] = {
        "srkit": srkit.__version__,
        "versions": versions(),
        "imported": {r: _fact(one) for r, one in roles.items()},
    }
    if (one := roles.get("generator")) is not None and one.trained_on:
        facts["data"] = {"train": one.trained_on}
    write_text(folder / MANIFEST, json.dumps(facts, indent=1) + "\n")
    # last, as in every run: without it the folder is free for another attempt
    write_text(folder / EXPERIMENT, write_toml(_experiment(roles)))
    return folder


def _default(name: str) -> Path:
    candidate, number = RUNS / name, 1
    while not is_free(candidate):
        number += 1
        candidate = RUNS / f"{name}-{number}"
    return candidate


def _made(folder: Path) -> Path:
    if not is_free(folder):
        raise UserError(f"{folder} is not empty, and nothing is ever overwritten. Choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be made: {error.strerror}") from None
    return folder


def _experiment(roles: dict[str, Recognized]) -> dict[str, Any]:
    """As much of an experiment as the weights tell."""
    tree: dict[str, Any] = {}
    for role, one in roles.items():
        options = {
            key: list(value) if isinstance(value, tuple) else value for key, value in one.foreign.options.items()
        }
        if "scale" in options:
            tree = {"scale": options.pop("scale"), "precision": "fp32"}
        tree[role] = {"use": one.component.use, **options}
        tree |= one.lr_images
    return tree


def _fact(one: Recognized) -> dict[str, Any]:
    return {
        "file": str(one.weights.file.resolve()),
        "sha256": one.weights.sha256,
        "layout": one.foreign.layout,
        "assumed": list(one.foreign.assumed),
    }
