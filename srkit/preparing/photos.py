"""Which photos there are: found below what was named, with what their headers tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srkit.data.decoding import camera_model, image_size
from srkit.errors import BadImage, OptionError, UserError
from srkit.registry import KINDS, Registry


@dataclass(frozen=True)
class Photo:
    """One file, as its header has it.

    Attributes:
        name: its path relative to the folder that was named, with forward slashes.
        file: where it lies.
        bytes, modified: the file's size and time (nanoseconds), which tell whether it was changed.
        width, height: in pixels, upright; 0 where `why` is not empty.
        camera: the camera's model; empty where the file does not say.
        why: why the header alone makes it unusable; empty where it does not.
    """

    name: str
    file: str
    bytes: int
    modified: int
    width: int = 0
    height: int = 0
    camera: str = ""
    why: str = ""

    @property
    def ending(self) -> str:
        """Such as `.jpg`, in lower case."""
        return Path(self.file).suffix.lower()


def find_photos(
    given: Sequence[Path], out: Path, registry: Registry, progress: Callable[[int, int], None] | None = None
) -> list[Photo]:
    """Everything below folders, and single files, sorted by name; what lies in `out` is left out.

    Args:
        given: folders and files.
        out: where results go, which may lie inside a folder that is searched.
        registry: where the dataset of a folder is found.
        progress: called with (headers read, headers in all).

    Raises:
        UserError: something is missing or unreadable, or nothing is left.
    """
    files: dict[str, Path] = {}
    seen: set[Path] = set()
    for one in given:
        for name, file in _named(one, given, registry):
            real = file.resolve()
            if real in seen or real.is_relative_to(out.resolve()):
                continue
            seen.add(real)
            files[name if name not in files else file.as_posix()] = file
    if not files:
        raise UserError(f"all of the pictures lie in {out}, where the results go")
    photos = []
    for number, name in enumerate(sorted(files)):
        photos.append(_looked_at(name, files[name], named=files[name] in given))
        if progress is not None:
            progress(number + 1, len(files))
    return photos


def _named(one: Path, given: Sequence[Path], registry: Registry) -> list[tuple[str, Path]]:
    if not one.exists():
        raise UserError(f"{one}: there is no such file or folder")
    if not one.is_dir():
        return [(one.name, one)]
    try:
        folder = registry.find(KINDS["datasets"], "srkit:folder", Path.cwd()).factory(path=one, seed=None)
    except OptionError as error:
        raise UserError(error.why) from error
    others = [other.name for other in given if other.is_dir() and other != one]
    label = "" if not others else f"{one.as_posix() if one.name in others else one.name}/"
    return [(label + folder.name(index), file) for index, file in enumerate(folder.files())]


def _looked_at(name: str, file: Path, *, named: bool) -> Photo:
    try:
        status = file.stat()
        size, modified = status.st_size, status.st_mtime_ns
    except OSError as error:
        return Photo(name, str(file), 0, 0, why=f"cannot be looked at ({error.strerror})")
    try:
        width, height = image_size(file, named=named)
        return Photo(name, str(file), size, modified, width, height, camera_model(file))
    except BadImage as bad:
        return Photo(name, str(file), size, modified, why=bad.why)


def cameras(photos: Sequence[Photo]) -> Counter[str]:
    """Camera models with how many usable photos each has taken; the empty name counts those that do not say."""
    return Counter(photo.camera for photo in photos if not photo.why)


def endings(photos: Sequence[Photo]) -> Counter[str]:
    """File endings with how many usable photos each has."""
    return Counter(photo.ending for photo in photos if not photo.why)
