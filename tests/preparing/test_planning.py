"""What headers tell, what `shrink_first` means, and which side a photo goes to."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from srkit.errors import UserError
from srkit.preparing.estimate import estimate
from srkit.preparing.photos import cameras, endings, find_photos
from srkit.preparing.plan import _best_exchange
from srkit.preparing.settings import parse_shrink_first, parse_shrinks
from srkit.preparing.shrinking import Shrinker
from srkit.registry import Registry
from tests.preparing.support import photo, planned


def exif(model: str | None = None, orientation: int | None = None) -> Image.Exif:
    found = Image.Exif()
    if model is not None:
        found[0x0110] = model
    if orientation is not None:
        found[0x0112] = orientation
    return found


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    photo(folder / "a.jpg", 1, exif=exif("Pixel 7"))
    photo(folder / "b.JPG", 2, 64, 36, exif=exif("Pixel 7 ", 6))
    photo(folder / "c.png", 3, exif=exif("EOS 80D"))
    photo(folder / "deep" / "d.png", 4)
    photo(folder / "e.png", 5, 12, 50)
    (folder / "f.jpg").write_bytes(b"")
    return folder


def test_headers_give_size_camera_and_type(album, tmp_path):
    photos = find_photos([album], tmp_path / "out", Registry.installed())
    assert [one.name for one in photos] == ["a.jpg", "b.JPG", "c.png", "deep/d.png", "e.png", "f.jpg"]
    assert (photos[1].width, photos[1].height) == (36, 64)
    assert cameras(photos) == {"Pixel 7": 2, "EOS 80D": 1, "": 2}
    assert endings(photos) == {".jpg": 2, ".png": 3}
    assert photos[5].why == "is empty (zero bytes)" and not any(one.why for one in photos[:5])


def test_several_folders_and_single_files(album, tmp_path):
    photo(tmp_path / "x" / "a.jpg", 9)
    given = [tmp_path / "x" / "a.jpg", album, album / "deep"]
    names = [one.name for one in find_photos(given, tmp_path / "out", Registry.installed())]
    assert names == [
        "a.jpg",
        "album/a.jpg",
        "album/b.JPG",
        "album/c.png",
        "album/deep/d.png",
        "album/e.png",
        "album/f.jpg",
    ]


def test_results_inside_of_the_source_are_no_source(album):
    photo(album / "patches" / "0" / "0.png", 7)
    assert not [one for one in planned(album, album / "patches").photos if "patches" in one.name]


def test_a_camera_goes_before_a_type_and_case_does_not_matter(album, tmp_path):
    jobs = planned(album, tmp_path / "out", shrink_first={"pixel 7": 2, ".png": 1, ".jpg": 4}, patch_size=8).jobs
    assert {job.photo.name: job.size for job in jobs} == {
        "a.jpg": (20, 18),
        "b.JPG": (18, 32),
        "c.png": (40, 36),
        "deep/d.png": (40, 36),
        "e.png": (12, 50),
    }


def test_a_camera_or_type_that_is_not_there_is_refused_with_those_that_are(album, tmp_path):
    with pytest.raises(
        UserError, match=r"no photo is by the camera 'Pixel 8'. Did you mean 'Pixel 7'.*EOS 80D, Pixel 7"
    ):
        planned(album, tmp_path / "out", shrink_first={"Pixel 8": 2})
    with pytest.raises(UserError, match=r"no file ends with '\.tif'\. There are: \.jpg, \.png"):
        planned(album, tmp_path / "out", shrink_first={".tif": 2})


def test_too_small_and_broken_ones_are_set_aside(album, tmp_path):
    plan = planned(album, tmp_path / "out")
    assert [one.name for one in plan.small] == ["e.png"] and [one.name for one in plan.broken] == ["f.jpg"]
    # 40x36 gives 2x2, its half 20x18 one; 36x64 gives 2x4, its half 18x32 two
    most = {job.photo.name: plan.most_patches(job) for job in plan.jobs}
    assert most == {"a.jpg": 5, "b.JPG": 10, "c.png": 5, "deep/d.png": 5}
    with pytest.raises(UserError, match=r"none of the 6 pictures .*f\.jpg: is empty.*no patch of 128x128 fits"):
        planned(album, tmp_path / "out", patch_size=128)


def test_a_share_of_the_photos_validates(album, tmp_path):
    for number in range(6, 22):
        photo(album / f"{number}.png", number)
    jobs = planned(album, tmp_path / "out", validate=0.2).jobs
    assert [job.side for job in jobs].count("validate") == 4 and len(jobs) == 20
    other = planned(album, tmp_path / "out", validate=0.2, seed=13).jobs
    assert [job.side for job in jobs] != [job.side for job in other]
    assert {job.side for job in planned(album, tmp_path / "out").jobs} == {""}


def test_the_share_of_the_patches_is_near_what_was_asked_for_where_photos_differ_in_size(tmp_path):
    for number in range(12):
        side = 48 * (1 + number % 4)  # 1 to 16 times as many patches
        photo(tmp_path / "a" / f"{number}.png", number, side, side)
    for seed in range(8):
        plan = planned(tmp_path / "a", tmp_path / "out", validate=0.25, seed=seed)
        validating = [job for job in plan.jobs if job.side == "validate"]
        share = sum(map(plan.most_patches, validating)) / sum(map(plan.most_patches, plan.jobs))
        assert len(validating) == 3 and 0.2 <= share <= 0.3
        assert plan.validating == (3, pytest.approx(share))
    # what cannot be had of whole photos is as near as it can be: the large one alone is 8 in 10 patches
    for name, side in (("large", 192), ("1", 48), ("2", 48), ("3", 48), ("4", 48)):
        photo(tmp_path / "b" / f"{name}.png", len(name), side, side)
    for seed in range(4):
        plan = planned(tmp_path / "b", tmp_path / "out", validate=0.2, seed=seed)
        (held,) = [job.photo.name for job in plan.jobs if job.side == "validate"]
        assert held != "large.png"


def test_exchanges_find_what_trying_all_pairs_finds():
    draws = np.random.default_rng(3)
    for _ in range(40):
        chosen, left = draws.integers(1, 50, 4).tolist(), draws.integers(1, 50, 7).tolist()
        over = float(draws.integers(-40, 40))
        best = min(abs(over - one + other) for one in chosen for other in left)
        found = _best_exchange(chosen, left, over)
        if best >= abs(over):
            assert found is None
        else:
            assert found is not None and abs(over - chosen[found[0]] + left[found[1]]) == best


def test_one_photo_cannot_be_on_two_sides(tmp_path):
    photo(tmp_path / "a" / "a.png", 1)
    with pytest.raises(UserError, match="of 1 usable photos that leaves none to train on"):
        planned(tmp_path / "a", tmp_path / "out", validate=0.5)


def test_what_is_typed_becomes_numbers():
    assert parse_shrink_first(("Pixel 7=2", ".JPG=4", "A=B=3")) == {"Pixel 7": 2, ".jpg": 4, "A=B": 3}
    assert parse_shrinks("4, 1,2,2") == (1, 2, 4)
    for wrong in ("Pixel 7", "=2", "Pixel=0", "Pixel=two"):
        with pytest.raises(UserError, match="expected MODEL=N"):
            parse_shrink_first((wrong,))
    for wrong in ("", "0,1", "1;2", "a"):
        with pytest.raises(UserError, match="whole numbers from 1"):
            parse_shrinks(wrong)


def test_the_largest_of_photos_that_look_alike_comes_first(tmp_path):
    for name, size in (("a thumbnail.png", (40, 36)), ("b.png", (80, 72)), ("c.png", (80, 72))):
        photo(tmp_path / "a" / name, 1, *size)
    (tmp_path / "a" / "c.png").write_bytes((tmp_path / "a" / "b.png").read_bytes() + b"more")

    def order(bits: int) -> list[str]:
        return [job.photo.name for job in planned(tmp_path / "a", tmp_path / "out", near_duplicates=bits).jobs]

    assert order(24) == ["c.png", "b.png", "a thumbnail.png"]
    assert order(-1) == ["a thumbnail.png", "b.png", "c.png"]


def test_the_estimate_does_not_miss_a_large_photo_among_small_flat_ones(tmp_path):
    for number in range(12):
        Image.new("RGB", (16, 16), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    photo(tmp_path / "8 large.png", 1, 320, 160)
    for bits in (-1, 24):
        plan = planned(tmp_path, tmp_path / "out", shrinks=(1,), near_duplicates=bits)
        coming = estimate(plan, Shrinker("pillow", [], Registry.installed()))
        assert coming.most == 212 and 190 <= coming.patches <= 212
