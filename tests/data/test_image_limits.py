"""An image's memory is known from its header, shared out among threads and workers, and refused where it is too much."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit.components.datasets.folder import Folder
from srkit.data import limits, room
from srkit.data.audit import find_broken_samples
from srkit.data.decoding import decode, image_size, memory_to_decode
from srkit.data.free_memory import free_memory
from srkit.data.loader import Request, load
from srkit.data.packed import INDEX, PackedPictures, write_packed
from srkit.errors import BadImage, TooLarge, UserError


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(path: Path, width: int, height: int, bits: int = 8, colour: int = 2, *extra: bytes) -> Path:
    """A PNG of zeros, some hundred times smaller than what it unpacks to."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * samples * bits + 7) // 8)
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def tiled_tiff(path: Path, tile: int) -> Path:
    """A TIFF of 16 x 16 pixels whose one tile claims to have so many to a side."""
    data = zlib.compress(bytes(16 * 16 * 3))
    entries = [(256, 16), (257, 16), (258, 8), (259, 8), (262, 2), (277, 3), (322, tile), (323, tile), (324, 8)]
    entries.append((325, len(data)))
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + ifd + struct.pack("<I", 0))
    return path


MEASURED = """
import json, os, sys
from pathlib import Path
from srkit.data.decoding import decode, memory_to_decode

def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

decode(sys.argv[1])
for file in sys.argv[2:]:
    if os.fork():  # each in a process of its own: what one has freed would be there for the next
        os.wait()
        continue
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    decode(file)
    print(json.dumps([Path(file).name, resident("VmHWM") - before, memory_to_decode(file)]), flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells a process's peak and forgets it")
def test_estimates_are_no_smaller_than_what_is_taken_and_hardly_larger(tmp_path):
    side = 2400
    ramp = np.add.outer(np.arange(side), np.arange(side)).astype(np.uint16)
    grey = Image.fromarray((ramp // 20).astype(np.uint8))
    rgb = Image.merge("RGB", [grey] * 3)
    rgba = Image.merge("RGBA", [grey] * 4)
    saved = {
        "rgb.png": (rgb, {"compress_level": 1}),
        "rgba.png": (rgba, {"compress_level": 1}),
        "palette.gif": (rgb.quantize(16), {"transparency": 3}),
        "base.jpg": (rgb, {}),
        "progressive.jpg": (rgb, {"progressive": True}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}),
        "strip.tif": (rgb, {"compression": "tiff_deflate", "strip_size": 3 * side * side}),
        "grey16.tif": (Image.fromarray(ramp), {"compression": "tiff_lzw"}),
        "lossless.webp": (rgba, {"lossless": True, "method": 0}),
        "rgb.bmp": (rgb, {}),
        "rgb.jp2": (rgb, {"quality_mode": "rates", "quality_layers": [40]}),
    }
    for name, (image, how) in saved.items():
        image.save(tmp_path / name, **how)
    rgb.crop((0, 0, 8, 8)).save(tmp_path / "warm.png")
    files = [tmp_path / name for name in ("warm.png", *saved)]
    files += [png(tmp_path / "colour16.png", side, side, 16), png(tmp_path / "alpha16.png", side, side, 16, 6)]
    files += [png(tmp_path / "bit.png", side, side, 1, 0)]
    done = subprocess.run([sys.executable, "-c", MEASURED, *map(str, files)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(files) - 1
    for name, peak, estimate in map(json.loads, lines):
        assert peak <= estimate <= 1.5 * peak + (12 << 20), (name, peak / side**2, estimate / side**2)


def test_an_image_in_a_folder_has_a_bound_on_its_pixels_and_a_named_file_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "9999")
    path = png(tmp_path / "a.png", 100, 100)
    for read in (decode, image_size):
        with pytest.raises(TooLarge) as caught:
            read(path)
        assert str(caught.value).startswith(
            f"{path}: 100x100 are 10,000 pixels, and an image in a folder may have 9,999"
        )
        assert "SRKIT_MAX_PIXELS=10000" in str(caught.value)
    assert decode(path, named=True).shape == (100, 100, 3)
    assert image_size(path, named=True) == (100, 100)


def test_by_default_a_folder_s_images_have_100_megapixels(tmp_path):
    small = png(tmp_path / "bomb.png", 20_000, 20_000, 1, 0)
    assert small.stat().st_size < 300_000
    with pytest.raises(TooLarge, match="20000x20000 are 400,000,000 pixels"):
        decode(small)


def test_what_alone_exceeds_the_memory_is_refused_whoever_names_it(tmp_path, monkeypatch):
    path = png(tmp_path / "a.png", 1000, 1000)
    need = memory_to_decode(path)
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", f"{need - 1}B")
    for named in (False, True):
        with pytest.raises(TooLarge, match=r"a\.png: 1000x1000 pixels \(PNG, RGB\) takes about 22 MB") as caught:
            decode(path, named=named)
        assert "decoding may take 22 MB" in str(caught.value) and "SRKIT_DECODE_MEMORY=1GB" in str(caught.value)
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", str(need))
    assert decode(path).shape == (1000, 1000, 3)


def test_a_float_image_and_what_it_is_made_of_count(tmp_path, monkeypatch):
    path = png(tmp_path / "a.png", 1000, 1000)
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", "30MB")
    decode(path)
    with pytest.raises(TooLarge):
        decode(path, dtype="float32")


def test_a_tiff_s_tile_counts_however_small_the_image_is(tmp_path, monkeypatch):
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", "1GB")
    assert decode(tiled_tiff(tmp_path / "fits.tif", 16)).shape == (16, 16, 3)
    with pytest.raises(TooLarge, match="takes about 1.6 GB"):
        decode(tiled_tiff(tmp_path / "claims.tif", 20_000))


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
def test_texts_and_profiles_that_unpack_to_much_are_named(tmp_path, kind):
    bomb = zlib.compress(bytes(50_000_000))
    head = {"zTXt": b"a\0\0", "iTXt": b"a\0\1\0\0\0", "iCCP": b"a\0\0"}[kind]
    path = png(tmp_path / "text.png", 8, 8, 8, 2, chunk(kind.encode(), head + bomb))
    with pytest.raises(BadImage, match="texts or colour profile unpack to more than is read"):
        decode(path)


def test_a_chunk_that_claims_gigabytes_of_exif_costs_nothing(tmp_path):
    path = png(tmp_path / "exif.png", 8, 8)
    content = path.read_bytes()
    path.write_bytes(content[:-12] + struct.pack(">I", 0xFFFFFFF0) + b"eXIf" + b"MM\0*")
    assert image_size(path) == (8, 8)


@pytest.mark.parametrize("text", ["4XB", "lots", "-1GB", "0", "1e9", "nan", "4 GB GB"])
def test_a_size_that_is_none_is_refused_by_the_variable_s_name(tmp_path, monkeypatch, text):
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", text)
    with pytest.raises(UserError, match="SRKIT_DECODE_MEMORY=") as caught:
        decode(png(tmp_path / "a.png", 8, 8))
    assert not isinstance(caught.value, BadImage)


@pytest.mark.parametrize("text", ["many", "-5", "0", "1.5", "١٢", "9" * 30])
def test_a_number_of_pixels_that_is_none_is_refused_by_the_variable_s_name(tmp_path, monkeypatch, text):
    monkeypatch.setenv("SRKIT_MAX_PIXELS", text)
    with pytest.raises(UserError, match="SRKIT_MAX_PIXELS=") as caught:
        decode(png(tmp_path / "a.png", 8, 8))
    assert not isinstance(caught.value, BadImage)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4_000_000_000),
        ("4gb", 4_000_000_000),
        ("1.5 GiB", 3 << 29),
        ("500M", 500_000_000),
        ("5000000", 5_000_000),
    ],
)
def test_sizes_are_written_as_one_writes_them(monkeypatch, text, size):
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", text)
    assert limits.decode_memory() == size


def test_the_default_is_half_of_what_is_free_in_the_container_too(tmp_path, monkeypatch):
    monkeypatch.delenv("SRKIT_DECODE_MEMORY", raising=False)
    monkeypatch.setattr("srkit.data.free_memory.free_memory", lambda: 3_000_000_000)
    limits._half_of_free.cache_clear()
    assert limits.decode_memory() == 1_500_000_000
    limits._half_of_free.cache_clear()
    group = tmp_path / "cgroup" / "box"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("500000000\n")
    (group / "memory.current").write_text("200000000\n")
    (group.parent / "memory.max").write_text("max\n")
    (tmp_path / "own").write_text("0::/box/inner\n")
    monkeypatch.setattr("srkit.data.free_memory._CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr("srkit.data.free_memory._OWN_CGROUPS", tmp_path / "own")
    if sys.platform.startswith("linux"):
        assert free_memory() == 300_000_000


def test_threads_wait_for_each_other_and_never_take_more_together(tmp_path, monkeypatch):
    files = [png(tmp_path / f"{number}.png", 400, 400) for number in range(12)]
    need = memory_to_decode(files[0])
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", str(2 * need + need // 2))
    most, under_way, lock = [0], [0], threading.Lock()

    def slowly(path: Path) -> tuple[int, ...]:
        with room.room(memory_to_decode(path)):
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.02)
            shape = decode(path).shape  # inside of what was taken: it waits for nothing
            with lock:
                under_way[0] -= 1
        return shape

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(slowly, files)) == [(400, 400, 3)] * 12
    assert most[0] == 2
    assert list(room._here.ledger.taken) == [0]


def test_room_is_given_back_where_decoding_fails(tmp_path):
    path = png(tmp_path / "cut.png", 300, 300, 16)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadImage):
        decode(path)
    assert list(room._here.ledger.taken) == [0]


def halves(sample, draws):
    return sample[:8, :8], None


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_loader_workers_share_the_memory_and_decode_what_takes_most_of_it(tmp_path, monkeypatch, context):
    if context == "fork" and sys.platform == "win32":
        pytest.skip("Windows does not fork")
    for number in range(4):
        png(tmp_path / f"{number}.png", 300, 300)
    need = memory_to_decode(tmp_path / "0.png")
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", str(need + need // 4))
    requests = [Request(step, 0, (0,), (step,)) for step in range(4)]
    batches = list(load(Folder(tmp_path), requests, prepare=halves, seed=1, attempt=0, workers=2, context=context))
    assert [batch.hr.shape for batch in batches] == [(1, 3, 8, 8)] * 4
    assert list(room._here.ledger.taken) == [0]


def test_what_a_worker_that_was_killed_had_taken_is_free_again():
    import multiprocessing

    ledger = room.open_ledger(multiprocessing.get_context("spawn"), 2)
    ledger.taken[1] = 10**12
    room.close_ledger(ledger)
    with room.room(5):
        assert list(room._here.ledger.taken) == [5]


def test_a_set_names_what_is_too_large_and_asks_again_when_the_limit_is_another(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    png(tmp_path / "set" / "good.png", 64, 64)
    png(tmp_path / "set" / "large.png", 200, 200)
    dataset, memory = Folder(tmp_path / "set"), tmp_path / "data.json"
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "30000")
    broken = find_broken_samples(dataset, minimum=8, memory=memory)
    assert [one.path.name for one in broken.values()] == ["large.png"]
    monkeypatch.delenv("SRKIT_MAX_PIXELS")
    assert not find_broken_samples(dataset, minimum=8, memory=memory)


def test_a_packed_set_s_images_have_the_same_bound(tmp_path, monkeypatch):
    write_packed(tmp_path, [("a", np.zeros((20, 30, 3), np.uint8)), ("b", np.zeros((40, 50, 3), np.uint8))])
    assert len(PackedPictures(tmp_path)) == 2
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "1999")
    with pytest.raises(TooLarge, match=r"image 1 \(b\) has 50x40 pixels"):
        PackedPictures(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"names": []},
        {"names": ["a"]},
        {"checks": ["x"]},
        {"sizes": [[30, 20]]},
        {"sizes": [[30, 20], [50, -40]]},
        {"sizes": [[30, 20], [1 << 80, 1]]},
        {"sizes": [[30, 20], ["50", 40]]},
        {"sizes": [[30, 20], [50.0, 40]]},
        {"sizes": [[30, 20], 7]},
        {"shape": [20, 30, 4], "sizes": None},
        {"shape": [1 << 40, 1 << 40, 3], "sizes": None},
        {"names": ["a", 7]},
    ],
)
def test_a_packed_set_whose_index_does_not_fit_itself_is_refused(tmp_path, change):
    from srkit.data.packed import _checksum

    write_packed(tmp_path, [("a", np.zeros((20, 30, 3), np.uint8)), ("b", np.zeros((40, 50, 3), np.uint8))])
    content = json.loads((tmp_path / INDEX).read_text())
    content.pop("checksum")
    content |= change
    (tmp_path / INDEX).write_text(json.dumps({**content, "checksum": _checksum(content)}))
    with pytest.raises(UserError, match=r"index\.json"):
        PackedPictures(tmp_path)
