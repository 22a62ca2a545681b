"""`srkit run`: train, judge, show the table and what to type next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.failures import INTERRUPTED
from srkit.cli.plan import sound_plan
from srkit.cli.quick_start import QuickStart
from srkit.cli.saying import one_reader, say
from srkit.cli.study import Asked, StudyTask, rehearse_study, run_study, sound_study
from srkit.cli.together import once_a_machine
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.places import shown
from srkit.registry import Registry

if TYPE_CHECKING:
    from rich.console import Console

    from srkit.execution import Outcome
    from srkit.experiment import Plan
    from srkit.training.distributed import Processes


@click.command("run")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the file; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder; by default runs/NAME.")
@click.option("--resume", is_flag=True, help="Go on from the newest whole checkpoint.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--dry-run", is_flag=True, help="A step of each stage and a picture; says what the run would take.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Of a study: how many runs at a time.")
@click.option("--launcher", metavar="NAME", help="Of a study: where its runs are executed; by default here.")
@click.option("--quiet", is_flag=True, help="No progress; only the table and warnings.")
@trust_option
def run_command(
    experiments: tuple[Path, ...],
    settings: tuple[str, ...],
    out: Path | None,
    resume: bool,
    device: str | None,
    dry_run: bool,
    jobs: int | None,
    launcher: str | None,
    quiet: bool,
    trust: bool,
) -> None:
    """Train an experiment, or a study of many, and judge it against bicubic.

    \b
    Examples:
      srkit run experiments/espcn_vgg.toml
      srkit run experiments/espcn.toml --set generator.channels=64 --out runs/c64
    """
    if out is not None and len(experiments) > 1:
        raise click.UsageError("--out names one run folder; leave it out for several experiments")
    registry = Registry.installed(user_trust(trust))
    asked = Asked(out, resume, device, launcher, jobs, quiet)
    codes = []
    with QuickStart() as start:
        with once_a_machine():
            tasks = [_task(path, settings, registry, asked) for path in experiments]
        from srkit.training.distributed import joined

        with joined(device) as (processes, own_device):
            for task in tasks:
                if isinstance(task, StudyTask):
                    _require_alone(processes, task.file)
                    start.srkit_run_start()
                    codes.append(rehearse_study(task, device) if dry_run else run_study(task, asked, registry))
                    if codes[-1] == INTERRUPTED:
                        break
                elif not dry_run:
                    observers: dict[str, object] = {"start": start}
                    _run(task, registry, out, observers, processes, resume=resume, device=own_device, quiet=quiet)
                elif processes.is_first:
                    _rehearse(task, own_device, quiet=quiet)
    if any(codes):
        raise click.exceptions.Exit(max(codes))


def _task(path: Path, settings: tuple[str, ...], registry: Registry, asked: Asked) -> Plan | StudyTask:
    """What a path on the command line means: a study, or one experiment.

    Raises:
        UserError: something is wrong with it, or it is one experiment and a study's options were given.
    """
    study = sound_study(path, settings, registry, asked)
    if study is not None:
        return study
    given = [name for name, value in (("--jobs", asked.jobs), ("--launcher", asked.launcher)) if value is not None]
    if given:
        raise UserError(f"{path}: only a study takes {' and '.join(given)}, and this file has no [matrix]")
    return sound_plan(path, settings, registry)


def _require_alone(processes: Processes, file: Path) -> None:
    if processes.size > 1:
        raise UserError(f"{file}: a study starts its own processes; leave torchrun out and give --jobs")


def _run(
    plan: Plan,
    registry: Registry,
    out: Path | None,
    observers: dict[str, object],
    processes: Processes,
    *,
    resume: bool,
    device: str | None,
    quiet: bool,
) -> None:
    from srkit.cli.console import messages, speaker
    from srkit.cli.progress import ProgressDisplay
    from srkit.execution import execute

    screen = messages()
    if not quiet:
        observers["progress"] = ProgressDisplay(screen)
    outcome = execute(
        plan,
        registry,
        out=out,
        resume=resume,
        device=device,
        observers=observers,
        notice=speaker(screen, quiet=quiet),
        processes=processes,
    )
    if not processes.is_first:
        if outcome.interrupted:
            raise click.exceptions.Exit(INTERRUPTED)
        return
    if outcome.interrupted:
        run = outcome.run
        screen.print(
            f"interrupted after step {run.step} of {run.total_steps}; the checkpoint is saved. Go on with:",
            f"  srkit run {shown(run.folder)} --resume",
            sep="\n",
            soft_wrap=True,
        )
        raise click.exceptions.Exit(INTERRUPTED)
    _show(outcome, screen, quiet=quiet)


def _show(outcome: Outcome, screen: Console, *, quiet: bool) -> None:
    from srkit.cli.console import results, sentence
    from srkit.evaluation.bench.notes import results_line
    from srkit.evaluation.rows import by_protocol
    from srkit.evaluation.table import scores_table
    from srkit.training.results import short_hash

    run = outcome.run
    if run.stop_reason:
        sentence(screen, f"stopped after step {run.step} of {run.total_steps}: {run.stop_reason}")
    console = results()
    # a reader of the table alone has to know them
    said = {*run.warnings, *map(str, run.rollbacks)} if one_reader() else set()
    fresh = [replace(row, warnings=[one for one in row.warnings if one not in said]) for row in outcome.rows]
    for rows in by_protocol(fresh):
        console.rows(scores_table(rows))
    for line in results_line({run.name: short_hash(run.folder)}) if outcome.rows else ():
        sentence(console, line, "dim")
    if quiet:
        return
    lines = [f"run folder: {shown(run.folder)}"]
    if outcome.strips:
        lines.append(f"strips (original | bicubic | {run.name}): {shown(outcome.strips[0].parent)}")
    lines.append("next:")
    lines.append(f"  srkit upscale PHOTO... --model {shown(run.folder)} --out upscaled")
    if run.experiment.log.tensorboard:
        # where nothing but runs lies, all of them are shown together
        below = run.folder.parent if run.folder.parent.name == "runs" else run.folder
        lines.append(f"  tensorboard --logdir {shown(below)}")
    for line in lines:
        sentence(screen, line)


def _rehearse(plan: Plan, device: str | None, *, quiet: bool) -> None:
    from srkit.cli.console import duration, messages, speaker
    from srkit.dry_run import dry_run

    found = dry_run(plan, device, speaker(messages(), quiet=quiet))
    say(f"{plan.path}: a step of each stage and a validation picture done on {found.device}")
    say(f"  time    about {duration(found.seconds)} for {found.steps} steps ({found.seconds_each})")
    if found.memory_bytes:
        say(f"  memory  about {found.memory_bytes / 1e9:.2f} GB")
    say(f"  disk    about {found.disk_bytes / 1e6:.1f} MB")
