"""`srkit upscale`: pictures made larger with a trained run, as PNG."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from srkit.errors import SrkitError
from srkit.registry import Registry


@click.command("upscale")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="A run folder or one of its checkpoints.")
@click.option("--out", default="upscaled", type=click.Path(path_type=Path), show_default=True, help="Where to.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--overwrite", is_flag=True, help="Replace pictures that are there already.")
def upscale_command(images: tuple[Path, ...], model: Path, out: Path, device: str | None, overwrite: bool) -> None:
    """Upscale pictures with a trained run.

    \b
    srkit upscale photo.jpg --model runs/espcn
    srkit upscale photos/*.jpg --model runs/espcn --out large
    """
    from srkit.data.decoding import decode, save_png
    from srkit.inference.model import load_model
    from srkit.inference.upscale import upscale
    from srkit.training.device import choose_device, prepare

    where = choose_device(device)
    prepare(where, deterministic=False)
    loaded = load_model(model, Registry.installed())
    for complaint in loaded.complaints:
        click.echo(f"warning: {complaint}; using {loaded.checkpoint.name} instead", err=True)
    network = loaded.network.to(where)
    failed = 0
    for image in images:
        target = out / f"{image.stem}.png"
        try:
            if target.exists() and not overwrite:
                raise SrkitError(f"{target} is there already; --overwrite replaces it")
            picture = decode(image)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                large = upscale(network, picture, device=where, channels_last=True)
            for one in said:
                click.echo(f"warning: {image}: {one.message}", err=True)
            out.mkdir(parents=True, exist_ok=True)
            save_png(target, large)
        except SrkitError as error:
            click.echo(f"error: {error}", err=True)
            failed += 1
            continue
        click.echo(f"{image} -> {target} ({large.shape[1]}x{large.shape[0]})")
    if failed:
        raise click.exceptions.Exit(2 if failed == len(images) else 1)
