"""Images that are damaged, odd or misnamed by every command that reads some: each is named, the others are done.

    python -m tests.campaigns.images [--only WORDS] [--seed N] [--count N]

Small files of every format and mode that srkit reads are cut, changed in bits, given other headers, sizes, endings and
names, and laid beside two sound photos. Ends with 1 where a command said "bug", showed a traceback, took longer than
20 seconds, ended with another exit code than 0 or 2 (1 where an image alone was left out), said nothing of an image
that it refused, left a sound one undone or a file of its own behind.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from tests.campaigns.experiments import complaint, said_by
from tests.campaigns.kills import ALL
from tests.cli.conftest import photo
from tests.execution.support import PLAIN

SIZE = (44, 40)


def _picture(mode: str) -> Image.Image:
    down, right = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    waves = np.stack([np.sin(down / (3 + k)) * np.cos(right / (4 + k)) * 100 + 128 for k in range(4)], -1)
    whole = Image.fromarray(waves.astype(np.uint8), "RGBA")
    if mode == "I;16":
        return Image.fromarray((waves[..., 0] * 250).astype(np.uint16))
    if mode == "CMYK":
        return whole.convert("RGB").convert("CMYK")
    return whole if mode == "RGBA" else whole.convert("RGB").convert(mode) if mode != "LA" else whole.convert("LA")


def _saved(mode: str, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    _picture(mode).save(content, form, **options)
    return content.getvalue()


def _turned(number: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x0132] = number, "2020:01:01 00:00:00"
    return _saved("RGB", "JPEG", exif=exif)


def _frames(form: str) -> bytes:
    content = io.BytesIO()
    _picture("RGB").save(content, form, save_all=True, append_images=[_picture("RGB").rotate(90)])
    return content.getvalue()


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

SOUND: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{f"png {mode}": ("png", lambda mode=mode: _saved(mode, "PNG")) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},  # type: ignore[misc]
    "png of 16 bits": ("png", lambda: _saved("I;16", "PNG")),
    "png with a colour key": ("png", lambda: _saved("P", "PNG", transparency=3)),
    "png with a profile": ("png", lambda: _saved("RGB", "PNG", icc_profile=PROFILE, dpi=(300, 300))),
    "jpeg": ("jpg", lambda: _saved("RGB", "JPEG")),
    "jpeg grey": ("jpeg", lambda: _saved("L", "JPEG")),
    "jpeg of four inks": ("jpg", lambda: _saved("CMYK", "JPEG")),
    "jpeg progressive": ("jpg", lambda: _saved("RGB", "JPEG", progressive=True)),
    **{f"jpeg turned {number}": ("jpg", lambda number=number: _turned(number)) for number in (3, 6, 8, 99)},  # type: ignore[misc]
    "webp": ("webp", lambda: _saved("RGB", "WEBP")),
    "webp lossless with alpha": ("webp", lambda: _saved("RGBA", "WEBP", lossless=True)),
    "webp moving": ("webp", lambda: _frames("WEBP")),
    "gif": ("gif", lambda: _frames("GIF")),
    "bmp": ("bmp", lambda: _saved("RGB", "BMP")),
    "tiff": ("tif", lambda: _saved("RGB", "TIFF")),
    "tiff packed": ("tiff", lambda: _saved("RGB", "TIFF", compression="tiff_lzw")),
    "tiff of 16 bits": ("tif", lambda: _saved("I;16", "TIFF")),
}
"""What it is -> its ending and its bytes."""


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 3, 30))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _head(content: bytes, chance: random.Random) -> bytes:
    """Bits of the first 64 bytes, where sizes and modes stand."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 4))):
        changed[chance.randrange(min(64, len(changed)))] = chance.choice((0, 1, 127, 128, 255))
    return bytes(changed)


def _huge(content: bytes, chance: random.Random) -> bytes:
    """A size of its header larger than any image."""
    side = chance.choice((0, 1, 40_000, 2**31 - 1, 2**32 - 1))
    for old in (struct.pack(">II", *SIZE), struct.pack("<II", *SIZE), struct.pack(">HH", SIZE[1], SIZE[0])):
        if old in content[:200]:
            new = struct.pack(">II" if len(old) == 8 else ">HH", *[side & (2**32 - 1 if len(old) == 8 else 65535)] * 2)
            return content.replace(old, new, 1)
    return _head(content, chance)


CHANGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "as it is": lambda content, _: content,
    "cut": _cut,
    "bits changed": _flipped,
    "header changed": _head,
    "another size": _huge,
    "emptied": lambda *_: b"",
    "zeros": lambda content, _: bytes(len(content)),
    "a tail of zeros": lambda content, chance: content[: len(content) // 2] + bytes(len(content) // 2),
    "more behind": lambda content, _: content * 2 + b"\0" * 99,
    "noise": lambda content, chance: chance.randbytes(len(content)),
}
ENDINGS = ("png", "jpg", "webp", "tif", "gif")
NAMES = ("x", "ä ö", "a'b", "[1]", "-o", "x" * 250, "名" * 80, "a\nb", "%s{}", "#x")


def made(chance: random.Random) -> tuple[str, str, bytes]:
    """What it is in words, its name and its bytes."""
    what = chance.choice(list(SOUND))
    ending, sound = SOUND[what]
    how = chance.choice(list(CHANGES))
    if chance.random() < 0.2:
        ending = chance.choice(ENDINGS)
    name = f"{chance.choice(NAMES) if chance.random() < 0.4 else 'odd'}.{ending}"
    return f"{what}, {how}, {name[:20]!r}", name, CHANGES[how](sound(), chance)


COMMANDS: dict[str, tuple[str, ...]] = {
    "upscale": ("upscale", "{odd}", "--model", "{run}", "--out", "{out}/large", "--device", "cpu"),
    "upscale a folder": ("upscale", "{folder}", "--model", "{run}", "--out", "{out}/large", "--device", "cpu"),
    "prepare": ("prepare", "{folder}", "--out", "{out}/set", "--patch-size", "16", "--workers", "1"),
    "check": ("check", "x.toml", "--set", "data.train={folder}"),
    "train": ("run", "x.toml", "--set", "data.train={folder}", "--out", "{out}/run", *ALL),
    "validate": ("run", "x.toml", "--set", "data.validate={folder}", "--out", "{out}/run", *ALL),
    "bench": ("bench", "{run}", "bicubic", "--on", "{folder}", "--device", "cpu"),
    "strip": ("strip", "{run}", "--on", "{folder}", "--out", "{out}/strips", "--device", "cpu"),
}


def wrong(name: str, folder: Path, odd: Path, out: Path) -> str | None:
    """What is wrong with how a command takes an odd image."""
    values = {"{odd}": f"./{odd}", "{folder}": str(folder), "{run}": "trained", "{out}": str(out)}
    words = list(COMMANDS[name])
    for key, value in values.items():
        words = [word.replace(key, value) for word in words]
    text, code = said_by(words)
    if (found := complaint(text, code, (0, 1, 2))) is not None:
        return found
    left = [str(one) for one in Path().rglob(".*") if one.name.endswith(".part")]
    if left:
        return f"it left {', '.join(left)}"
    if code != 0 and odd.name.replace("\n", "\\n")[:12] not in text:
        return f"{code}, and not a word of the image: {text[-300:]}"
    if name == "upscale a folder":
        undone = [one for one in ("a", "bb") if not (out / "large" / f"{one}.png").exists()]
        if undone:
            return f"{code}: sound ones were left undone: {text[-300:]}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="words that an image and a command have in them, such as tiff")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300, help="images, each by one command after another")
    parser.add_argument("--each", type=int, default=2, help="by how many commands each is read")
    asked = parser.parse_args()
    failed = tried = 0
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"SRKIT_LOAD_PLUGINS": "", "SRKIT_CONFIG": f"{place}/config", "HOME": place}
        os.chdir(place)
        photo(Path("photos/a.png"), (48, 40))
        photo(Path("photos/bb.png"), (40, 48))
        text = PLAIN.replace('"held_out"', '"photos"').replace("patch_size = 32", "patch_size = 16")
        Path("x.toml").write_text(text.replace("steps = 6", "steps = 1"), encoding="utf-8")
        said, code = said_by(["run", "x.toml", "--out", "trained", *ALL])
        assert code == 0, said
        for number in range(asked.count):
            what, name, content = made(random.Random(f"{asked.seed} {number}"))
            for turn in range(asked.each):
                command = list(COMMANDS)[(number + turn * 3) % len(COMMANDS)]
                if asked.only not in f"{what}: {command}":
                    continue
                folder, out = Path("these"), Path("out")
                shutil.copytree("photos", folder)
                out.mkdir()
                try:
                    (folder / name).write_bytes(content)
                except OSError:
                    name = f"odd{Path(name).suffix}"  # the file system takes no such name
                    (folder / name).write_bytes(content)
                tried += 1
                if (found := wrong(command, folder, folder / name, out)) is not None:
                    failed += 1
                    print(f"FAIL {number} {what}: {command}\n     {found}", flush=True)
                shutil.rmtree(folder)
                shutil.rmtree(out)
    print(f"{tried} commands on {asked.count} images, {failed} with something wrong")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
