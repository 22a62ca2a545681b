"""`srkit prepare`: photos cut into patches, as files or as a packed set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.failures import INTERRUPTED
from srkit.cli.saying import say
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.preparing.plan import Plan


@click.command("prepare")
@click.argument("source", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SRC...")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder of the results.")
@click.option(
    "--patch-size",
    default=256,
    show_default=True,
    type=click.IntRange(min=8),
    metavar="PIXELS",
    help="Side of a patch.",
)
@click.option(
    "--places", default="grid", show_default=True, type=click.Choice(["grid", "random"]), help="Where patches are cut."
)
@click.option(
    "--overlap",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    metavar="SHARE",
    help="Share of a patch's area that it may have in common with another.",
)
@click.option(
    "--shrinks",
    default="1,2,4,8",
    show_default=True,
    metavar="N,N...",
    help="Cut from photos made so many times smaller.",
)
@click.option(
    "--downscaler",
    default="pillow",
    show_default=True,
    metavar="NAME",
    help="""What shrinks photos; with options as '{ use = "lanczos", lobes = 2 }'.""",
)
@click.option(
    "--shrink-first",
    multiple=True,
    metavar="MODEL=N",
    help='First make photos of a camera ("Pixel 7=2") or file type (.jpg=2) so many times smaller.',
)
@click.option(
    "--flat",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="LEVELS",
    help="Drop patches with less detail: the mean step between neighbouring pixels, in levels of 255.",
)
@click.option(
    "--near-duplicates",
    type=click.IntRange(-1, 256),
    metavar="BITS",
    help="Drop photos whose perceptual hash differs from an earlier one's in so many of 256 bits or fewer; "
    "-1 drops none.  [default: 24]",
)
@click.option(
    "--validate",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    metavar="SHARE",
    help="Put this share of the photos into OUT/validate, the others into OUT/train.",
)
@click.option("--webp", is_flag=True, help="Write lossless WebP instead of PNG.")
@click.option("--packed", is_flag=True, help="Write one memory-mapped file instead of one a patch.")
@click.option("--whole", is_flag=True, help="Pack pictures as they are, all of them; needs --packed.")
@click.option(
    "--seed", default=12, show_default=True, metavar="N", help="Draws random places, and the photos that validate."
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes; by default one a core.")
@click.option("--dry-run", is_flag=True, help="Only say what would be made, and how long it would take.")
@trust_option
@click.pass_context
def prepare_command(
    context: click.Context,
    source: tuple[Path, ...],
    out: Path,
    patch_size: int,
    places: str,
    overlap: float,
    shrinks: str,
    downscaler: str,
    shrink_first: tuple[str, ...],
    flat: float,
    near_duplicates: int | None,
    validate: float,
    webp: bool,
    packed: bool,
    whole: bool,
    seed: int,
    workers: int | None,
    dry_run: bool,
    trust: bool,
) -> None:
    """Cut photos into patches, or pack pictures as they are.

    \b
    Examples:
      srkit prepare photos --out patches
      srkit prepare photos --out set --packed --whole
    """
    from srkit.cli.preparation import counting, say_what_is_coming, say_what_is_there
    from srkit.data.likeness import NEAR
    from srkit.experiment.single import table_of
    from srkit.preparing.estimate import estimate
    from srkit.preparing.folder import State, clean, state_of
    from srkit.preparing.photos import find_photos
    from srkit.preparing.plan import make_plan
    from srkit.preparing.settings import Settings, parse_shrink_first, parse_shrinks
    from srkit.preparing.shrinking import SHOWN_AS, Shrinker, qualified

    _require_sense(context, webp=webp, packed=packed, whole=whole)
    registry = Registry.installed(user_trust(trust))
    settings = Settings(
        patch_size=None if whole else patch_size,
        places="random" if places == "random" else "grid",
        overlap=overlap,
        shrinks=(1,) if whole else parse_shrinks(shrinks),
        downscaler=qualified(table_of(downscaler, SHOWN_AS), registry),
        shrink_first=parse_shrink_first(shrink_first),
        flat=flat,
        near_duplicates=(-1 if whole else NEAR) if near_duplicates is None else near_duplicates,
        validate=validate,
        form="packed" if packed else "webp" if webp else "png",
        seed=seed,
    )
    shrinker = Shrinker(settings.downscaler, settings.scales, registry)
    with counting("headers read") as progress:
        photos = find_photos(source, out, registry, progress)
    plan = make_plan(settings, [str(one.resolve()) for one in source], photos)
    say_what_is_there(plan)
    state = state_of(out, plan)
    if state is State.FINISHED:
        if not dry_run:
            clean(out)
        say(f"{out} is finished already; nothing to do")
        return
    processes = workers or _cores()
    if state is State.BEGUN:
        say(f"{out} was begun earlier and goes on")
    with counting("photos tried") as progress:
        coming = estimate(plan, shrinker, progress)
    say_what_is_coming(plan, coming, processes, out)
    if not dry_run:
        _carry_out(plan, out, processes)


CUTTING = ("patch_size", "places", "overlap", "shrinks", "flat")


def _require_sense(context: click.Context, *, webp: bool, packed: bool, whole: bool) -> None:
    """Refuse options that mean nothing together, before anything is read."""
    if webp and packed:
        raise UserError("--webp and --packed: a packed set holds bare pixels; choose one of the two")
    if whole and not packed:
        raise UserError("--whole packs pictures as they are: it needs --packed beside it")
    given = [one for one in CUTTING if context.get_parameter_source(one) is click.core.ParameterSource.COMMANDLINE]
    if whole and given:
        raise UserError(f"--whole cuts nothing, and --{given[0].replace('_', '-')} is about cutting; leave one out")


def _carry_out(plan: Plan, out: Path, processes: int) -> None:
    from srkit.cli.preparation import CuttingDisplay, say_what_was_made
    from srkit.preparing.work import carry_out

    display = CuttingDisplay(plan)
    try:
        with display:
            decided = carry_out(plan, out, processes, display)
    except KeyboardInterrupt:
        say(f"interrupted at {display.photos}; the same command goes on from there", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    say_what_was_made(plan, decided, out)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
