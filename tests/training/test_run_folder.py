"""Which folders a fresh run may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.training.folder import is_free


@pytest.mark.parametrize(
    ("names", "free"),
    [
        ((), True),
        (("data.json",), True),
        (("manifest.json",), True),
        (("data.json", "manifest.json", "code", ".experiment.toml.part"), True),
        (("code",), False),
        (("experiment.toml",), False),
        (("manifest.json", "experiment.toml"), False),
        (("manifest.json", "photo.png"), False),
    ],
)
def test_free_are_folders_in_which_no_run_began(tmp_path: Path, names: tuple[str, ...], free: bool) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert is_free(tmp_path) is free


def test_a_folder_that_is_not_there_is_free_and_a_file_is_not(tmp_path: Path) -> None:
    assert is_free(tmp_path / "new")
    (tmp_path / "file").touch()
    assert not is_free(tmp_path / "file")
