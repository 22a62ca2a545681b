"""Every kind of picture becomes the RGB that the formulas say, and a picture that cannot is named."""

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, features

from srkit.data.decoding import IMAGE_SUFFIXES, decode, image_size, save_png
from srkit.errors import BadImage, UserError

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(values: np.ndarray, colour_type: int, *extra: bytes, late: bytes = b"") -> bytes:
    """A PNG written by hand, since Pillow writes no 16-bit colour: values (H, W, channels), uint8 or uint16."""
    height, width, _ = values.shape
    bits = values.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(values.dtype.newbyteorder(">")).tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + late + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def rounded(numerator: np.ndarray, denominator: int) -> np.ndarray:
    """Round half up in whole numbers; the denominators here are odd, so there is no half."""
    return ((2 * numerator.astype(object) + denominator) // (2 * denominator)).astype(np.uint8)


def over(colour: np.ndarray, alpha: np.ndarray, background: tuple[int, int, int], full: int) -> np.ndarray:
    behind = np.array(background, dtype=object) * (full // 255)
    colour, alpha = colour.astype(object), alpha.astype(object)
    return rounded(255 * (colour * alpha + behind * (full - alpha)), full * full)


RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)
RAMP_8 = rounded(RAMP, 257)


@pytest.mark.parametrize("name", ["ramp.png", "ramp.tif", "ramp.pgm", "packed.tif"])
def test_a_grey_16_bit_ramp_is_scaled_and_rounded(tmp_path, name):
    how = {"compression": "tiff_lzw"} if name == "packed.tif" else {}
    Image.fromarray(RAMP).save(tmp_path / name, **how)
    assert np.array_equal(decode(tmp_path / name), np.repeat(RAMP_8[..., None], 3, -1))


def test_a_big_endian_16_bit_tiff(tmp_path):
    entries = [(256, 256), (257, 256), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, 256), (279, 131072)]
    ifd = struct.pack(">H", len(entries))
    ifd += b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in entries) + struct.pack(">I", 0)
    content = b"MM\0*" + struct.pack(">I", 8 + 131072) + RAMP.astype(">u2").tobytes() + ifd
    assert Image.open(io.BytesIO(content)).mode == "I;16B"
    assert np.array_equal(decode(written(tmp_path / "big.tif", content))[..., 0], RAMP_8)


