"""The `sample-photos` dataset: the same photos on every machine, the two sides apart."""

import subprocess
import sys
import typing
from pathlib import Path

import pytest

from srkit.components.datasets import sample_photos
from srkit.components.datasets.sample_photos import SamplePhotos
from srkit.contracts import Dataset
from srkit.errors import OptionError

SIZES = {
    "astronaut.png": (512, 512),
    "chelsea.png": (300, 451),
    "coffee.png": (400, 600),
    "ihc.png": (512, 512),
}


def names(split: typing.Literal["train", "validate", "all"]) -> set[str]:
    photos = SamplePhotos(split=split)
    return {photos.name(index) for index in range(len(photos))}


def test_the_sides_do_not_share_a_scene():
    assert not names("train") & names("validate")
    assert names("all") == names("train") | names("validate")
    assert {"motorcycle_left.png", "motorcycle_right.png"} <= names("train")
    assert len(names("train")) == 9


def test_the_photos_are_there_and_in_colour():
    photos = SamplePhotos(split="validate")
    assert isinstance(photos, Dataset)
    for index in range(len(photos)):
        image = photos[index]
        assert image.shape == (*SIZES[photos.name(index)], 3)
        assert (image[..., 0] != image[..., 2]).mean() > 0.5
    assert [file.name for file in photos.files()] == list(SIZES)
    assert all(min(SamplePhotos(split="all")[index].shape[:2]) >= 300 for index in range(13))


def test_scikit_image_is_found_and_not_imported():
    text = (
        "import sys; from srkit.components.datasets.sample_photos import SamplePhotos; "
        "SamplePhotos()[0]; sys.exit('skimage' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", text], cwd=root, timeout=60).returncode == 0


def test_missing_photos_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(sample_photos, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match="not installed; install srkit again"):
        SamplePhotos()
    monkeypatch.undo()
    monkeypatch.setattr(sample_photos, "_photo_folder", lambda: tmp_path)
    with pytest.raises(OptionError, match=r"motorcycle_left\.png.* not found"):
        SamplePhotos(split="train")
    with pytest.raises(OptionError, match="no split 'test'"):
        SamplePhotos(split="test")


def test_options_resolve_at_run_time():
    hints = typing.get_type_hints(SamplePhotos.__init__)
    assert hints["split"] == typing.Literal["train", "validate", "all"]
    assert 0 < len((SamplePhotos.__doc__ or "").splitlines()[0]) < 90
