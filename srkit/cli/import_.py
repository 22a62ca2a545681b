"""`srkit import`: weights of other programs as a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.saying import say
from srkit.cli.trusting import trust_option, user_trust
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.inference.foreign.recognition import Recognized


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder to make; by default runs/NAME.")
@trust_option
def import_command(files: tuple[Path, ...], out: Path | None, trust: bool) -> None:
    """Bring weights of other programs into a run folder.

    \b
    Examples:
      srkit import ESRGAN.pth
      srkit import ESRGAN.pth discriminator.pth --out runs/esrgan
    """
    from srkit.inference.foreign.folder import write_run
    from srkit.inference.foreign.recognition import recognize

    registry = Registry.installed(user_trust(trust))
    found = [recognize(file, registry) for file in files]
    folder = write_run(found, out)
    for one in found:
        _tell(one)
    if any(one.role == "generator" for one in found):
        say("", f"{folder} can be used like a run: srkit upscale photo.jpg --model {folder}")
    else:
        say("", f'{folder} is for training: init = {{ discriminator = "{folder}" }}')


def _tell(one: Recognized) -> None:
    options = ", ".join(f"{key} {_value(value)}" for key, value in one.foreign.options.items())
    parameters = sum(parameter.numel() for parameter in one.network.parameters())
    say(f"{one.weights.file}: {one.foreign.layout}")
    say(f"  {one.role} {one.component.name}: {options}; {parameters:,} parameters")
    if one.weights.beside:
        say(f"  not taken: {', '.join(one.weights.beside)}")
    for sentence in one.foreign.assumed:
        say(f"  assumed: {sentence}")


def _value(value: object) -> str:
    return " and ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
