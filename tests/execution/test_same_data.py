"""Resuming goes by what training images hold: a new time changes nothing, another content is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from srkit.errors import UserError
from tests.execution.support import PLAIN, assert_same_run, prepared, run

SHORT = "steps=3"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return prepared(tmp_path, PLAIN.replace("every = 2", "every = 3"))


def halfway(path: Path) -> Path:
    run(path, SHORT, out=path.parent / "out")
    return path.parent / "out"


def touched(folder: Path) -> None:
    for one in folder.iterdir():
        os.utime(one, (1, 1))


def test_images_with_new_times_are_the_same_data(path: Path) -> None:
    run(path, SHORT, out=path.parent / "whole")
    run(path, out=path.parent / "whole", resume=True)
    out = halfway(path)
    touched(path.parent / "photos")
    touched(path.parent / "held_out")
    run(path, out=out, resume=True)
    assert_same_run(path.parent / "whole", out)


def test_copies_of_the_images_are_the_same_data(path: Path) -> None:
    out = halfway(path)
    photos = path.parent / "photos"
    photos.rename(path.parent / "before")
    photos.mkdir()
    for one in (path.parent / "before").iterdir():
        shutil.copyfile(one, photos / one.name)
    assert run(path, out=out, resume=True).run.step == 6


@pytest.mark.parametrize("what", ["changed", "removed", "added", "renamed", "exchanged"])
@pytest.mark.parametrize("role", ["photos", "held_out"])
def test_other_contents_are_refused(what: str, role: str, path: Path) -> None:
    out = halfway(path)
    first, second = sorted((path.parent / role).iterdir())[:2]
    if what == "changed":
        status = first.stat()
        Image.open(first).rotate(180).save(first)
        os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    elif what == "removed":
        first.unlink()
    elif what == "added":
        shutil.copy(first, first.with_name("zz.png"))
    elif what == "renamed":
        first.rename(first.with_name("zz.png"))
    else:
        first.rename(first.with_name("x")), second.rename(first), first.with_name("x").rename(second)
    key = "train" if role == "photos" else "validate"
    with pytest.raises(UserError, match=rf"data.{key}: images were .*their contents were compared"):
        run(path, out=out, resume=True)


def test_a_run_that_kept_no_hashes_says_that_times_may_be_all(path: Path) -> None:
    out = halfway(path)
    manifest = json.loads((out / "manifest.json").read_text())
    for key in ("train_content", "validate_content"):
        del manifest["data"][key]
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert run(path, "steps=4", out=out, resume=True).run.step == 4
    touched(path.parent / "photos")
    with pytest.raises(UserError, match="or only their times were: this run kept no hashes"):
        run(path, out=out, resume=True)
