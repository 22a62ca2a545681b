"""The fingerprint changes when the data do, and broken pictures are found once."""

import json
import os
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from srkit.components.datasets.folder import Folder
from srkit.components.datasets.mix import Mix
from srkit.components.datasets.packed import Packed
from srkit.components.datasets.paired import Paired
from srkit.data.audit import find_broken_samples, fingerprint, look_at
from srkit.data.cache import Cached, Subset
from srkit.data.decoding import save_png
from srkit.data.packed import PICTURES, write_packed
from srkit.errors import BadImage, UserError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(5):
        save_png(folder / f"{index}.png", np.full((20 + index, 30, 3), index, np.uint8))
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("not a picture")
    return folder


class Unfiled:
    """A set without files: sizes 10 x 10 but for a broken one."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int):
        if index == 1:
            raise BadImage("archive.zip/1", "is torn")
        return (np.zeros((5, 5, 3), np.uint8), np.zeros((10, 10, 3), np.uint8))

    def name(self, index: int) -> str:
        return f"number {index}"


def test_the_fingerprint_follows_the_data(photos, tmp_path):
    def now(**options) -> str:
        return fingerprint(Folder(photos), options)

    first = now(seed=12, path=photos)
    assert first == now(path=photos, seed=12) and len(first) == 64
    assert first != now(seed=13, path=photos)
    os.utime(photos / "1.png", ns=(1, 1))
    second = now(seed=12, path=photos)
    assert second != first
    (photos / "1.png").rename(photos / "one.png")
    assert now(seed=12, path=photos) != second
    plain = now()
    photos.rename(tmp_path / "moved")
    assert fingerprint(Folder(tmp_path / "moved"), {}) == plain
    assert fingerprint(Subset(Folder(tmp_path / "moved"), range(3)), {}) != plain
    assert fingerprint(Unfiled(), {"a": 1}) != fingerprint(Unfiled(), {"a": 2})


def test_the_fingerprint_names_a_file_that_has_gone(photos):
    dataset = Folder(photos)
    (photos / "3.png").unlink()
    with pytest.raises(BadImage, match=r"3\.png"):
        fingerprint(dataset, {})


def test_broken_and_small_pictures_are_listed(photos):
    dataset = Folder(photos, seed=None)
    broken = {bad.path.name: bad.why for bad in find_broken_samples(dataset, minimum=22, workers=2).values()}
    assert set(broken) == {"0.png", "1.png", "empty.png", "text.jpg"}
    assert broken["0.png"] == "30x20 pixels, smaller than the 22x22 that a patch needs"
    assert "zero bytes" in broken["empty.png"] and "known format" in broken["text.jpg"]
    by_index = find_broken_samples(dataset, minimum=22)
    rest = Subset(dataset, [index for index in range(len(dataset)) if index not in by_index])
    assert [rest.name(index) for index in range(len(rest))] == ["2.png", "3.png", "4.png"]
    assert not find_broken_samples(rest, minimum=22)


def test_what_was_found_is_remembered(photos, tmp_path):
    reads: list[int] = []

    class Counted(Folder):
        def __getitem__(self, index: int):
            reads.append(index)
            return super().__getitem__(index)

    memory = tmp_path / "run" / "pictures.json"
    memory.parent.mkdir()
    seen: list[tuple[int, int]] = []
    first = find_broken_samples(
        Counted(photos), minimum=1, memory=memory, progress=lambda done, total: seen.append((done, total))
    )
    assert len(reads) == 7 and len(first) == 2 and seen == [(7, 7)]
    again = find_broken_samples(Counted(photos), minimum=1, memory=memory)
    assert len(reads) == 7 and str(again) == str(first)
    # Another bound needs no second look at the pictures; a changed file does.
    assert len(find_broken_samples(Counted(photos), minimum=21, memory=memory)) == 3 and len(reads) == 7
    save_png(photos / "empty.png", np.zeros((40, 40, 3), np.uint8))
    assert len(find_broken_samples(Counted(photos), minimum=1, memory=memory)) == 1 and len(reads) == 8
    memory.write_text("{ torn")
    assert len(find_broken_samples(Counted(photos), minimum=1, memory=memory)) == 1 and len(reads) == 15
    assert json.loads(memory.read_text())["version"] == 4
    with pytest.raises(UserError, match="cannot be written"):
        find_broken_samples(Folder(photos), minimum=1, memory=tmp_path / "nowhere" / "pictures.json")


def test_an_interrupted_search_keeps_what_it_found(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("srkit.data.audit._CHUNK", 2)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    memory = tmp_path / "pictures.json"
    with pytest.raises(KeyboardInterrupt):
        find_broken_samples(Folder(photos), minimum=1, memory=memory, progress=stop)
    assert len(json.loads(memory.read_text())["pictures"]) == 4


def test_a_picture_that_does_not_come_is_named_while_it_is_waited_for(photos, monkeypatch):
    monkeypatch.setattr("srkit.data.threads.SLOW", 0.02)
    monkeypatch.setattr("srkit.data.threads.PAUSE", 0.02)
    waited: list[str] = []
    told_twice = threading.Event()

    def told(name: str) -> None:
        waited.append(name)
        if waited.count("2.png") == 2:
            told_twice.set()

    class Slow(Folder):
        def __getitem__(self, index: int):
            if self.name(index) == "2.png":
                assert told_twice.wait(60)
            return super().__getitem__(index)

    found = find_broken_samples(Slow(photos), minimum=1, workers=2, waiting=told)
    assert waited.count("2.png") >= 2 and len(found) == 2


def test_a_cached_set_is_warm_afterwards_and_sets_without_files_are_read(photos):
    cached = Cached(Folder(photos), 10**6)
    find_broken_samples(cached, minimum=1)
    assert cached.bytes == sum((20 + index) * 30 * 3 for index in range(5))
    assert [str(bad) for bad in find_broken_samples(Unfiled(), minimum=1).values()] == ["number 1: is torn"]
    assert len(find_broken_samples(Unfiled(), minimum=11)) == 3


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for folder, side in (("lr", 40), ("hr", 80)):
        (tmp_path / folder).mkdir()
        for index in range(3):
            save_png(tmp_path / folder / f"{index}.png", random.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return tmp_path


def test_an_lr_picture_that_changes_is_another_pair(pairs):
    def set_of_pairs() -> Paired:
        return Paired(pairs / "lr", pairs / "hr", seed=None)

    memory = pairs / "memory.json"
    before, broken = fingerprint(set_of_pairs(), {}), find_broken_samples(set_of_pairs(), minimum=1, memory=memory)
    assert not broken
    (pairs / "lr" / "1.png").write_bytes(b"")
    now = Paired(pairs / "lr", pairs / "hr", seed=None, check_sizes=False)
    for dataset in (now, Cached(now), Subset(now, [1]), Mix([lambda: now])):
        assert fingerprint(dataset, {}) != before
        [bad] = find_broken_samples(dataset, minimum=1, memory=memory).values()
        assert bad.path == pairs / "lr" / "1.png"


def test_pairs_that_were_compared_are_remembered_as_such(pairs, monkeypatch):
    memory = pairs / "memory.json"
    dataset = Paired(pairs / "lr", pairs / "hr")
    find_broken_samples(dataset, minimum=1, memory=memory)  # which compares nothing
    compared = look_at(dataset, closely=True, memory=memory)
    assert all(one.pair for one in compared)
    monkeypatch.delattr(Paired, "__getitem__")
    assert look_at(dataset, closely=True, memory=memory) == compared


@pytest.mark.parametrize("mixed", [False, True])
def test_what_is_packed_is_verified_once_also_in_a_mix(photos, tmp_path, monkeypatch, mixed):
    kept = Subset(Folder(photos, seed=None), range(5))
    write_packed(tmp_path / "set", ((kept.name(index), kept[index]) for index in range(5)))
    packed = partial(Packed, tmp_path / "set")
    for file in ("empty.png", "text.jpg"):
        (photos / file).unlink()
    dataset = Mix([packed, partial(Folder, photos)]) if mixed else packed()
    memory = tmp_path / "memory.json"
    assert not find_broken_samples(Cached(dataset), minimum=20, memory=memory)
    with monkeypatch.context() as patch:
        patch.setattr(Packed, "verify", None)
        assert not find_broken_samples(Cached(dataset), minimum=20, memory=memory)
    whole = (tmp_path / "set" / PICTURES).read_bytes()
    (tmp_path / "set" / PICTURES).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BadImage, match=r"pictures\.npy.*its checksum differs"):
        find_broken_samples(Cached(dataset), minimum=20, memory=memory)
