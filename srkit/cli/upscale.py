"""`srkit upscale`: pictures made larger with a trained run, as PNG."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.placement import Job, placements
from srkit.errors import SrkitError, UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    import numpy as np


@click.command("upscale")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE_OR_FOLDER...")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="A run folder or one of its checkpoints.")
@click.option("--out", default="upscaled", type=click.Path(path_type=Path), show_default=True, help="Where to.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--overwrite", is_flag=True, help="Replace pictures that are there already.")
def upscale_command(images: tuple[Path, ...], model: Path, out: Path, device: str | None, overwrite: bool) -> None:
    """Upscale pictures with a trained run.

    \b
    Examples:
      srkit upscale photo.jpg --model runs/espcn
      srkit upscale photos --model runs/espcn --out large
    """
    from srkit.inference.model import load_model
    from srkit.training.device import choose_device, prepare

    registry = Registry.installed()
    where = choose_device(device)
    prepare(where, deterministic=False)
    loaded = load_model(model, registry)
    for complaint in loaded.complaints:
        click.echo(f"warning: {complaint}; using {loaded.checkpoint.name} instead", err=True)
    jobs, failures = placements(images, out, registry)
    _make(out)
    network = loaded.network.to(where)
    for job in jobs:
        try:
            _place(job, network, where, overwrite=overwrite)
        except SrkitError as error:
            failures.append(error)
            click.echo(f"error: {error}", err=True)
    if failures:
        # wrong input where it was that alone
        raise click.exceptions.Exit(min(error.exit_code for error in failures))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {folder}: this folder cannot be made ({error.strerror})") from error


def _place(job: Job, network: Any, device: Any, *, overwrite: bool) -> None:
    """Upscale one picture and write it.

    Raises:
        SrkitError: it cannot be read, upscaled or written, or the target is there already.
    """
    from srkit.data.decoding import decode, save_png

    if job.target.exists() and not overwrite:
        raise UserError(f"{job.target} is there already; --overwrite replaces it")
    large = _upscaled(job.source, decode(job.source), network, device)
    _make(job.target.parent)
    save_png(job.target, large)
    click.echo(f"{job.source} -> {job.target} ({large.shape[1]}x{large.shape[0]})")


def _upscaled(source: Path, picture: np.ndarray, network: Any, device: Any) -> np.ndarray:
    from srkit.inference.upscale import upscale

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        large = upscale(network, picture, device=device, channels_last=True)
    for one in said:
        click.echo(f"warning: {source}: {one.message}", err=True)
    return large
