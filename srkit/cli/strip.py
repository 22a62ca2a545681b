"""`srkit strip`: original, bicubic and models side by side, with parts magnified, as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say
from srkit.cli.side_by_side import (
    BICUBIC,
    ORIGINAL,
    Asked,
    Showing,
    made_folder,
    photo_options,
    read_crop,
    show,
    showings,
)
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from srkit.evaluation.look import Box

NARROWEST = 260
"""Pixels that a column has at least: less has no room for a caption."""


@click.command("strip")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@photo_options
@click.option("--crop", "crops", multiple=True, metavar="X,Y,W,H", help="What to magnify; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), default="strips", show_default=True, help="Folder, or a .png.")
@trust_option
def strip_command(models: tuple[str, ...], crops: tuple[str, ...], out: Path, trust: bool, **asked: Any) -> None:
    """Lay original, bicubic and models side by side, magnified.

    \b
    Examples:
      srkit strip runs/espcn --on photos
      srkit strip runs/espcn lanczos --on photo.jpg --crop 8,6,16,12
    """
    boxes = [read_crop(one) for one in crops]
    registry = Registry.installed(user_trust(trust))
    names = [one for one in models if one != ORIGINAL]
    if BICUBIC not in names:
        names.insert(0, BICUBIC)
    found = showings(names, Asked(**asked), registry)
    count = sum(len(one.photo_set) for one in found)
    if out.suffix.lower() == ".png" and count > 1:
        raise UserError(f"--out {out}: there are {count} photos, a strip for each; name a folder")
    for showing in found:
        _write(showing, boxes, out, registry)


def _write(showing: Showing, crops: Sequence[Box], out: Path, registry: Registry) -> None:
    from srkit.evaluation.strip import MAX_WIDTH
    from srkit.evaluation.strips import StripWriter

    names = [one.name for one in showing.models]
    alone = out.suffix.lower() == ".png"
    writer = StripWriter(
        made_folder(out.parent if alone else out),
        *names,
        crops=crops,
        choose=_where_models_differ(names),
        note=showing.note,
        max_width=max(MAX_WIDTH, (len(names) + 1) * NARROWEST),
        file=out.name if alone else "",
    )

    def on_photo(photo: Any, pictures: Any, scores: Any) -> None:
        try:
            writer(photo, pictures, scores)
        except ValueError as error:
            raise UserError(f"{photo.name}: {error}") from None
        say(str(writer.written[-1]))

    show(showing, on_photo, registry)


def _where_models_differ(names: Sequence[str]) -> Any:
    """Finds the window in which the models differ most: from each other, or one alone from bicubic."""
    from srkit.evaluation.detail import most_different

    trained = [place for place, name in enumerate(names, start=1) if name != BICUBIC]
    among = trained if len(trained) > 1 else range(1, len(names) + 1)

    def choose(images: Sequence[np.ndarray], width: int, height: int) -> tuple[int, int]:
        return most_different([images[one] for one in among], width, height)

    return choose
