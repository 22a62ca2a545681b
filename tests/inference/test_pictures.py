"""What goes with an image when it is made larger: colours under transparency, profile, EXIF, resolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from scipy.ndimage import uniform_filter

from srkit.inference.pictures import Large, enlarge, write

GREY = b"\0" * 16 + b"GRAY" + b"\0" * 108
RGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CMYK = b"\0" * 16 + b"CMYK" + b"\0" * 108


def blurred(image: np.ndarray) -> np.ndarray:
    """Twice as large, each pixel the mean of 3 x 3: what a network with a small field does."""
    soft = uniform_filter(image.astype(np.float64), (3, 3, 0), mode="nearest")
    return np.repeat(np.repeat(soft, 2, 0), 2, 1).round().astype(image.dtype)


def half_hidden(hidden: int, *, channels: int = 4, wide: bool = False) -> np.ndarray:
    """Left half visible, of a colour that changes; right half fully transparent, of another."""
    full = 65535 if wide else 255
    image = np.zeros((8, 12, channels), np.uint16 if wide else np.uint8)
    image[..., :-1] = (np.arange(8) * full // 20 + full // 3)[:, None, None]
    image[..., -1] = full
    image[:, 6:, :-1] = hidden * full // 255
    image[:, 6:, -1] = 0
    return image


def saved(place: Path, kind: str, hidden: int) -> Path:
    path = place / f"{kind.replace(' ', '-')}-{hidden}.png"
    if kind == "16 bits":
        write(path, Large(half_hidden(hidden, wide=True), b"", b""), "png")
    elif kind == "palette":
        image = Image.new("P", (12, 8))
        image.putpalette([*(value for row in range(8) for value in [row * 12 + 85] * 3), *[hidden] * 3])
        values = np.repeat(np.arange(8, dtype=np.uint8)[:, None], 12, 1)
        values[:, 6:] = 8
        image.putdata(values.reshape(-1).tolist())
        image.save(path, transparency=8)
    elif kind == "LA":
        Image.fromarray(half_hidden(hidden, channels=2), mode="LA").save(path)
    elif kind == "a colour that is transparent":
        Image.fromarray(np.ascontiguousarray(half_hidden(hidden)[..., :3])).save(path, transparency=(hidden,) * 3)
    else:
        Image.fromarray(half_hidden(hidden)).save(path)
    return path


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "a colour that is transparent", "16 bits"])
def test_what_lies_under_transparent_pixels_changes_nothing_that_is_seen(kind: str, tmp_path: Path) -> None:
    results = [enlarge(saved(tmp_path, kind, hidden), blurred).pixels for hidden in (0, 255)]
    assert all(one.shape == (16, 24, 4) for one in results)
    np.testing.assert_array_equal(results[0], results[1])
    # at the edge what is seen is what it would be if the visible colours went on
    full = 65535 if kind == "16 bits" else 255
    rows = results[0][..., 0].astype(np.float64) / full
    assert np.abs(rows[:, 10] - rows[:, 0]).max() < 1.5 / 255


def test_an_image_without_a_visible_pixel_stays_as_it_is(tmp_path: Path) -> None:
    image = half_hidden(77)
    image[..., 3] = 0
    Image.fromarray(image).save(tmp_path / "a.png")
    large = enlarge(tmp_path / "a.png", blurred).pixels
    np.testing.assert_array_equal(large[..., :3], blurred(image[..., :3]))
    assert not large[..., 3].any()


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("mode", "profile"), [("L", GREY), ("L", RGB), ("RGB", RGB), ("RGB", GREY), ("RGB", CMYK), ("LA", GREY)]
)
def test_a_profile_stands_in_files_of_its_own_colours_alone(
    form: str, mode: str, profile: bytes, tmp_path: Path
) -> None:
    Image.new(mode, (8, 6), 100 if mode == "L" else None).save(tmp_path / "a.png", icc_profile=profile)
    large = enlarge(tmp_path / "a.png", blurred)
    remarks = write(tmp_path / f"b.{form}", large, form)
    with Image.open(tmp_path / f"b.{form}") as image:
        kept = image.info.get("icc_profile") or b""
        space = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}[image.mode]
    assert kept[16:20] in (b"", space)
    assert kept or any("profile" in one for one in remarks)


def exif_of(**tags: object) -> bytes:
    exif = Image.Exif()
    exif[0x0110], exif[0x0100], exif[0x0101] = "Camera", 8, 6
    own = exif.get_ifd(0x8769)
    own[0xA002], own[0xA003], own[0x9214], own[0xA20E] = 8, 6, (4, 3), 100.0
    exif[0x8769] = dict(own)
    for tag, value in tags.items():
        exif[int(tag[1:])] = value
    return exif.tobytes()


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_exif_says_the_size_that_the_file_has(form: str, orientation: int, tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif_of(t274=orientation))
    write(tmp_path / "b", enlarge(tmp_path / "a.jpg", blurred), form)
    with Image.open(tmp_path / "b") as image:
        exif, size = image.getexif(), image.size
    own = exif.get_ifd(0x8769)
    assert size == ((16, 12) if orientation == 1 else (12, 16))
    assert (exif[0x0100], exif[0x0101]) == size == (own[0xA002], own[0xA003])
    assert exif[0x0110] == "Camera" and 0x9214 not in own and float(own[0xA20E]) == 200 and 274 not in exif


def test_sizes_are_not_made_up_where_exif_has_none(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "Camera"
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
    write(tmp_path / "b.png", enlarge(tmp_path / "a.jpg", blurred), "png")
    with Image.open(tmp_path / "b.png") as image:
        found = image.getexif()
        assert found[0x0110] == "Camera" and 0x0100 not in found and not found.get_ifd(0x8769)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("source", ["png", "jpg", "tif", "bmp"])
def test_the_resolution_goes_along(form: str, source: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / f"a.{source}", dpi=(300, 150))
    write(tmp_path / "b", enlarge(tmp_path / f"a.{source}", blurred), form)
    with Image.open(tmp_path / "b") as image:
        exif = image.getexif()
        found = image.info["dpi"] if form != "webp" else (exif[0x011A], exif[0x011B])
        assert [float(one) for one in found] == pytest.approx([300, 150], abs=0.1)


def test_a_turned_image_s_resolution_is_turned_too_and_16_bits_have_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 150))
    assert enlarge(tmp_path / "a.jpg", blurred).resolution == pytest.approx((150, 300))
    write(tmp_path / "b.png", Large(half_hidden(0, wide=True), b"", b"", (), (300.0, 150.0)), "png")
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_an_image_without_a_resolution_gets_none(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    write(tmp_path / "b.png", enlarge(tmp_path / "a.png", blurred), "png")
    with Image.open(tmp_path / "b.png") as image:
        assert "dpi" not in image.info
