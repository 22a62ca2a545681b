"""Packed sets: an ordinary npy file, opened without reading it, and every kind of damage named."""

from __future__ import annotations

import _thread
import json
import pickle
import shutil
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.components.datasets.mix import Mix
from srkit.components.datasets.packed import Packed
from srkit.contracts import Dataset
from srkit.data.audit import find_broken_samples, fingerprint
from srkit.data.cache import Cached, Subset
from srkit.data.loader import Request, load
from srkit.data.packed import INDEX, PICTURES, PackedPictures, write_packed
from srkit.errors import BadImage, OptionError, UserError


def picture(seed: int, width: int = 6, height: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def even(tmp_path: Path) -> Path:
    write_packed(tmp_path / "even", [(f"{one}.png", picture(one)) for one in range(7)])
    return tmp_path / "even"


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    write_packed(tmp_path / "uneven", [(f"{one}.png", picture(one, 3 + one, 9 - one)) for one in range(5)])
    return tmp_path / "uneven"


def test_numpy_reads_the_file_of_one_size(even):
    read = np.load(even / PICTURES)
    assert read.shape == (7, 5, 6, 3) and all((read[one] == picture(one)).all() for one in range(7))


def test_numpy_reads_the_file_of_many_sizes(uneven):
    read = np.load(uneven / PICTURES)
    assert (read == np.concatenate([picture(one, 3 + one, 9 - one).ravel() for one in range(5)])).all()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=12))
def test_pictures_of_any_sizes_come_back(tmp_path, sizes):
    pictures = [(f"p/{number} é", picture(number, *size)) for number, size in enumerate(sizes)]
    write_packed(tmp_path, pictures)
    packed = PackedPictures(tmp_path)
    assert len(packed) == len(sizes) and list(packed.sizes) == sizes
    for index, (name, original) in enumerate(pictures):
        assert packed.name(index) == name and (packed[index] == original).all()
    packed.verify()


def test_a_picture_is_a_read_only_view(even):
    view = PackedPictures(even)[3]
    assert type(view) is np.ndarray and not view.flags.owndata and not view.flags.writeable


@pytest.mark.parametrize("index", [-1, 7])
def test_there_is_no_picture_beyond_the_ends(even, index):
    with pytest.raises(IndexError, match=f"picture {index} of a packed set of 7"):
        PackedPictures(even)[index]


def test_opening_reads_no_pictures_and_verifying_names_the_damaged_one(even):
    file = even / PICTURES
    content = bytearray(file.read_bytes())
    content[128 + 4 * 90 + 17] ^= 1
    file.write_bytes(content)
    packed = PackedPictures(even)
    seen = []
    with pytest.raises(BadImage, match=r"pictures\.npy: picture 4 \(4\.png\) is not what was packed"):
        packed.verify(lambda done, total: seen.append((done, total)))
    assert not seen


def test_an_interrupt_does_not_wait_for_a_picture_that_hangs(even, monkeypatch):
    """As on a drive that has gone."""
    drive_is_back, read = threading.Event(), []
    monkeypatch.setattr("srkit.data.packed.check_of", lambda content: drive_is_back.wait(10) or read.append(content))
    threading.Timer(0.3, _thread.interrupt_main).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            PackedPictures(even).verify()
        assert not read
    finally:
        drive_is_back.set()


