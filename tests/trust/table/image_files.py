"""Folders of images as a stranger hands them over: claims larger than their content, odd names, other formats."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.conftest import photo
from tests.trust.table.ground import Ground
from tests.trust.table.rows import ANY, Given, Row, kin

__all__ = ["IMAGE_ROWS", "NAMES", "png"]

FOLDER = "theirs"

NAMES = (
    *("\x1b[31mred.png", "\u202egnp.exe.png", "two\nlines.png", "=cmd|' /C calc'!A0.png", "-rf.png"),
    *("<img src=x onerror=alert(1)>.png", "\x1b]0;title\x07.png", "tab\t.png", "+1+1.png", "@SUM(A1).png"),
    *("[red]a[/red].png", "%s%n.png", "$(touch x).png", "\\input{passwd}.png", "[a](javascript:alert(1)).png"),
    *("a|b.png", "{0}.png"),
)
"""Names of images that mean something to a terminal, a spreadsheet, a page or a typesetter."""


def png(width: int, height: int, content: bytes | None = None, *chunks: tuple[bytes, bytes], bits: int = 1) -> bytes:
    """A grey PNG by its parts: black where no content is given, further chunks before it."""
    rows = bytes((width * bits + 7) // 8 + 1) * height if content is None else b""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(rows, 9) if content is None else content), (b"IEND", b"")]
    pieces = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


Write = Callable[[Ground, Path], object]


def _image(name: str, write: Write, says: str = "", file: str = "b.png", **codes: tuple[int, ...]) -> Row:
    """A folder with a good image and another one; a command may leave the other one out."""

    def make(ground: Ground) -> Given:
        photo(ground.here / FOLDER / "a.png")
        write(ground, ground.here / FOLDER / file)
        return Given(FOLDER)

    return Row(name, "images", make, says, {"*": ANY} | codes, seconds=60.0)


def _bytes(content: bytes) -> Write:
    return lambda _, path: path.write_bytes(content)


def _named(name: str) -> Row:
    return _image(f"an image called {name!r}", lambda _, path: photo(path), file=name)


def _text_bomb(_: Ground, path: Path) -> None:
    """A comment of 200 MB in 200 kB."""
    packed = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    path.write_bytes(png(32, 24, None, (b"zTXt", packed), bits=8))


def _profile_bomb(_: Ground, path: Path) -> None:
    """A colour profile of 200 MB in 200 kB."""
    packed = b"profile\0\0" + zlib.compress(bytes(200_000_000), 9)
    path.write_bytes(png(32, 24, None, (b"iCCP", packed), bits=8))


def _script(ground: Ground, path: Path) -> None:
    """PostScript, which Pillow hands to an interpreter."""
    mark = ground.ran / "postscript"
    text = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 24\n%%EndComments\n({mark}) (w) file closefile\nshowpage\n"
    path.write_text(text, encoding="ascii")


def _page(ground: Ground, path: Path) -> None:
    """An SVG with a program and with files of others."""
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script><image href="file://{ground.precious}/file"/></svg>'
    )


def _frames(_: Ground, path: Path) -> None:
    """An animation of 300 frames."""
    noise = np.random.default_rng(1).integers(0, 255, (300, 8, 8), dtype=np.uint8)
    first, *others = [Image.fromarray(one) for one in noise]
    content = io.BytesIO()
    first.save(content, format="GIF", save_all=True, append_images=others)
    path.write_bytes(content.getvalue())


def _jpeg(_: Ground, path: Path) -> None:
    """A JPEG whose header says 65500 x 65500."""
    content = io.BytesIO()
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(content, format="JPEG")
    data = bytearray(content.getvalue())
    where = data.index(b"\xff\xc0")
    data[where + 5 : where + 9] = struct.pack(">HH", 65500, 65500)
    path.write_bytes(data)


def _tiff(_: Ground, path: Path) -> None:
    """A TIFF whose only tag counts 4 thousand million values."""
    entry = struct.pack("<HHII", 273, 4, 0xFFFFFFFF, 8)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + bytes(4))


def _loop(_: Ground, path: Path) -> None:
    path.symlink_to(path.parent, target_is_directory=True)


def _code(ground: Ground, path: Path) -> None:
    ground.code(path)
    ground.code(path.with_name("sitecustomize.py"))


IMAGE_ROWS = (
    _image("more pixels than an image in a folder may have", _bytes(png(2500, 2500)), "SRKIT_MAX_PIXELS"),
    _image("a header of 60000 x 60000", _bytes(png(60000, 60000, zlib.compress(bytes(100))))),
    _image("a header of 4294967295 x 1", _bytes(png(0x7FFFFFFF, 1, zlib.compress(bytes(100))))),
    _image("a header of 0 x 0", _bytes(png(0, 0, zlib.compress(b"")))),
    _image("a JPEG of 65500 x 65500", _jpeg, file="b.jpg"),
    _image("a TIFF of 4 thousand million strips", _tiff, file="b.tif"),
    _image("a comment of 200 MB", _text_bomb),
    _image("a profile of 200 MB", _profile_bomb),
    _image("an animation", _frames, file="b.gif"),
    _image("an animation in disguise", _frames),
    _image("PostScript", _script, file="b.eps"),
    _image("PostScript in disguise", _script),
    _image("a page in disguise", _page),
    _image("code in disguise", _code),
    _image("an image cut off", _bytes(png(32, 24, bits=8)[:60])),
    _image("an image of nothing", _bytes(b"")),
    _image("a link to a folder around it", _loop, file="loop"),
    _image("a link to nowhere", lambda ground, path: path.symlink_to(ground.root / "absent"), file="b.png"),
    *kin(map(_named, NAMES), 6),
)
"""A folder of images with one of them; what the others are good for is not lost."""
