"""`srkit report`: runs and studies as one page that needs nothing but a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.saying import say
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.evaluation.report.contents import Contents


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN_OR_STUDY...")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, help="The page to make."
)
@click.option("--on", "folders", multiple=True, metavar="HR[=LR]", help="Photos; by default those of the validations.")
@click.option("--photos", type=click.IntRange(1), default=10, show_default=True, help="How many to show of each set.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--overwrite", is_flag=True, help="Replace a page that is there already.")
@click.option("--with-paths", is_flag=True, help="Keep folders of this machine, not only their names.")
@trust_option
def report_command(
    runs: tuple[Path, ...],
    out: Path,
    folders: tuple[str, ...],
    photos: int,
    device: str | None,
    overwrite: bool,
    with_paths: bool,
    trust: bool,
) -> None:
    """Make a page of runs: photos to compare, curves, tables.

    \b
    Examples:
      srkit report runs/espcn
      srkit report runs/espcn --on photos --out photos.html
    """
    target = _target(out, overwrite)
    from srkit.data.placing import placed
    from srkit.evaluation.report.page import render

    registry = Registry.installed(user_trust(trust, ask=False))  # it can do without the code
    contents = _contents(runs, folders, photos, device, registry)
    page = render(contents if with_paths else _without_folders(contents)).encode()
    with placed(target) as aside:
        aside.write_bytes(page)
    shown = sum(len(chapter.photos) for chapter in contents.chapters)
    parts = [_counted(len(contents.subjects), "run"), _counted(shown, "photo"), f"{len(page) / 1e6:.3g} MB"]
    say(f"{target}: {', '.join(parts)}")


def _target(out: Path, overwrite: bool) -> Path:
    """Where the page goes, found out before anything is computed.

    Raises:
        UserError: there is a page already, or no folder for it.
    """
    target = out / "report.html" if out.is_dir() else out
    if target.exists() and not overwrite:
        raise UserError(f"{target} is there already; --overwrite replaces it")
    if not target.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {target.parent}")
    return target


def _contents(
    runs: tuple[Path, ...], folders: tuple[str, ...], photos: int, device: str | None, registry: Registry
) -> Contents:
    from srkit.cli.bench_answer import progress_line
    from srkit.cli.report_chapters import Work, chapters
    from srkit.cli.report_runs import find_runs, made_by, subject_of
    from srkit.evaluation.report.contents import Contents
    from srkit.training.device import choose_device, describe, prepare

    found = find_runs(runs)
    subjects = [subject_of(one) for one in found.runs]
    where = choose_device(device)
    # the same pictures from the same models, on an accelerator too
    prepare(where, deterministic=True)
    with progress_line() as progress:
        work = Work(registry, where, folders, photos, progress)
        done = chapters(found.runs, work)
    for sentence in [*found.notes, *(f"{chapter.title}: {note}" for chapter in done for note in chapter.notes)]:
        say(f"warning: {sentence}", err=True)
    return Contents(subjects, done, made_by(describe(where)), found.notes, found.studies)


def _without_folders(contents: Contents) -> Contents:
    """What a page for others has: names, and of people and machines none."""
    from srkit.places import Nameless, named_folders

    facts = [(one.experiment, one.manifest, str(one.curves.folder.resolve())) for one in contents.subjects]
    nameless = Nameless(named_folders(facts))
    subjects = [replace(one, manifest=nameless.record(one.manifest)) for one in contents.subjects]
    shared: Contents = nameless(replace(contents, subjects=subjects))
    return shared


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
