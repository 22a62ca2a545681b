"""A run's resolved experiment as wandb's config: nested tables, entries of arrays by their name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli

from srkit.experiment.names import entry_names


def run_config(folder: Path) -> dict[str, Any]:
    """What the run's `experiment.toml` says; a value has the dotted key that `--set` knows it by."""
    return by_name(tomli.loads((folder / "experiment.toml").read_text(encoding="utf-8")))


def by_name(table: dict[str, Any]) -> dict[str, Any]:
    """The table with its arrays of tables as tables: `pixel_loss.mse.weight`, and not `pixel_loss[0].weight`.

    >>> by_name({"stage": [{"steps": 3}], "pixel_loss": [{"use": "mse"}]})
    {'stage': {'1': {'steps': 3}}, 'pixel_loss': {'mse': {'use': 'mse'}}}
    """
    return {key: _named(value) for key, value in table.items()}


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return by_name(value)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return {name: by_name(one) for name, one in zip(entry_names(value), value, strict=True)}
    return value
