"""A run folder out of recognised weights: what `upscale`, `bench` and `init` read, without a training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srkit
from srkit.data.placing import folder_aside
from srkit.errors import UserError
from srkit.experiment.resolved import write_toml
from srkit.inference.foreign.recognition import Recognized
from srkit.links import is_link, refuse_links, remove_folder
from srkit.locks import is_held
from srkit.training import checkpoint
from srkit.training.folder import EXPERIMENT, LOCK, MANIFEST, RUNS, is_free, versions, write_text


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
    folder = out if out is not None else _default(found[0].weights.file.stem)
    with _made(folder) as aside:
        _write(aside, roles)
    return folder


def _write(folder: Path, roles: dict[str, Recognized]) -> None:
    checkpoint.save(folder / "checkpoints", 0, {role: one.network.state_dict() for role, one in roles.items()}, {})
    facts: dict[str, Any] = {
        "srkit": srkit.__version__,
        "versions": versions(),
        "imported": {r: _fact(one) for r, one in roles.items()},
    }
    if (one := roles.get("generator")) is not None and one.trained_on:
        facts["data"] = {"train": one.trained_on}
    write_text(folder / MANIFEST, json.dumps(facts, indent=1) + "\n")
    write_text(folder / EXPERIMENT, write_toml(_experiment(roles)))


def _default(name: str) -> Path:
    candidate, number = RUNS / name, 1
    while not is_free(candidate):
        number += 1
        candidate = RUNS / f"{name}-{number}"
    return candidate


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """The folder as it is written aside; it takes its place whole: an attempt that is killed leaves that free."""
    if not is_free(folder) or is_held(folder / LOCK):
        raise UserError(f"{folder} is not empty, and nothing is ever overwritten. Choose another --out")
    try:
        str(folder).encode()
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            refuse_links(folder)
        with folder_aside(folder.parent) as aside:
            yield aside
            if folder.is_dir() and not is_link(folder):
                remove_folder(folder)  # it is empty, or has what an attempt left that came to nothing
            aside.replace(folder)
    except UnicodeEncodeError:
        raise UserError(f"{folder}: a run folder's name has to be UTF-8; choose another --out") from None
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be made: {error.strerror or error}") from None


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
