"""The `folder` dataset: what it takes, in which order, and how it refuses."""

import os
import pickle
import time
import typing
from pathlib import Path

import numpy as np
import pytest

from srkit.components.datasets.folder import Folder
from srkit.contracts import Dataset
from srkit.data.decoding import save_png
from srkit.errors import BadImage, OptionError


def fill(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path.with_suffix(".png"), np.full((2, 3, 3), number, np.uint8))
        path.with_suffix(".png").rename(path)
    return root


def names(dataset: Folder) -> list[str]:
    return [dataset.name(index) for index in range(len(dataset))]


def test_pictures_are_found_at_any_depth_and_sorted_by_relative_path(tmp_path):
    root = fill(tmp_path, "b.png", "a/z.png", "a/deep/er.PNG", "a.jpg", ".hidden.png", ".git/x.png", "a/._z.png")
    (root / "notes.txt").write_text("no picture")
    dataset = Folder(root, seed=None)
    assert isinstance(dataset, Dataset)
    assert names(dataset) == ["a.jpg", "a/deep/er.PNG", "a/z.png", "b.png"]
    assert dataset[3].shape == (2, 3, 3) and dataset[3][0, 0, 0] == 0
    assert [file.relative_to(root).as_posix() for file in dataset.files()] == names(dataset)


def test_the_order_is_a_function_of_the_seed_and_grows_in_place(tmp_path):
    root = fill(tmp_path, *(f"{number:02}.png" for number in range(30)))
    order = names(Folder(root))
    assert order == names(Folder(root, seed=12)) != sorted(order)
    assert sorted(names(Folder(root, seed=13))) == sorted(order) and names(Folder(root, seed=13)) != order
    assert names(Folder(root, limit=5)) == order[:5]
    fill(root, "new.png")
    assert [name for name in names(Folder(root)) if name != "new.png"] == order


def test_several_folders(tmp_path):
    fill(tmp_path / "one", "a.png", "sub/b.png")
    fill(tmp_path / "two", "a.png")
    both = Folder([tmp_path / "one", tmp_path / "two"], seed=None)
    assert names(both) == ["one/a.png", "one/sub/b.png", "two/a.png"]
    nested = Folder([tmp_path / "one", tmp_path / "one" / "sub"], seed=None)
    assert names(nested) == ["one/a.png", "one/sub/b.png"]
    fill(tmp_path / "x" / "one", "c.png")
    alike = Folder([tmp_path / "one", tmp_path / "x" / "one"], seed=None)
    assert len(set(names(alike))) == 3 and names(alike)[2] == f"{(tmp_path / 'x' / 'one').as_posix()}/c.png"


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_links_are_followed_and_a_circle_ends(tmp_path):
    fill(tmp_path / "disk", "a.png")
    fill(tmp_path / "photos", "b.png")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "disk")
    (tmp_path / "photos" / "circle").symlink_to(tmp_path / "photos")
    assert names(Folder(tmp_path / "photos", seed=None)) == ["b.png", "more/a.png"]


@pytest.mark.parametrize("below", ["", "train"])
def test_a_packed_set_is_said_to_be_one(below, tmp_path):
    folder = tmp_path / "set" / below
    folder.mkdir(parents=True)
    (folder / "pictures.npy").touch()
    with pytest.raises(OptionError) as caught:
        Folder(tmp_path / "set")
    where = folder.as_posix()
    assert caught.value.why == f'{where} is a packed set; write {{ use = "packed", path = "{where}" }}'


def test_what_cannot_be_is_refused_with_the_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    cases = [
        (tmp_path / "missing", "no such folder: .*missing"),
        ([tmp_path / "missing", tmp_path / "empty"], "no such folder: .*missing; no pictures in .*empty"),
        (tmp_path / "empty", r"no pictures in .*empty.*\.jpg.*\.png"),
        (tmp_path / "a.txt", "is a file, not a folder"),
        ([], "empty list"),
    ]
    for path, said in cases:
        with pytest.raises(OptionError, match=said) as caught:
            Folder(path)
        assert caught.value.key == "path"
    fill(tmp_path, "b.png")
    with pytest.raises(OptionError, match="limit"):
        Folder(tmp_path, limit=0)


def test_nothing_is_decoded_before_it_is_asked_for(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    dataset = pickle.loads(pickle.dumps(Folder(tmp_path)))
    with pytest.raises(BadImage, match=r"bad\.png: is empty"):
        dataset[0]
    assert len(pickle.dumps(dataset)) < 1000


def test_options_resolve_at_run_time():
    hints = typing.get_type_hints(Folder.__init__)
    assert hints["path"] == Path | list[Path] and hints["limit"] == int | None and hints["seed"] == int | None
    summary = (Folder.__doc__ or "").splitlines()[0]
    assert 0 < len(summary) < 90


def test_a_large_folder_is_listed_quickly(tmp_path):
    for number in range(2000):
        (tmp_path / f"{number}.png").touch()
    begun = time.perf_counter()
    assert len(Folder(tmp_path)) == 2000
    assert time.perf_counter() - begun < 2
