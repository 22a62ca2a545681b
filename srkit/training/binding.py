"""Whether a checkpoint is of the run in whose folder it lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.errors import UserError
from srkit.experiment.fingerprint import Fingerprint, fingerprint_of
from srkit.experiment.resolved import differences, shown
from srkit.experiment.written import read_written
from srkit.registry import Registry
from srkit.training.folder import EXPERIMENT

__all__ = ["as_saved", "require_own"]


def as_saved(fingerprint: Fingerprint) -> dict[str, Any]:
    """What a checkpoint keeps of its experiment."""
    return {"sha256": fingerprint.sha256, "values": fingerprint.values}


def require_own(checkpoint: Path, saved: Mapping[str, Any] | None, registry: Registry) -> None:
    """Refuse a checkpoint that was trained with another experiment than its run's `experiment.toml` holds.

    Args:
        checkpoint: its folder, inside of a run's `checkpoints`.
        saved: what it keeps of its experiment; None for one of an earlier srkit, which keeps nothing.
        registry: where components' defaults are looked up. With a component that is not here nothing is compared:
            whoever needs it says so.

    Raises:
        UserError: naming each value that differs, or the run's `experiment.toml` cannot be read.
    """
    if saved is None:
        return
    file = checkpoint.resolve().parent.parent / EXPERIMENT
    tree = read_written(file)
    try:
        own = fingerprint_of(tree, registry, file.parent)
    except UserError:
        return
    if own.sha256 == saved.get("sha256"):
        return
    values = saved.get("values")
    changed = differences(values, own.values) if isinstance(values, dict) else []
    raise UserError(
        f"{checkpoint} was trained with another experiment than {file} holds:",
        *(f"  {key}: {_shown(before)} there, {_shown(now)} here" for key, before, now in changed),
        f"Undo what was changed in {EXPERIMENT}; a checkpoint that was copied here belongs into its own run's folder",
    )


def _shown(value: Any) -> str:
    return "its default" if value is None else shown(value)
