"""`srkit check`: everything that is wrong with an experiment file, at once, without training."""

from __future__ import annotations

import json
from pathlib import Path

import click

from srkit.cli.plan import experiment_file
from srkit.errors import ExperimentError, Problem
from srkit.experiment import complete, read_experiment
from srkit.registry import Registry


@click.command("check")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value, as for `srkit run`.")
@click.option("--json", "as_json", is_flag=True, help="A list of problems, empty when all is well.")
def check_command(experiments: tuple[Path, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Check an experiment file without training.

    \b
    srkit check experiments/espcn.toml
    srkit check experiments/*.toml --json
    """
    registry = Registry.installed()
    found: list[Problem] = []
    for path in experiments:
        problems = _check(path, settings, registry, quiet=as_json)
        found += problems
        if not problems and not as_json:
            click.echo(f"{path}: ok")
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=1))
    if found:
        raise click.exceptions.Exit(2)


def _check(path: Path, settings: tuple[str, ...], registry: Registry, *, quiet: bool) -> list[Problem]:
    problems: list[Problem] = []

    def report(found: list[Problem]) -> None:
        for problem in found:
            if problem not in problems:
                problems.append(problem)
                if not quiet:
                    click.echo(str(problem))

    try:
        reading = read_experiment(experiment_file(path), settings)
    except ExperimentError as error:
        report(error.problems)
        return problems
    # the file's own structure first: it is known before torch is imported
    report(reading.problems)
    plan = complete(reading, registry)
    from srkit.assembly import rehearse

    rehearse(plan)
    report(plan.problems)
    return problems


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
    }
