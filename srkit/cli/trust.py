"""`srkit trust`: folders whose code may be loaded, and runs by the hash of their code."""

from __future__ import annotations

from pathlib import Path

import click

from srkit.cli.saying import say
from srkit.cli.trusting import shown_files
from srkit.errors import UserError
from srkit.registry.own_code import CODE_FOLDER, Place, place_of
from srkit.registry.trusted import forget, read_trusted, trust_code, trust_folder


@click.command("trust")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--list", "listed", is_flag=True, help="Show what is trusted.")
@click.option("--forget", "forgotten", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust it no longer.")
def trust_command(folder: Path | None, listed: bool, forgotten: Path | None) -> None:
    """Trust the code in a folder, or that of a run.

    Experiments in the folder and below it may then load `./file.py:Name`; by default the folder you stand in. Run
    folders are not included: of a run the code it holds is trusted, as it is now.

    \b
    Examples:
      srkit trust
      srkit trust --list
    """
    if sum((folder is not None, listed, forgotten is not None)) > 1:
        raise click.UsageError("give a folder, --list or --forget FOLDER")
    if listed:
        _list()
    elif forgotten is not None:
        _forget(forgotten)
    else:
        _trust(folder or Path())


def _trust(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder}: {'name the folder it lies in' if folder.exists() else 'there is no such folder'}")
    runs = _runs_of(folder)
    if not runs:
        trust_folder(folder)
        say(f"trusted, with its subfolders but no run folders: {folder.resolve()}")
        for line in shown_files(place_of(folder).files()):
            say(f"  {line}")
        return
    for run in runs:
        trust_code(run.digest(), run.folder)
        say(f"trusted: the code of the run {run.folder} (sha256 {run.digest()})")
        for line in shown_files(run.files()):
            say(f"  {line}")


def _runs_of(folder: Path) -> list[Place]:
    """The run that a folder is, or those of a study that it is; none where it is neither."""
    place = place_of(folder)
    if not place.is_run:
        return []
    if place.code.is_dir():
        return [place]
    found = [Place(one.parent.resolve(), is_run=True) for one in sorted(place.folder.glob(f"**/{CODE_FOLDER}"))]
    runs = [one for one in found if place_of(one.folder) == one]
    if not runs:
        raise UserError(f"{place.folder} is a run or a study without code of its own: there is nothing to trust")
    return runs


def _forget(folder: Path) -> None:
    place = place_of(folder)
    done = forget(folder, (place.digest(),) if place.is_run else ())
    if not done:
        raise UserError(f"{folder.resolve()} is not trusted; `srkit trust --list` shows what is")
    for one in done:
        say(f"no longer trusted: {one}")
    around = [one for one in read_trusted().folders if folder.resolve().is_relative_to(one)]
    if around:
        say(f"it still lies in {around[0]}, which is trusted")


def _list() -> None:
    known = read_trusted()
    if not known.folders and not known.code:
        say("nothing is trusted beside installed packages")
    for one in known.folders:
        say(str(one))
    for digest, run in known.code.items():
        say(f"code {digest} (of the run {run})")
