"""Where each upscaled picture goes: no two to the same file, and none over a picture that was given."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from srkit.cli.saying import say
from srkit.errors import OptionError, SrkitError, UserError
from srkit.registry import KINDS, Registry


@dataclass(frozen=True)
class Job:
    """One picture to upscale and the file to make of it; `named` where the user named that very file."""

    source: Path
    target: Path
    out: Path
    named: bool = False


def placements(
    given: Sequence[Path], out: Path, registry: Registry, ending: str = ".png"
) -> tuple[list[Job], list[SrkitError]]:
    """The jobs for pictures, folders of pictures and patterns such as `photos/*.jpg`, for shells that leave them alone.

    A folder's pictures keep their places below `out`.

    Of pictures that would have the same name the first keeps it, the next is numbered: `photo.png`, `photo-2.png`. A
    name that would be too long with its new ending is cut. What
    lies in `out` is not taken from a folder around it. A folder that cannot be used is named on standard error.

    Returns:
        Jobs, and what is wrong with folders.
    """
    pictures: dict[Path, tuple[Path, Path, bool]] = {}
    failures: list[SrkitError] = []
    for one in chain.from_iterable(_matching(one) for one in given):
        try:
            found = _pictures_in(one, out, registry) if one.is_dir() else [(one, Path(one.name))]
        except SrkitError as error:
            failures.append(error)
            say(f"error: {error}", err=True)
            continue
        for source, place in found:
            pictures.setdefault(source.resolve(), (source, place, not one.is_dir()))
    # a name may differ by case alone, which is the same file on macOS and Windows
    taken = {str(source).casefold() for source in pictures}
    jobs = []
    for source, place, named in pictures.values():
        target = _free(out / place.parent, place.stem, ending, taken)
        taken.add(str(target.resolve()).casefold())
        jobs.append(Job(source, target, out, named))
    return jobs, failures


def _matching(given: Path) -> list[Path]:
    """What a pattern matches, sorted; a path that exists, or is no pattern, as it is."""
    if given.exists() or not glob.has_magic(str(given)):
        return [given]
    found = sorted(Path(one) for one in glob.glob(str(given), recursive=True))  # noqa: PTH207  # patterns may be absolute
    # without a match it is said to be no file, by the name that was typed
    return found or [given]


def _pictures_in(folder: Path, out: Path, registry: Registry) -> list[tuple[Path, Path]]:
    """The pictures below a folder, sorted, each with its path relative to it."""
    try:
        dataset = registry.find(KINDS["datasets"], "srkit:folder", Path.cwd()).factory(path=folder, seed=None)
    except OptionError as error:
        raise UserError(error.why) from error
    found = [file for file in dataset.files() if not file.resolve().is_relative_to(out.resolve())]
    if not found:
        raise UserError(f"{folder}: all of its pictures lie in {out}, where the results go")
    return [(file, file.relative_to(folder)) for file in found]


def _free(folder: Path, stem: str, ending: str, taken: set[str]) -> Path:
    from srkit.data.decoding import file_name

    candidate, number = folder / file_name(stem, ending), 1
    while str(candidate.resolve()).casefold() in taken:
        number += 1
        candidate = folder / file_name(stem, f"-{number}{ending}")
    return candidate
