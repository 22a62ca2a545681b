"""Models side by side on photos, for pictures of them: found and loaded as `srkit bench` does, photo by photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say
from srkit.errors import UserError
from srkit.registry import KINDS, Registry

if TYPE_CHECKING:
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.evaluation.look import Box
    from srkit.evaluation.scoring import Model, OnPhoto

__all__ = [
    "BICUBIC",
    "METRIC",
    "ORIGINAL",
    "Asked",
    "Showing",
    "made_folder",
    "photo_options",
    "read_crop",
    "show",
    "showings",
]

ORIGINAL, BICUBIC, METRIC = "original", "bicubic", "psnr-y"


@dataclass(frozen=True)
class Asked:
    """What was asked for, as typed.

    Attributes:
        folders: `HR`, `HR=LR` or a picture's file; empty for the photos that the models' runs were validated on.
        suite: a file that names sets.
        scale: None for the models' own.
        downscaler, degradations, seed: how LR pictures are made.
        device: where to compute; None for the best there is.
    """

    folders: Sequence[str]
    suite: Path | None
    scale: int | None
    downscaler: str | None
    degradations: Sequence[str]
    seed: int
    device: str | None


@dataclass(frozen=True)
class Showing:
    """A set with the models that are shown on it.

    Attributes:
        photo_set: the photos.
        models: already on the device, in order.
        device: where they compute.
        prefix: what goes before a photo's name so that files of several sets are told apart.
    """

    photo_set: PhotoSet
    models: Sequence[Model]
    device: Any
    prefix: str = ""

    @property
    def note(self) -> str:
        """How the pictures came about, in words."""
        from srkit.evaluation.rows import lr_origin

        one = self.photo_set
        return f"x{one.scale}, LR {lr_origin(one.downscaler, one.degradations)}, PSNR of luma"


def photo_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name photos and how their LR pictures are made; they come as one `asked`."""
    options = (
        click.option("--on", "folders", multiple=True, metavar="HR[=LR]", help="A folder of photos, or a picture."),
        click.option("--suite", type=click.Path(path_type=Path), help="A TOML file that names sets."),
        click.option("--scale", type=click.IntRange(1, 16), help="By default the models' own."),
        click.option("--downscaler", metavar="NAME", help="Makes LR pictures; by default what training had."),
        click.option("--degradation", "degradations", multiple=True, metavar="NAME", help="After it; repeatable."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the degradations."),
        click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_crop(text: str) -> Box:
    """`x,y,w,h` in pixels of the original.

    Raises:
        UserError: it is something else.
    """
    try:
        x, y, width, height = (int(one) for one in text.split(","))
    except ValueError:
        raise UserError(f"--crop {text}: write x,y,w,h in pixels of the original, as 120,80,64,48") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise UserError(f"--crop {text}: x and y begin at 0, width and height at 1")
    return x, y, width, height


def showings(names: Sequence[str], asked: Asked, registry: Registry) -> list[Showing]:
    """The sets, each with the models on the device.

    Args:
        names: of the models, in order, as typed.
        asked: the photos.
        registry: where components are looked up.

    Raises:
        UserError: a model or a set cannot be had, or models enlarge differently.
    """
    from srkit.cli.bench_models import gather, target_scales
    from srkit.cli.bench_sets import Request, photo_sets
    from srkit.data.decoding import IMAGE_SUFFIXES
    from srkit.evaluation.scoring import Model
    from srkit.training.device import choose_device, prepare

    for name in names:
        if Path(name).suffix.lower() in IMAGE_SUFFIXES and Path(name).is_file():
            raise UserError(f"{name} is a picture, not a model: name it, or its folder, by --on")
    where = choose_device(asked.device)
    prepare(where, deterministic=True)
    field = gather(names, registry, checkpoints=False, against=None, repeat=1)
    scales = target_scales(field, asked.scale)
    if len(scales) > 1:
        known = ", ".join(f"{one.name} x{one.scale}" for one in field.models if one.scale is not None)
        raise UserError(f"pictures of different sizes cannot stand side by side: {known}. Name models of one scale")
    request = Request(asked.folders, asked.suite, asked.downscaler, asked.degradations, asked.seed, field.trained())
    found = []
    for photo_set in photo_sets(request, scales, registry):
        contestants = field.at(photo_set.scale)
        models = [Model(one.name, one.load().to(where), warnings=one.warnings) for one in contestants]
        found.append(Showing(photo_set, models, where))
    for sentence in dict.fromkeys(f"{one.name}: {said}" for one in found[0].models for said in one.warnings):
        say(f"warning: {sentence}", err=True)
    return _told_apart(found)


def _told_apart(found: Sequence[Showing]) -> list[Showing]:
    """With the set's name before the photos' where files of two sets would have one name."""
    from dataclasses import replace

    from srkit.data.decoding import FileStems

    names = [[one.photo_set.dataset.name(index) for index in range(len(one.photo_set))] for one in found]
    stems = [stem for some in names for stem in map(FileStems(), some)]
    if len({one.casefold() for one in stems}) == len(stems):
        return list(found)
    return [replace(one, prefix=f"{one.photo_set.name}/") for one in found]


def made_folder(out: Path) -> Path:
    """The folder of `--out`, made where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: this folder cannot be made ({error.strerror})") from error
    return out


def show(showing: Showing, on_photo: OnPhoto, registry: Registry) -> None:
    """Hand every photo with all models' pictures and scores to `on_photo`.

    Raises:
        SrkitError: a photo or a model cannot be used.
    """
    from srkit.evaluation.scoring import score_all

    metric = registry.find(KINDS["metrics"], f"srkit:{METRIC}", Path.cwd()).factory()
    photo_set = showing.photo_set
    score_all(
        showing.models,
        _renamed(showing),
        {METRIC: metric},
        scale=photo_set.scale,
        device=showing.device,
        channels_last=True,
        on_photo=on_photo,
    )


def _renamed(showing: Showing) -> Iterator[Any]:
    from dataclasses import replace

    for index in range(len(showing.photo_set)):
        photo = showing.photo_set.photo(index)
        yield replace(photo, name=showing.prefix + photo.name)
