"""The zip archive that torch writes: every member verified before anything in it is believed."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from srkit.plain_files import open_plain
from srkit.weight_files.refusals import DamagedWeights, ScriptFile, sha256_of

__all__ = ["is_archive", "is_script", "script_refusal", "verified_members"]

MAGIC = b"PK\x03\x04"
LOCAL = struct.Struct("<4s5H3I2H")
END = b"PK\x05\x06"
END_BYTES = 22
DESCRIPTOR_BYTES = 24
"""What may stand between two members: a member's checksum and sizes over again."""

CHUNK = 1 << 20
MOST_MEMBERS = 200_000


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with open_plain(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def is_script(path: Path) -> bool:
    """Whether a file is a TorchScript program, whatever its name: an archive with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return _has_code(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def script_refusal(path: Path, what_then: str) -> ScriptFile:
    """What is said of a program that is not opened.

    Args:
        what_then: the end of the sentence: what can be done about it.
    """
    return ScriptFile(
        f"{path} is a TorchScript program (sha256 {sha256_of(path)}), which can read and write any file when it is "
        f"opened or run: {what_then}"
    )


def verified_members(path: Path) -> Mapping[str, zipfile.ZipInfo]:
    """An archive's members by their name below its one folder; all of them stored, whole and next to each other.

    Raises:
        DamagedWeights: a checksum does not fit, or the archive is built as torch builds none.
        ScriptFile: it holds a program.
        zipfile.BadZipFile: it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if _has_code([one.filename for one in members]):
            raise script_refusal(path, "it is no file of weights. Ask for the weights as .safetensors")
        found = _named(members)
        _check_layout(path, archive, members)
        for one in members:
            _check_content(archive, one)
    return found


def _has_code(names: list[str]) -> bool:
    parts = [name.casefold().replace("\\", "/").split("/") for name in names]
    # the first part is the file's own name, as whoever saved it called it
    return any("code" in one[1:-1] or one[-1] == "constants.pkl" for one in parts)


def _named(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > MOST_MEMBERS:
        raise DamagedWeights(f"an archive of {len(members)} members")
    tops, found, seen = set(), {}, set()
    for one in members:
        top, _, name = one.orig_filename.partition("/")
        parts = one.orig_filename.split("/")
        strange = any(part in ("", ".", "..") or "\\" in part or "\0" in part or ":" in part for part in parts)
        if strange or one.orig_filename.casefold() in seen:
            raise DamagedWeights(
                f"the member {one.orig_filename[:80]!r} has a name that torch gives none, or one twice"
            )
        seen.add(one.orig_filename.casefold())  # torch takes names that differ by capitals alone for one
        tops.add(top)
        found[name] = one
    if len(tops) != 1 or "data.pkl" not in found:
        raise DamagedWeights("the archive is not one folder with a data.pkl in it")
    return found


def _check_layout(path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Every byte of the file belongs to one member, or to the list of them at its end."""
    place = 0
    with open_plain(path) as file:
        for one in sorted(members, key=lambda one: one.header_offset):
            if one.compress_type != zipfile.ZIP_STORED or one.compress_size != one.file_size or one.flag_bits & 1:
                raise DamagedWeights(f"the member {one.filename} is compressed or encrypted, as torch leaves none")
            if not 0 <= one.header_offset - place <= (DESCRIPTOR_BYTES if place else 0):
                raise DamagedWeights(f"the member {one.filename} does not follow the one before it")
            file.seek(one.header_offset)
            head = file.read(LOCAL.size)
            if len(head) < LOCAL.size:
                raise DamagedWeights(f"the member {one.filename} is cut")
            signature, _, _, method, *_, name_bytes, extra_bytes = LOCAL.unpack(head)
            name = file.read(name_bytes).decode("utf-8", "replace")
            if signature != MAGIC or method != zipfile.ZIP_STORED or name != one.orig_filename:
                raise DamagedWeights(f"the member {one.filename} is another in the archive's list")
            place = one.header_offset + LOCAL.size + name_bytes + extra_bytes + one.file_size
        if not 0 <= archive.start_dir - place <= DESCRIPTOR_BYTES:
            raise DamagedWeights("its members do not add up to the file")
        file.seek(-END_BYTES, 2)
        tail = file.read(END_BYTES)
        if tail[:4] != END or tail[-2:] != b"\0\0":
            raise DamagedWeights("something follows the archive")


def _check_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    try:
        with archive.open(member) as content:
            while content.read(CHUNK):
                pass
    except zipfile.BadZipFile as error:
        raise DamagedWeights(f"the checksum of {member.filename} does not fit its content") from error
