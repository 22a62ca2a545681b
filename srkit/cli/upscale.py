"""`srkit upscale`: pictures made larger with a trained model, in tiles."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.placement import Job, placements
from srkit.cli.saying import moving, say
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import SrkitError, SrkitWarning, UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import torch

    from srkit.inference.tiles import Tiling

ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@dataclass(frozen=True)
class _How:
    """A loaded model and what was asked for."""

    network: Any
    scale: int
    device: torch.device
    autocast: torch.dtype | None
    tiling: Tiling
    self_ensemble: bool
    kind: str
    overwrite: bool


@click.command("upscale")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE_OR_FOLDER...")
@click.option("--model", required=True, help="A run, one of its checkpoints, or a file of weights.")
@click.option("--out", default="upscaled", type=click.Path(path_type=Path), show_default=True, help="A folder.")
@click.option("--format", "kind", type=click.Choice(list(ENDINGS)), default="png", show_default=True, help="Of files.")
@click.option("--repeat", type=click.IntRange(1, 4), default=1, help="Apply the model so often: x2 twice gives x4.")
@click.option("--self-ensemble", is_flag=True, help="Average over eight turns and mirrorings; 8 times the time.")
@click.option("--exact", is_flag=True, help="Overlap tiles by all the model can see; else by what holds 99.9% of it.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="fp32",
    show_default=True,
    help="To compute in; auto is bf16 where the hardware has it.",
)
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--overwrite", is_flag=True, help="Replace pictures that are there already.")
@trust_option
def upscale_command(
    images: tuple[Path, ...],
    model: str,
    out: Path,
    kind: str,
    repeat: int,
    self_ensemble: bool,
    exact: bool,
    precision: str,
    device: str | None,
    overwrite: bool,
    trust: bool,
) -> None:
    """Upscale pictures with a trained model.

    \b
    Examples:
      srkit upscale photo.jpg --model runs/espcn
      srkit upscale photos --model runs/espcn --out large
    """
    if out.suffix.lower() in (*ENDINGS.values(), ".jpeg") and not out.is_dir():
        raise UserError(f"--out {out}: pictures keep their names, and this is the folder they go into; name one")
    registry = Registry.installed(user_trust(trust))
    network, scale, where, autocast = _model(model, repeat, precision, device, registry)
    jobs, failures = placements(images, out, registry, ENDINGS[kind])
    _make(out)
    if jobs:
        from srkit.inference.tiles import plan_tiles

        tiling = plan_tiles(network, scale, where, exact=exact)
        _explain(tiling)
        how = _How(network, scale, where, autocast, tiling, self_ensemble, kind, overwrite)
        failures += _all(jobs, how)
    if failures:
        # wrong input where it was that alone
        raise click.exceptions.Exit(min(error.exit_code for error in failures))


def _model(
    name: str, repeat: int, precision: str, device: str | None, registry: Registry
) -> tuple[Any, int, torch.device, torch.dtype | None]:
    """The network on its device, its scale in all, and what to compute in."""
    from srkit.inference.naming import named_model
    from srkit.inference.repeat import Repeated
    from srkit.training.device import choose_device, prepare
    from srkit.training.precision import DTYPES, best_precision

    where = choose_device(device)
    found = named_model(name, registry)
    if found.scale is None:
        raise UserError(f"--model {name}: it enlarges by any factor; name a model that was trained for one")
    prepare(where, deterministic=False)
    for sentence in found.complaints:
        say(f"warning: {sentence}", err=True)
    network: Any = found.load(found.scale)
    if repeat > 1:
        network = Repeated(network, repeat).eval()
    chosen = best_precision(where)[0] if precision == "auto" else precision
    return network.to(where), found.scale**repeat, where, DTYPES.get(chosen)


def _explain(tiling: Tiling) -> None:
    if tiling.measured:
        from srkit.inference.halo import LEFT_OUT

        say(
            f"tiles overlap by {tiling.halo} pixels, which hold {1 - LEFT_OUT:.1%} of what a pixel depends on "
            "(--exact takes all)",
            err=True,
        )


def _make(out: Path, *below: str) -> None:
    from srkit.links import folder_inside

    try:
        folder_inside(out, *below)
    except OSError as error:
        raise UserError(f"--out {out.joinpath(*below)}: this folder cannot be made ({error.strerror})") from error


def _all(jobs: list[Job], how: _How) -> list[SrkitError]:
    """Upscale what is not there yet; gives what went wrong."""
    # os.path: a name that this file system finds too long is not there, and writing that one image says so
    kept = [job for job in jobs if os.path.exists(job.target) and not how.overwrite]  # noqa: PTH110
    for job in kept:
        say(f"kept: {job.target} is there already; --overwrite replaces it", err=True)
    failures: list[SrkitError] = []
    with _progress([job for job in jobs if job not in kept]) as progress:
        for job in progress.jobs:
            try:
                _place(job, how, progress)
            except SrkitError as error:
                failures.append(error)
                say(f"error: {error}", err=True)
            progress.end(job)
    return failures


def _place(job: Job, how: _How, progress: _Progress) -> None:
    """Upscale one picture and write it.

    Raises:
        SrkitError: it cannot be read, upscaled or written.
    """
    from srkit.data.decoding import image_size
    from srkit.inference.pictures import enlarge, largest_side, write
    from srkit.inference.upscale import upscale

    size = max(image_size(job.source, named=job.named)) * how.scale
    if size > largest_side(how.kind):
        raise UserError(f"{job.source}: {size} pixels are more than {how.kind} can hold; take --format png")

    def larger(image: np.ndarray) -> np.ndarray:
        return upscale(
            how.network,
            image,
            device=how.device,
            autocast=how.autocast,
            channels_last=True,
            tiling=how.tiling,
            self_ensemble=how.self_ensemble,
            on_tile=progress.advance,
        )

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", SrkitWarning)
        large = enlarge(job.source, larger, named=job.named)
    _make(job.out, *job.target.parent.relative_to(job.out).parts)
    remarks = write(job.target, large, how.kind)
    own = [str(one.message) for one in said if issubclass(one.category, SrkitWarning)]
    for sentence in (*own, *remarks):
        say(f"warning: {job.source}: {sentence}", err=True)
    say(f"{job.source} -> {job.target} ({large.pixels.shape[1]}x{large.pixels.shape[0]})")


class _Progress:
    """How far the pictures are, by their pixels: a moving line in a terminal, now and then a plain one elsewhere."""

    EVERY = 10.0

    def __init__(self, jobs: list[Job], bar: Any) -> None:
        self.jobs, self.bar = jobs, bar
        self.sizes = {job: _pixels(job) for job in jobs}
        self.total = sum(self.sizes.values())
        self.done = self.before = 0
        self.begun = self.said = time.monotonic()
        self.task = bar.add_task("upscaling", total=self.total) if bar is not None else None

    def advance(self, pixels: int) -> None:
        self.done += pixels
        self._show()

    def end(self, job: Job) -> None:
        """A picture is over, however it ended; transparency may have taken it past its own pixels."""
        self.before += self.sizes[job]
        self.done = self.before
        self._show()

    def _show(self) -> None:
        done = min(self.done, self.total)
        if self.bar is not None:
            self.bar.update(self.task, completed=done)
            return
        now = time.monotonic()
        if now - self.said >= self.EVERY and 0 < done < self.total:
            from srkit.cli.console import duration

            left = (now - self.begun) / done * (self.total - done)
            say(f"{done / self.total:.0%} done, {duration(left)} left", err=True)
            self.said = now


def _pixels(job: Job) -> int:
    from srkit.data.decoding import image_size

    try:
        width, height = image_size(job.source, named=job.named)
    except SrkitError:
        return 0  # said when its turn comes
    return width * height


@contextmanager
def _progress(jobs: list[Job]) -> Iterator[_Progress]:
    if not sys.stderr.isatty() or not jobs:
        yield _Progress(jobs, None)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from srkit.cli.console import messages

    described = TextColumn("{task.description}", markup=False)
    columns = (described, BarColumn(bar_width=24), TaskProgressColumn(), TimeRemainingColumn())
    with moving(Progress(*columns, console=messages(), transient=True)) as bar:
        yield _Progress(jobs, bar)
