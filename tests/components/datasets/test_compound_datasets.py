"""`paired`, `mix` and `flowers102`: what belongs together, shares, and the notes' centre square."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
from PIL import Image

from srkit.components.datasets.flowers102 import Flowers102
from srkit.components.datasets.folder import Folder
from srkit.components.datasets.mix import Mix
from srkit.components.datasets.paired import Paired
from srkit.contracts import Dataset
from srkit.data.decoding import save_png
from srkit.errors import BadImage, OptionError, UserError


def fill(root: Path, sizes: dict[str, tuple[int, int]]) -> Path:
    for number, (name, (width, height)) in enumerate(sizes.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        save_png(root / name, np.full((height, width, 3), number, np.uint8))
    return root


# --- paired ---------------------------------------------------------------------------------------------------------


def test_pairs_are_matched_by_name(tmp_path: Path) -> None:
    lr = fill(tmp_path / "lr", {"b/1x4.png": (5, 4), "ax4.png": (3, 3)})
    hr = fill(tmp_path / "hr", {"a.png": (12, 14), "b/1.png": (20, 16)})
    pairs = pickle.loads(pickle.dumps(Paired(lr, hr, lr_suffix="x4", seed=None)))
    assert isinstance(pairs, Dataset) and len(pairs) == 2
    assert [pairs.name(index) for index in range(2)] == ["a.png", "b/1.png"]
    assert list(pairs.files()) == [hr / "a.png", hr / "b/1.png"]
    small, large = pairs[1]
    assert small.shape == (4, 5, 3) and large.shape == (16, 20, 3) and small.max() == 0 and large.min() == 1


def test_the_order_is_a_function_of_the_seed(tmp_path: Path) -> None:
    sizes = {f"{number:02}.png": (2, 2) for number in range(20)}
    lr, hr = fill(tmp_path / "lr", sizes), fill(tmp_path / "hr", sizes)

    def names(**options: Any) -> list[str]:
        pairs = Paired(lr, hr, **options)
        return [pairs.name(index) for index in range(len(pairs))]

    assert names() == names(seed=12) != names(seed=13) and sorted(names()) == names(seed=None) == list(sizes)


def test_what_does_not_belong_together_is_named(tmp_path: Path) -> None:
    lr = fill(tmp_path / "lr", {"a.png": (4, 4), "b.png": (4, 4), "c.png": (4, 4)})
    hr = fill(tmp_path / "hr", {"a.png": (8, 8), "b.png": (8, 12), "c.png": (4, 3)})
    with pytest.raises(OptionError, match=r"b\.png does not belong.*4x4 and 8x12 pixels.*1 more of 3") as caught:
        Paired(lr, hr)
    assert caught.value.key == "lr_folder"
    later = Paired(lr, hr, check_sizes=False, seed=None)
    assert later[0][1].shape == (8, 8, 3)
    with pytest.raises(BadImage, match="no whole number apart"):
        later[1]
    fill(hr, {"d.png": (8, 8), "e.png": (8, 8)})
    with pytest.raises(OptionError, match=r"d\.png and 1 more have no partner") as caught:
        Paired(lr, hr)
    assert caught.value.key == "hr_folder"
    with pytest.raises(OptionError, match="does not end with 'x2'"):
        Paired(lr, hr, lr_suffix="x2")
    with pytest.raises(OptionError, match="no such folder") as caught:
        Paired(lr, tmp_path / "missing")
    assert caught.value.key == "hr_folder"
    save_png(lr / "a.webp", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(OptionError, match="differ in nothing but their endings"):
        Paired(lr, hr)


def test_a_broken_file_is_left_to_the_audit(tmp_path: Path) -> None:
    lr, hr = fill(tmp_path / "lr", {"a.png": (4, 4)}), fill(tmp_path / "hr", {"a.png": (8, 8)})
    (lr / "a.png").write_bytes(b"no picture")
    with pytest.raises(BadImage, match=r"a\.png"):
        Paired(lr, hr)[0]


# --- mix ------------------------------------------------------------------------------------------------------------


def parts(tmp_path: Path, *counts: int) -> list[Any]:
    for part, count in enumerate(counts):
        fill(tmp_path / str(part), {f"{part}-{number}.png": (2, 2) for number in range(count)})
    return [partial(Folder, tmp_path / str(part), seed=None) for part in range(len(counts))]


def test_a_mix_keeps_its_shares_and_shows_every_picture(tmp_path: Path) -> None:
    mix = pickle.loads(pickle.dumps(Mix(parts(tmp_path, 10, 3), shares=[0.5, 0.5])))
    names = [mix.name(index) for index in range(len(mix))]
    assert isinstance(mix, Dataset) and len(names) == 20
    assert sum(name.startswith("0-") for name in names) == 10 and len(set(names)) == 13
    assert sorted(names.count(f"1-{number}.png") for number in range(3)) == [3, 3, 4]
    assert [file.name for file in mix.files()] == names
    assert mix[19].shape == (2, 2, 3)
    with pytest.raises(IndexError):
        mix[20]


def test_without_shares_every_picture_occurs_once(tmp_path: Path) -> None:
    mix = Mix(parts(tmp_path, 4, 2))
    assert len({mix.name(index) for index in range(len(mix))}) == len(mix) == 6
    uneven = Mix(parts(tmp_path, 4, 2), shares=[1, 3])
    assert len(uneven) == 16


def test_what_a_mix_refuses(tmp_path: Path) -> None:
    two = parts(tmp_path, 2, 2)
    for options, key in (
        ({"parts": []}, "parts"),
        ({"parts": two, "shares": [1.0]}, "shares"),
        ({"parts": two, "shares": [1.0, 0.0]}, "shares"),
    ):
        with pytest.raises(OptionError) as caught:
            Mix(**options)
        assert caught.value.key == key
    mixed = Mix([two[0], partial(Paired, tmp_path / "1", tmp_path / "1")])
    assert mixed[0].shape == (2, 2, 3)  # type: ignore[union-attr]
    with pytest.raises(UserError, match="pictures in one part and"):
        mixed[3]


def test_a_mix_has_files_only_where_all_parts_have(tmp_path: Path) -> None:
    class Bare:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> np.ndarray:
            return np.zeros((2, 2, 3), np.uint8)

        def name(self, index: int) -> str:
            return "bare"

    assert not hasattr(Mix([*parts(tmp_path, 2), Bare]), "files")


# --- flowers102 -----------------------------------------------------------------------------------------------------


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of three in torchvision's folders."""
    from torchvision.datasets import Flowers102 as Files

    root = tmp_path / "flowers-102"
    (root / "jpg").mkdir(parents=True)
    for number in (1, 2, 3):
        picture = np.zeros((50, 90, 3), np.uint8)
        picture[:, 20:70] = 80 * number
        Image.fromarray(picture).save(root / "jpg" / f"image_{number:05d}.jpg", quality=100, subsampling=0)
    scipy.io.savemat(root / "imagelabels.mat", {"labels": np.array([[1, 2, 3]])})
    scipy.io.savemat(
        root / "setid.mat", {"trnid": np.array([[1, 3]]), "valid": np.array([[2, 1]]), "tstid": np.array([[2, 3]])}
    )
    monkeypatch.setattr(Files, "_check_integrity", lambda self: True)
    return tmp_path


