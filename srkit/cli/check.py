"""`srkit check`: everything that is wrong with an experiment file, at once, without training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from srkit.cli.failures import WRONG_INPUT
from srkit.cli.plan import experiment_file
from srkit.errors import ExperimentError, Problem, UserError
from srkit.experiment import complete, read_experiment
from srkit.registry import Registry


@click.command("check")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value, as for `srkit run`.")
@click.option("--json", "as_json", is_flag=True, help="A list of problems, empty when all is well.")
def check_command(experiments: tuple[Path, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Check an experiment file without training.

    \b
    Examples:
      srkit check experiments/espcn.toml
      srkit check experiments/*.toml --json
    """
    registry = Registry.installed()
    found: list[Problem] = []
    for path in experiments:
        findings = Findings(quiet=as_json)
        _check(path, settings, registry, findings)
        found += findings.problems
        if not findings.problems and not as_json:
            click.echo(f"{path}: ok")
    if as_json:
        click.echo(json.dumps([_as_object(one) for one in found], indent=1))
    if found:
        raise click.exceptions.Exit(WRONG_INPUT)


@dataclass
class Findings:
    """The problems of one file, each shown as soon as it is known and once."""

    quiet: bool
    problems: list[Problem] = field(default_factory=list)

    def add(self, news: Iterable[Problem]) -> None:
        for problem in news:
            if problem not in self.problems:
                self.problems.append(problem)
                if not self.quiet:
                    click.echo(str(problem))


def _check(path: Path, settings: tuple[str, ...], registry: Registry, findings: Findings) -> None:
    file = experiment_file(path)
    if not file.exists():
        findings.add([Problem("there is no such experiment file", file=str(file))])
        return
    try:
        reading = read_experiment(file, settings)
    except ExperimentError as error:
        findings.add(error.problems)
        return
    except UserError as error:
        findings.add([Problem(str(error).removeprefix(f"{file} "), file=str(file))])
        return
    # the file's own structure first: it is known before torch is imported
    findings.add(reading.problems)
    plan = complete(reading, registry)
    from srkit.assembly import rehearse

    rehearse(plan)
    findings.add(plan.problems)


def _as_object(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
    }
