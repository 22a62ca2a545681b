"""`srkit animate`: two models, or the original and a model, in turn at one place, as animated WebP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say
from srkit.cli.side_by_side import METRIC, ORIGINAL, Asked, made_folder, photo_options, read_crop, show, showings
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from srkit.data.decoding import FileStems
    from srkit.evaluation.look import Box
    from srkit.evaluation.rows import Photo

MB = 1_000_000


@click.command("animate")
@click.argument("first")
@click.argument("second")
@photo_options
@click.option("--crop", metavar="X,Y,W,H", help="Show this part; by default all, of a large photo what differs most.")
@click.option("--delay", type=click.FloatRange(0.05, 60), default=1.0, show_default=True, help="Seconds of each.")
@click.option("--max-size", type=click.FloatRange(0.01), default=5.0, show_default=True, help="MB of a file at most.")
@click.option(
    "--out", type=click.Path(path_type=Path), default="animations", show_default=True, help="Folder or .webp."
)
@trust_option
def animate_command(
    first: str,
    second: str,
    crop: str | None,
    delay: float,
    max_size: float,
    out: Path,
    trust: bool,
    **asked: Any,
) -> None:
    """Show two models, or the original and one, in turn.

    \b
    Examples:
      srkit animate bicubic runs/espcn --on photos
      srkit animate original runs/espcn --on photo.jpg --delay 0.5
    """
    from srkit.data.decoding import FileStems

    box = read_crop(crop) if crop is not None else None
    registry = Registry.installed(user_trust(trust))
    names = [one for one in (first, second) if one != ORIGINAL]
    if not names:
        raise UserError("the original and itself look alike: name a model, or an interpolation such as bicubic")
    found = showings(names, Asked(**asked), registry)
    count = sum(len(one.photo_set) for one in found)
    if out.suffix.lower() == ".webp" and count > 1:
        raise UserError(f"--out {out}: there are {count} photos, an animation for each; name a folder")
    for showing in found:
        order = [one.name for one in showing.models]
        if ORIGINAL in (first, second):
            order.insert(0 if first == ORIGINAL else 1, ORIGINAL)
        show(showing, _Writer(order, box, delay, max_size, out, showing.note, FileStems()), registry)


@dataclass(frozen=True)
class _Writer:
    """Writes an animation of each photo.

    Attributes:
        order: of the versions, by name.
        crop, delay, max_size, out: as the command's options.
        note: how the pictures came about.
        stem: names the files.
    """

    order: list[str]
    crop: Box | None
    delay: float
    max_size: float
    out: Path
    note: str
    stem: FileStems

    def __call__(self, photo: Photo, pictures: Mapping[str, Tensor], scores: Mapping[str, Mapping[str, float]]) -> None:
        from srkit.data.placing import placed
        from srkit.evaluation.animation import animated, film
        from srkit.evaluation.captions import caption
        from srkit.evaluation.strips import cut_like

        assert photo.hr is not None  # sets are made of originals
        any_model = next(iter(pictures.values()))
        versions = {ORIGINAL: cut_like(any_model, photo.hr)} | dict(pictures)
        shown = [(caption(one, scores.get(one, {}).get(METRIC)), versions[one]) for one in self.order]
        try:
            made = film(shown, crop=self.crop, note=f"{photo.name}, {self.note}")
            result = animated(made.frames, delay=self.delay, at_most=round(self.max_size * MB))
        except ValueError as error:
            way_out = "; show less of it by --crop, or raise --max-size" if "MB at least" in str(error) else ""
            raise UserError(f"{photo.name}: {error}{way_out}") from None
        alone = self.out.suffix.lower() == ".webp"
        folder = made_folder(self.out.parent if alone else self.out)
        path = folder / (self.out.name if alone else f"{self.stem(photo.name)}.webp")
        with placed(path) as aside:
            aside.write_bytes(result.data)
        kind = "lossless" if result.quality is None else f"quality {result.quality}"
        say(f"{path} ({made.frames[0].width}x{made.frames[0].height}, {len(result.data) / MB:.2f} MB, {kind})")