def test_flowers_are_centre_squares(flowers: Path) -> None:
    data = Flowers102(flowers, size=32)
    assert isinstance(data, Dataset) and len(data) == 2 and len(Flowers102(flowers, split="val")) == 2
    assert [data.name(index) for index in range(2)] == ["image_00001.jpg", "image_00003.jpg"]
    image = data[0]
    assert image.shape == (32, 32, 3) and image.dtype == np.uint8
    assert np.abs(image[:, 2:-2].astype(int) - 80).max() <= 4, "the black sides are cut off"
    assert Flowers102(flowers, size=None)[1].shape == (50, 90, 3)
    assert all(file.is_file() for file in data.files())


def test_flowers_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="download = true") as caught:
        Flowers102(tmp_path)
    assert caught.value.key == "root"
    with pytest.raises(OptionError, match="size"):
        Flowers102(tmp_path, size=0)


def test_flowers_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import Flowers102 as Files

    def download(self: Files) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(Files, "download", download)
    with pytest.raises(OptionError, match=r"could not be fetched into .* \(Name or service not known\)") as caught:
        Flowers102(tmp_path, download=True)
    assert caught.value.key == "download"


@pytest.mark.parametrize(
    ("names", "suffix"),
    [(("0001x2", "0002x2"), "x2"), (("0001_LR", "0002_LR"), "_LR"), (("0001x2", "0002x4"), ""), (("a", "b"), "")],
)
def test_lr_names_that_go_on_suggest_their_suffix(names: tuple[str, ...], suffix: str, tmp_path: Path) -> None:
    for folder, own, side in (("lr", names, 8), ("hr", ("0001", "0002", "0003"), 16)):
        (tmp_path / folder).mkdir()
        for name in own:
            Image.new("RGB", (side, side)).save(tmp_path / folder / f"{name}.png")
    with pytest.raises(OptionError) as caught:
        Paired(tmp_path / "lr", tmp_path / "hr")
    hint = f'Their names go on: write lr_suffix = "{suffix}".'
    assert (hint in caught.value.why) is bool(suffix) and "no partner" in caught.value.why
    if suffix:
        (tmp_path / "hr/0003.png").unlink()
        assert len(Paired(tmp_path / "lr", tmp_path / "hr", lr_suffix=suffix)) == 2