DAMAGE = {
    "cut short": (PICTURES, lambda content: content[:-1], r"pictures\.npy: cut short, it has 757 bytes"),
    "longer": (PICTURES, lambda content: content + b"x", r"pictures\.npy: longer than it was"),
    "another header": (PICTURES, lambda content: content.replace(b"(7, 5", b"(7, 6"), r"pictures\.npy: its header"),
    "empty": (PICTURES, lambda content: b"", r"pictures\.npy: its header"),
    "a name changed": (INDEX, lambda content: content.replace(b"1.png", b"2.png"), r"index\.json: .*checksum"),
    "torn index": (INDEX, lambda content: content[:40], r"index\.json: damaged"),
    "no object": (INDEX, lambda content: b"[1]", r"index\.json: damaged"),
    "not text": (INDEX, lambda content: b"\xff\xfe", r"index\.json: damaged"),
    "another format": (INDEX, lambda content: content.replace(b"srkit packed", b"other packed"), "not the index"),
    "a later version": (INDEX, lambda content: content.replace(b'"version": 1', b'"version": 9'), "version 9"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_error_that_names_the_file(even, damage):
    name, change, message = DAMAGE[damage]
    (even / name).write_bytes(change((even / name).read_bytes()))
    with pytest.raises(UserError, match=message):
        PackedPictures(even)
    with pytest.raises(OptionError, match=message):
        Packed(even)


def test_packing_nothing_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="no pictures to pack"):
        write_packed(tmp_path / "none", [])
    assert not list((tmp_path / "none").iterdir())


def test_a_set_that_was_packed_over_is_never_read_with_the_old_index(even, monkeypatch):
    monkeypatch.setattr("srkit.data.packed.finish_packed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_packed(even, [("new", picture(9))])
    with pytest.raises(UserError, match=r"index\.json: cannot be read"):
        PackedPictures(even)


# --- the dataset ----------------------------------------------------------------------------------------------------


def names(dataset: Packed) -> list[str]:
    return [dataset.name(index) for index in range(len(dataset))]


def test_the_order_is_a_function_of_the_seed_and_the_pictures(even, tmp_path):
    dataset = Packed(even)
    assert isinstance(dataset, Dataset)
    assert sorted(names(dataset)) == names(Packed(even, seed=None)) == [f"{one}.png" for one in range(7)]
    assert names(dataset) == names(Packed(even)) != names(Packed(even, seed=13))
    assert names(Packed(even, limit=3)) == names(dataset)[:3]
    write_packed(tmp_path / "more", [(f"{one}.png", picture(one)) for one in range(9)])
    assert [one for one in names(Packed(tmp_path / "more")) if one in names(dataset)] == names(dataset)
    for index, name in enumerate(names(dataset)):
        assert (dataset[index] == picture(int(name[0]))).all()


def test_it_pickles_small_and_opens_the_file_again(tmp_path):
    write_packed(tmp_path, [(f"a long name for a patch {one}", picture(one)) for one in range(300)])
    dataset = Packed(tmp_path, limit=250)
    content = pickle.dumps(dataset)
    assert len(content) < 1000
    again = pickle.loads(content)
    assert names(again) == names(dataset) and (again[200] == dataset[200]).all()


def take_all(sample, draws):
    return np.ascontiguousarray(sample), None


def test_spawned_workers_read_the_same_pictures(even):
    requests = [Request(1, 0, (0, 1), (2, 5)), Request(2, 0, (0, 1), (6, 0))]

    def batches(workers: int) -> list[np.ndarray]:
        stream = load(
            Packed(even), requests, prepare=take_all, seed=1, attempt=0, workers=workers, context="spawn", timeout=100
        )
        return [batch.hr.numpy() for batch in stream]

    assert all((one == other).all() for one, other in zip(batches(0), batches(1), strict=True))


def test_what_is_no_packed_set_is_refused_with_the_way_out(even, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copytree(even, tmp_path / "both" / "train")
    (tmp_path / "begun" / ".prepare").mkdir(parents=True)
    (tmp_path / "file").touch()
    cases = [
        (tmp_path / "missing", "no such folder"),
        (tmp_path / "file", "is a file, not a folder"),
        (photos, r"no packed set .*`srkit prepare --packed` makes one"),
        (tmp_path / "both", "Name one of the sets in it: train"),
        (tmp_path / "begun", "has not finished it: the same command goes on"),
    ]
    for path, message in cases:
        with pytest.raises(OptionError, match=message):
            Packed(path)
    (photos / "a.jpg").touch()
    with pytest.raises(OptionError, match=r"`srkit prepare .*photos --out SET --packed --whole` packs"):
        Packed(photos)
    with pytest.raises(OptionError, match="limit"):
        Packed(even, limit=0)


def test_the_audit_verifies_once_and_decodes_nothing(uneven, tmp_path, monkeypatch):
    calls = []
    verify = PackedPictures.verify
    monkeypatch.setattr(PackedPictures, "verify", lambda self, progress=None: calls.append(1) or verify(self, progress))
    memory = tmp_path / "data.json"
    dataset = Cached(Subset(Packed(uneven, seed=None), range(5)))
    small = find_broken_samples(dataset, minimum=6, memory=memory)
    # widths 3..7, heights 9..5
    assert [bad.why.split(",")[0] for bad in small.values()] == ["3x9 pixels", "4x8 pixels", "5x7 pixels", "7x5 pixels"]
    assert len(find_broken_samples(dataset, minimum=1, memory=memory)) == 0 and len(calls) == 1
    file = uneven / PICTURES
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(BadImage, match=r"pictures\.npy: picture 4"):
        find_broken_samples(Packed(uneven), minimum=1, memory=memory)


def test_the_cache_leaves_it_where_it_is(even):
    cached = Cached(Packed(even), 10**6)
    assert cached.is_complete and (cached[0] == Packed(even)[0]).all() and cached.bytes == 0


def test_a_mix_of_packed_sets_is_verified_too(even, uneven):
    mix = Mix([lambda: Packed(even, seed=None), lambda: Packed(uneven, seed=None)])
    assert len(find_broken_samples(mix, minimum=5)) == 2  # 3x9 and 4x8
    assert mix.sizes()[:8] == [(6, 5)] * 7 + [(3, 9)]


def test_the_fingerprint_follows_the_file(even):
    import os

    first = fingerprint(Packed(even), {})
    assert first == fingerprint(Packed(even), {})
    os.utime(even / PICTURES, ns=(1, 1))
    assert fingerprint(Packed(even), {}) != first


def test_the_index_is_json_with_a_checksum_a_picture(even):
    index = json.loads((even / INDEX).read_text())
    assert index["shape"] == [5, 6, 3] and index["sizes"] is None
    assert len(index["checks"]) == len(index["names"]) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"names": ["a", "b\n"]},
        {"names": ["a", 5]},
        {"names": ["a"]},
        {"names": []},
        {"checks": ["0" * 16, "../../x"]},
        {"checks": 5},
        {"shape": [4, 4, 1]},
        {"shape": [0, 4, 3]},
        {"shape": [2**40, 2**40, 3]},
        {"shape": None, "sizes": [[4, 4]]},
        {"shape": None, "sizes": [[-4, -4], [4, 4]]},
        {"shape": None, "sizes": [["4", "4"], [4, 4]]},
    ],
    ids=str,
)
def test_an_index_of_another_form_is_refused_though_its_checksum_fits(tmp_path: Path, change: dict[str, Any]) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    write_packed(tmp_path / "set", [("a", picture), ("b", picture)])
    path = tmp_path / "set" / "index.json"
    content = json.loads(path.read_text()) | change
    content.pop("checksum")
    path.write_text(json.dumps({**content, "checksum": sha256(json.dumps(content).encode()).hexdigest()}))
    with pytest.raises(UserError, match=r"index\.json: damaged, it is no index"):
        PackedPictures(tmp_path / "set")


def test_a_deep_index_is_refused_in_a_sentence(tmp_path: Path) -> None:
    write_packed(tmp_path / "set", [("a", np.zeros((4, 4, 3), np.uint8))])
    (tmp_path / "set" / "index.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="nested too deep"):
        PackedPictures(tmp_path / "set")