def test_a_colour_16_bit_ramp_is_scaled_and_rounded(tmp_path):
    values = np.stack([RAMP, RAMP[::-1], RAMP.T], -1)
    image = decode(written(tmp_path / "wide.png", png(values, 2)))
    assert np.array_equal(image, rounded(values, 257))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_16_bit_tiff(tmp_path, order, channels):
    values = np.stack([RAMP, RAMP[::-1], RAMP.T, np.full_like(RAMP, 65535)][:channels], -1)
    data = values.astype(f"{order}u2").tobytes()
    bits_at, data_at = 8, 8 + 2 * channels
    entries = [(256, 4, 1, 256), (257, 4, 1, 256), (258, 3, channels, bits_at), (259, 4, 1, 1), (262, 4, 1, 2)]
    entries += [(273, 4, 1, data_at), (277, 4, 1, channels), (278, 4, 1, 256), (279, 4, 1, len(data))]
    ifd = struct.pack(f"{order}H", len(entries))
    ifd += b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries) + struct.pack(f"{order}I", 0)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", data_at + len(data))
    bits = struct.pack(f"{order}H", 16) * channels
    path = written(tmp_path / "wide.tif", start + bits + data + ifd)
    assert np.array_equal(decode(path), rounded(values[..., :3], 257))


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 128, 201)])
def test_alpha_ramps_are_blended_and_rounded_once(tmp_path, background):
    grid = np.arange(65536).reshape(256, 256)
    level, alpha = (grid % 256).astype(np.uint8), (grid // 256).astype(np.uint8)
    rgba = np.stack([level, 255 - level, level // 2, alpha], -1)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    expected = over(rgba[..., :3], rgba[..., 3:], background, 255)
    assert np.array_equal(decode(tmp_path / "rgba.png", background=background), expected)

    Image.fromarray(np.stack([level, alpha], -1)).save(tmp_path / "la.png")
    expected = over(np.stack([level] * 3, -1), alpha[..., None], background, 255)
    assert np.array_equal(decode(tmp_path / "la.png", background=background), expected)


@pytest.mark.parametrize("colour_type", [4, 6])
def test_alpha_at_16_bits(tmp_path, colour_type):
    colours = [RAMP] if colour_type == 4 else [RAMP, RAMP[::-1], RAMP.T]
    values = np.stack([*colours, RAMP.T[::-1]], -1)
    image = decode(written(tmp_path / "alpha.png", png(values, colour_type)), background=(3, 100, 250))
    colour = np.stack(colours * (3 if colour_type == 4 else 1), -1)
    assert np.array_equal(image, over(colour, values[..., -1:], (3, 100, 250), 65535))


def test_colour_keys_are_transparent(tmp_path):
    grey = np.array([[[7], [8]]], np.uint16)
    path = written(tmp_path / "grey.png", png(grey, 0, chunk(b"tRNS", struct.pack(">H", 7))))
    assert decode(path, background=(1, 2, 3)).tolist() == [[[1, 2, 3], [0, 0, 0]]]
    # Both have the upper bytes of the key; only one has the lower ones too.
    colour = np.array([[[0x1234, 2, 3], [0x1235, 2, 3]]], np.uint16)
    path = written(tmp_path / "colour.png", png(colour, 2, chunk(b"tRNS", struct.pack(">3H", 0x1234, 2, 3))))
    assert decode(path).tolist() == [[[255, 255, 255], [18, 0, 0]]]
    Image.fromarray(np.array([[[9, 9, 9], [0, 1, 2]]], np.uint8)).save(tmp_path / "key.png", transparency=(9, 9, 9))
    assert decode(tmp_path / "key.png", background=(4, 4, 4)).tolist() == [[[4, 4, 4], [0, 1, 2]]]


def test_a_palette_with_transparency(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "plain.png")
    assert decode(tmp_path / "plain.png").tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    image.save(tmp_path / "clear.png", transparency=bytes([255, 0, 128]))
    third = [round((c * 128 + 255 * 127) / 255) for c in (70, 80, 90)]
    assert decode(tmp_path / "clear.png").tolist() == [[[10, 20, 30], [255, 255, 255], third]]


def test_cmyk_grey_and_1_bit(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    cmyk = Image.fromarray(noise, mode="CMYK")
    cmyk.save(tmp_path / "cmyk.tif")
    assert np.array_equal(decode(tmp_path / "cmyk.tif"), np.asarray(cmyk.convert("RGB")))
    cmyk.save(tmp_path / "cmyk.jpg", quality=95)
    again = Image.open(tmp_path / "cmyk.jpg")
    assert again.mode == "CMYK"
    assert np.array_equal(decode(tmp_path / "cmyk.jpg"), np.asarray(again.convert("RGB")))
    Image.fromarray(noise[..., 0]).save(tmp_path / "grey.png")
    assert np.array_equal(decode(tmp_path / "grey.png"), np.repeat(noise[..., :1], 3, -1))
    Image.fromarray(noise[..., 0] > 127).save(tmp_path / "bits.png")
    assert set(decode(tmp_path / "bits.png").ravel().tolist()) == {0, 255}


def test_kinds_without_a_meaning_in_8_bits_are_refused_by_name(tmp_path):
    Image.new("F", (4, 4), 0.5).save(tmp_path / "float.tif")
    Image.new("LAB", (4, 4)).save(tmp_path / "lab.tif")
    Image.new("I", (4, 4), 70000).save(tmp_path / "whole.tif")
    for name, said in [("float.tif", "floating point"), ("lab.tif", "LAB"), ("whole.tif", "outside 0..65535")]:
        with pytest.raises(BadImage, match=said) as caught:
            decode(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, kind, orientation):
    if kind in ("webp", "avif") and not features.check(kind):
        pytest.skip(f"this Pillow has no {kind}")
    path = tmp_path / f"turned.{kind}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (6, 10, 3), dtype=np.uint8))
    picture.save(path, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    image = decode(path)
    assert image.shape == ((10, 6, 3) if orientation > 4 else (6, 10, 3))
    assert np.array_equal(image, expected)
    assert image_size(path) == image.shape[1::-1]


def test_orientation_behind_the_pixels_of_a_png_and_in_a_damaged_exif(tmp_path):
    values = np.zeros((2, 5, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    late = chunk(b"eXIf", exif.tobytes()[6:])
    path = written(tmp_path / "late.png", png(values, 2, late=late))
    assert image_size(path) == (2, 5)
    assert decode(path).shape == (5, 2, 3)
    path = written(tmp_path / "damaged.png", png(values, 2, chunk(b"eXIf", b"MM\0*\xff\xff")))
    assert image_size(path) == (5, 2)
    assert decode(path).shape == (2, 5, 3)


@quick
@given(
    mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "I;16"]),
    kind=st.sampled_from(["png", "tif"]),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    orientation=st.integers(1, 8),
    data=st.randoms(use_true_random=False),
)
def test_any_mode_gives_rgb_of_the_upright_size(tmp_path, mode, kind, width, height, orientation, data):
    depth = {"1": 1, "L": 1, "P": 1, "RGB": 3, "RGBA": 4, "LA": 2, "I;16": 2}[mode]
    raw = data.randbytes(((width + 7) // 8 if mode == "1" else width * depth) * height)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"any.{kind}"
    Image.frombytes(mode, (width, height), raw).save(path, exif=exif)
    image = decode(path)
    assert image.dtype == np.uint8 and image.flags.c_contiguous and image.flags.writeable
    assert image.shape == ((width, height, 3) if orientation > 4 else (height, width, 3))
    assert image_size(path) == image.shape[1::-1]


def test_layouts_and_types(tmp_path):
    save_png(tmp_path / "a.png", np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10)
    image = decode(tmp_path / "a.png")
    planes = decode(tmp_path / "a.png", layout="CHW", dtype="float32")
    assert planes.shape == (3, 2, 4) and planes.dtype == np.float32 and planes.flags.c_contiguous
    assert np.array_equal(planes, image.transpose(2, 0, 1).astype(np.float32) / 255)
    assert decode(tmp_path / "a.png", dtype="float32").max() <= 1


def test_what_is_no_picture_is_named(tmp_path, monkeypatch):
    (tmp_path / "folder.png").mkdir()
    cases = {
        "missing.png": ("no such file", None),
        "folder.png": ("is a folder", None),
        "empty.png": ("zero bytes", b""),
        "text.png": ("not a picture of a known format", b"Dear reader, this is a text file.\n"),
        "cut.png": ("truncated", png(RAMP[..., None], 0)[:9000]),
        "header.png": ("truncated|damaged", png(RAMP[..., None], 0)[:20]),
    }
    for name, (said, content) in cases.items():
        if content is not None:
            written(tmp_path / name, content)
        for read in (decode, image_size) if name != "cut.png" else (decode,):
            with pytest.raises(BadImage, match=said) as caught:
                read(tmp_path / name)
            assert str(caught.value).startswith(f"{tmp_path / name}: ")
    with pytest.raises(BadImage):
        decode("a\0b.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadImage, match="regular file"):
        decode(tmp_path / "pipe.png")


def test_a_file_without_permission(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    save_png(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    # Not by chmod: the suite may run as the superuser, who may read everything.
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(BadImage, match="permission"):
        decode(tmp_path / "a.png")


def test_the_bound_on_pixels_is_our_own(tmp_path):
    def header_of(width: int, height: int) -> Path:
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return written(tmp_path / "bomb.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x"))

    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_size(header_of(10000, 10000)) == (10000, 10000)
        with pytest.raises(BadImage, match="SRKIT_MAX_PIXELS=200000000 allows it"):
            decode(header_of(20000, 10000))
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp"])
def test_large_pictures_pass_without_a_warning(tmp_path, kind, monkeypatch):
    if kind == "webp" and not features.check(kind):
        pytest.skip("this Pillow has no webp")
    path = tmp_path / f"large.{kind}"
    Image.new("RGB", (400, 300), (1, 2, 3)).save(path)
    # In place of a picture of a hundred megapixels, which would take seconds: Pillow's own limits at a thousandth.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(path).shape == (300, 400, 3)
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "119999")
    with pytest.raises(BadImage, match="may have 119,999"):
        decode(path)


def test_save_png_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    first = np.full((3, 4, 3), 7, np.uint8)
    save_png(path, first)
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(UserError, match="No space left"):
        save_png(path, first * 2)
    monkeypatch.undo()
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]
    assert np.array_equal(decode(path), first)
    with pytest.raises(UserError, match=r"missing.a\.png"):
        save_png(tmp_path / "missing" / "a.png", first)
    with pytest.raises(ValueError, match="float64"):
        save_png(path, np.zeros((3, 3)))
    for shape in [(5, 4), (5, 4, 4)]:
        save_png(path, np.full(shape, 255, np.uint8))
        assert decode(path).shape == (5, 4, 3)


def test_suffixes_are_lower_case_with_a_dot():
    assert {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".bmp"} <= IMAGE_SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)
