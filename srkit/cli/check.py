"""`srkit check`: everything that is wrong with an experiment file, and once that is none, with its pictures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from srkit.cli.failures import WRONG_INPUT
from srkit.cli.plan import experiment_file, told_if_it_fails
from srkit.cli.saying import moving, say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import ExperimentError, Problem, UserError, in_line_order
from srkit.experiment import Reading, StudyReading, complete, read_experiment, read_study
from srkit.experiment.foreseen import foresee
from srkit.places import from_here
from srkit.registry import Registry
from srkit.studies.folder import is_study

SHOWN = 20
"""Pictures of a set that are named; `--json` names all."""


@click.command("check")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value, as for `srkit run`.")
@click.option("--json", "as_json", is_flag=True, help="A list of problems, empty when all is well.")
@trust_option
def check_command(experiments: tuple[Path, ...], settings: tuple[str, ...], as_json: bool, trust: bool) -> None:
    """Check an experiment file and its pictures without training.

    \b
    Examples:
      srkit check experiments/espcn.toml
      srkit check experiments/*.toml --json
    """
    registry = Registry.installed(user_trust(trust, ask=not as_json))
    found: list[Problem] = []
    for path in experiments:
        findings = Findings(quiet=as_json)
        _check(path, settings, registry, findings)
        found += findings.problems
        if not findings.errors and not as_json:
            count = len(findings.problems)
            say(f"{path}: ok{findings.size}" + (f", {count} warning{'s' if count > 1 else ''}" if count else ""))
    if as_json:
        say_document(json.dumps([_as_object(one) for one in found], indent=1))
    if any(one.severity == "error" for one in found):
        raise click.exceptions.Exit(WRONG_INPUT)


@dataclass
class Findings:
    """The problems of one file, each shown as soon as it is known and once."""

    quiet: bool
    size: str = ""
    """What a study comes to, in words."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        return [one for one in self.problems if one.severity == "error"]

    def add(self, news: Iterable[Problem]) -> None:
        for problem in news:
            if problem not in self.problems:
                self.problems.append(problem)
                self._show(problem)

    def add_pictures(self, news: Iterable[Problem]) -> None:
        """Problems of single pictures, of which the first ones of each set are shown."""
        for (key, severity), group in groupby(news, lambda one: (one.key, one.severity)):
            pictures = list(group)
            self.problems += pictures
            for problem in pictures[:SHOWN]:
                self._show(problem)
            if len(pictures) > SHOWN and not self.quiet:
                more = f"{len(pictures) - SHOWN} more of {key}"
                say(f"{'warning: ' if severity == 'warning' else ''}and {more}; --json lists all")

    def _show(self, problem: Problem) -> None:
        if not self.quiet:
            say(from_here(f"{'warning: ' if problem.severity == 'warning' else ''}{problem}"))


def _check(path: Path, settings: tuple[str, ...], registry: Registry, findings: Findings) -> None:
    file = experiment_file(path)
    if not file.exists():
        what = "a folder without experiment.toml: no run" if path.is_dir() else "there is no such experiment file"
        what = "a study's folder; check the file it was made of" if is_study(path) else what
        findings.add([Problem(what, file=str(path))])
        return
    try:
        study = read_study(file, settings)
        reading = read_experiment(file, settings) if study is None else None
    except ExperimentError as error:
        findings.add(error.problems)
        return
    except UserError as error:
        findings.add([Problem(str(error).removeprefix(f"{file} "), file=str(file))])
        return
    if study is not None:
        _check_study(study, registry, findings)
    elif reading is not None:
        _check_reading(reading, registry, findings)


def _check_reading(reading: Reading, registry: Registry, findings: Findings) -> None:
    if foresee(reading, registry):  # known before torch is imported
        findings.add(reading.problems)
        return
    with told_if_it_fails(reading.problems, findings.add):
        plan = complete(reading, registry)
        from srkit.assembly import rehearse
        from srkit.assembly.pictures import look_at_pictures
        from srkit.inference.initial import check_initial

        rehearse(plan)
        check_initial(plan)
    findings.add(plan.problems)
    with _progress() as (progress, waiting):
        pictures = look_at_pictures(plan, progress, _memories(), waiting)
    findings.add(plan.problems)
    findings.add_pictures(pictures)


def _check_study(study: StudyReading, registry: Registry, findings: Findings) -> None:
    """All cells of a study, each problem once; sets that several of them have are looked at once."""
    foreseen = [one for one in study.cells if foresee(one.reading, registry)]
    structural = study.all_problems()
    from srkit.studies.plans import find_problems, launcher_problems, planned, with_other_pictures

    with told_if_it_fails(structural, findings.add):
        launcher = launcher_problems(study.launcher, registry) if study.launcher is not None else []
        if foreseen or study.problems:
            findings.add(in_line_order([*structural, *launcher], study.files))
            return
        from srkit.assembly.pictures import look_at_pictures

        plans = planned(study, registry)
        found = [*structural, *find_problems(plans), *launcher]
    findings.add(in_line_order(found, study.files))
    with _progress() as (progress, waiting):
        for plan in with_other_pictures(plans):
            before = list(plan.problems)
            pictures = look_at_pictures(plan, progress, _memories(), waiting)
            findings.add(one for one in plan.problems if one not in before)
            findings.add_pictures([one for one in pictures if one not in findings.problems])
    findings.size = f", a study of {len(study.cells)} runs"


def _memories() -> Path | None:
    """Where it is remembered what pictures are like; None where that cannot be written: then all are read again."""
    from srkit.evaluation.bench.cache import cache_folder
    from srkit.links import folder_inside

    try:
        folder = folder_inside(cache_folder(), "pictures")
    except (OSError, UserError):
        return None
    return folder if os.access(folder, os.W_OK) else None


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str, int, int], None] | None, Callable[[str], None]]]:
    """A bar while pictures are looked at, where standard error is a terminal; and a word on one that does not come."""
    from srkit.data.patience import impatiently

    if not sys.stderr.isatty():
        yield None, impatiently(partial(say, err=True))
        return
    from rich.progress import Progress

    from srkit.cli.console import messages, speaker

    with moving(Progress(console=messages(), transient=True)) as bar:
        tasks: dict[str, Any] = {}

        def seen(key: str, done: int, total: int) -> None:
            if key not in tasks:
                tasks[key] = bar.add_task(f"looking at {key}", total=total)
            bar.update(tasks[key], completed=done)

        yield seen, impatiently(speaker(bar.console))


def _as_object(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
    }
