"""The `experiment.toml` of a run folder, read again: what srkit wrote, and nothing that leads out of the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli

from srkit.errors import UserError
from srkit.plain_files import plain_text

__all__ = ["parsed_written", "read_written", "require_own_code"]

_OWN_CODE = re.compile(rf"\./code/[^/\\\x00-\x1f{':' if os.name == 'nt' else ''}]+\.py")


class _Picked(msgspec.Struct):
    use: str


class _Data(msgspec.Struct):
    train: dict[str, Any] = {}
    validate: dict[str, Any] = {}


class _Validation(msgspec.Struct):
    photos: str | None = None
    metrics: list[str] | None = None


class _Outline(msgspec.Struct):
    """The form of what is read without building anything; what else is there is checked where it is used."""

    scale: int | None = None
    seed: int | None = None
    steps: int | None = None
    generator: _Picked | None = None
    discriminator: _Picked | None = None
    downscaler: _Picked | None = None
    lr_pipeline: _Picked | None = None
    degradation: list[_Picked] = []
    stage: list[dict[str, Any]] = []
    data: _Data = msgspec.field(default_factory=_Data)
    validation: _Validation = msgspec.field(default_factory=_Validation)


def read_written(path: Path) -> dict[str, Any]:
    """The tree of a run's `experiment.toml`.

    Raises:
        UserError: it cannot be read, is not what srkit writes, or names code outside of the run's `code`.
    """
    try:
        text = plain_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return parsed_written(path, text)


def parsed_written(path: Path, text: str) -> dict[str, Any]:
    """As `read_written`, of a text that was read already."""
    try:
        tree = tomli.loads(text)
        msgspec.convert(tree, _Outline)
        require_own_code(path, tree)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return tree


def require_own_code(path: Path, tree: Mapping[str, Any]) -> None:
    """Refuse a run's experiment that names a file of code elsewhere than in the folder `code` beside it.

    Raises:
        UserError: naming the file and the name.
    """
    for use in _files(tree):
        if _OWN_CODE.fullmatch(use) is None:
            raise UserError(f"{path}: a run has its own code in ./code/, and {use!r} is not a file in it")


def _files(value: Any) -> Iterator[str]:
    """The files of code that a tree names: in `use`, and among names of metrics."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _named([below] if key == "use" else below if key == "metrics" else ())
            yield from _files(below)
    elif isinstance(value, list):
        for below in value:
            yield from _files(below)


def _named(values: Any) -> Iterator[str]:
    """The files among names as `./file.py:Name`."""
    for value in values if isinstance(values, list) else ():
        file, colon, _ = value.rpartition(":") if isinstance(value, str) else ("", "", "")
        if colon and file.endswith(".py"):
            yield file
