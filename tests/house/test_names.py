"""The trainer learns no component's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.registry import discover
from tests.house.source import PACKAGE, modules, texts

NAMELESS = ("training", "assembly", "data", "inference")
EXCEPTIONS = {
    ("training/folder.py", "pillow"): "the Python package of that name, whose version the manifest keeps",
    ("inference/halo.py", "bilinear"): "the mode of that name of torch's interpolate",
    ("inference/pictures.py", "jpeg"): "a format that pictures are written in",
    ("inference/pictures.py", "webp"): "a format that pictures are written in",
}
"""(file, text) -> why it is no component's name there."""


@pytest.mark.parametrize("folder", NAMELESS)
def test_no_registered_name_is_written_down(folder: str) -> None:
    names = {entry.name for entry in discover() if entry.distribution == "srkit"}
    assert len(names) > 20, "srkit's own entry points are not installed"
    found = [
        f"{_label(path)}:{line} {text!r}"
        for path in modules(PACKAGE / folder)
        for line, text in texts(path)
        if text in names and (_label(path), text) not in EXCEPTIONS
    ]
    assert not found


def _label(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()
