"""What a run was trained on: names without folders, the hash of the very bytes that were decoded, what changed since."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit.components.datasets.folder import Folder
from srkit.components.datasets.mix import Mix
from srkit.components.datasets.packed import Packed
from srkit.components.datasets.paired import Paired
from srkit.contracts import Dataset
from srkit.data import decoding
from srkit.data.audit import look_at
from srkit.data.contents import DataFile, completed, contents_of, read_contents, record_contents
from srkit.data.decoding import decode
from srkit.data.digests import digest_of, noted_digests
from srkit.data.packed import write_packed
from srkit.errors import BadImage


def hash_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    noise = np.random.default_rng(3).integers(0, 255, (3, 24, 20, 3), dtype=np.uint8)
    for name, pixels in zip(("a.png", "b.png", "sub/a.png"), noise, strict=True):
        Image.fromarray(pixels).save(folder / name)
    return folder


def looked_at(dataset: Dataset, left_out: set[int] | None = None) -> list[DataFile]:
    return contents_of(dataset, look_at(dataset), left_out or set())


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp", "gif", "ppm", "jp2"])
def test_decoding_tells_the_hash_of_each_format(suffix: str, photos: Path) -> None:
    path = photos / f"x.{suffix}"
    Image.open(photos / "a.png").save(path)
    with noted_digests() as noted:
        before = decode(path)
    assert {file: one.sha256 for file, one in noted.items()} == {str(path): hash_of(path)}
    assert noted[str(path)] == digest_of(path)
    assert np.array_equal(decode(path), before) and len(noted) == 1  # outside of it nothing is noted


def test_wide_pixels_that_are_decoded_twice_have_one_hash(photos: Path) -> None:
    path = photos / "wide.png"
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)).save(path)
    with noted_digests() as noted:
        decode(path)
    assert noted[str(path)].sha256 == hash_of(path)


def test_the_hash_is_of_the_file_that_was_decoded_and_not_of_one_put_in_its_place(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, convert = hash_of(photos / "a.png"), decoding.to_rgb

    def exchange(*arguments: object) -> np.ndarray:
        image = convert(*arguments)  # type: ignore[arg-type]  # handed on
        (photos / "b.png").replace(photos / "a.png")
        return image

    monkeypatch.setattr(decoding, "to_rgb", exchange)
    with noted_digests() as noted:
        decode(photos / "a.png")
    assert noted[str(photos / "a.png")].sha256 == first != hash_of(photos / "a.png")


def test_what_is_no_regular_file_has_no_hash(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BadImage):
            digest_of(path)


def test_files_have_their_relative_names(photos: Path) -> None:
    found = looked_at(Folder(photos, seed=None))
    assert [(one.name, one.sha256, one.path) for one in found] == [
        (name, hash_of(photos / name), str(photos / name)) for name in ("a.png", "b.png", "sub/a.png")
    ]
    assert [one.name for one in looked_at(Folder(photos, seed=None), {1})] == ["a.png", "sub/a.png"]


def test_names_hold_no_folder_of_this_machine_and_are_all_others(photos: Path, tmp_path: Path) -> None:
    for side in ("one", "two"):
        (tmp_path / side / "photos").mkdir(parents=True)
        (tmp_path / side / "photos" / "a.png").write_bytes((photos / "a.png").read_bytes())
    found = looked_at(Folder([tmp_path / "one" / "photos", tmp_path / "two" / "photos"], seed=None))
    assert [one.name for one in found] == ["a.png", "a.png (2)"]
    mixed = Mix([partial(Folder, photos), partial(Folder, photos / "sub")], [1, 1])
    assert sorted(one.name for one in looked_at(mixed)) == ["a.png", "a.png (2)", "b.png", "sub/a.png"]


def test_pairs_have_both_files(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "lr" / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/a.png"):
        Image.open(photos / name).resize((10, 12)).save(tmp_path / "lr" / name)
    found = {one.name: one.sha256 for one in looked_at(Paired(tmp_path / "lr", photos))}
    assert found["b.png"] == hash_of(photos / "b.png")
    assert found["sub/a.png (LR)"] == hash_of(tmp_path / "lr" / "sub" / "a.png") and len(found) == 6


def test_a_packed_set_is_known_by_its_index_in_a_mix_too(photos: Path, tmp_path: Path) -> None:
    write_packed(tmp_path / "pack", [(f"{number}.png", decode(photos / "a.png")) for number in range(3)])
    for dataset in (Packed(tmp_path / "pack"), Mix([partial(Folder, photos), partial(Packed, tmp_path / "pack")])):
        whole, changed = completed({"train": looked_at(dataset)})
        found = {one.name: one.sha256 for one in whole["train"]}
        assert found["index.json"] == hash_of(tmp_path / "pack" / "index.json") and not changed
        assert len(found) == (1 if isinstance(dataset, Packed) else 4)


class Drawn:
    """A set without files."""

    def __init__(self, level: int = 3) -> None:
        self.level = level

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((8, 8, 3), self.level + index, np.uint8)

    def name(self, index: int) -> str:
        return "drawn"


class OwnReader(Folder):
    """A set that reads its files by itself."""

    def __getitem__(self, index: int) -> np.ndarray:
        with Image.open(self.files()[index]) as opened:
            return np.asarray(opened.convert("RGB"))


def test_images_of_no_file_are_known_by_their_pixels() -> None:
    found = looked_at(Drawn())
    assert [(one.name, one.path) for one in found] == [("drawn", ""), ("drawn (2)", "")]
    assert found == looked_at(Drawn()) and found[1].sha256 == looked_at(Drawn(4))[0].sha256 != found[0].sha256
    assert completed({"train": found}) == ({"train": found}, [])


def test_files_that_nobody_hashed_are_hashed_at_the_end(photos: Path) -> None:
    open_ones = looked_at(OwnReader(photos, seed=None))
    assert [one.sha256 for one in open_ones] == ["", "", ""]
    seen: list[tuple[int, int]] = []
    whole, changed = completed({"train": open_ones}, lambda done, total: seen.append((done, total)))
    assert whole["train"] == looked_at(Folder(photos, seed=None)) and not changed and seen[-1] == (3, 3)
    (photos / "a.png").unlink()
    with pytest.raises(BadImage, match="a.png"):
        completed({"train": open_ones})


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def spoilt(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("change", "names"), [(touched, []), (spoilt, ["train: b.png"]), (Path.unlink, ["train: b.png"])]
)
def test_what_changed_since_is_named_and_keeps_its_first_hash(
    change: Callable[[Path], None], names: list[str], photos: Path
) -> None:
    first = looked_at(Folder(photos, seed=None))
    change(photos / "b.png")
    whole, changed = completed({"train": first})
    assert changed == names
    assert [one.sha256 for one in whole["train"]] == [one.sha256 for one in first]


def test_a_file_with_its_size_and_time_is_not_read_again(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = looked_at(Folder(photos, seed=None))
    monkeypatch.setattr("srkit.data.contents.digest_of", None)
    assert completed({"train": first}) == ({"train": first}, [])


def test_what_is_written_is_read_again_beside_what_is_remembered(photos: Path, tmp_path: Path) -> None:
    memory, dataset = tmp_path / "data.json", Folder(photos)
    contents = {"train": contents_of(dataset, look_at(dataset, memory=memory), set())}
    record_contents(memory, contents)
    assert read_contents(memory) == contents
    assert contents_of(dataset, look_at(dataset, memory=memory), set()) == contents["train"]
    assert read_contents(tmp_path / "absent.json") == {}
