"""From a file on the command line to a sound plan; the file's own structure is reported before torch is imported."""

from __future__ import annotations

from pathlib import Path

from srkit.cli.saying import say
from srkit.errors import ExperimentError, Problem
from srkit.experiment import Plan, complete, read_experiment
from srkit.experiment.written import read_written
from srkit.registry import Registry


def experiment_file(path: Path) -> Path:
    """The file somebody means: the file itself, or the one of a run folder.

    Raises:
        UserError: a run's file is not what srkit writes.
    """
    if not path.is_dir():
        return path
    file = path / "experiment.toml"
    if file.is_file() and (path / "manifest.json").is_file():
        read_written(file)
    return file


def sound_plan(path: Path, settings: tuple[str, ...], registry: Registry) -> Plan:
    """Read an experiment; the first step's problems are printed at once, the second's join them.

    Raises:
        ExperimentError: with the problems that were not printed yet.
    """
    reading = read_experiment(experiment_file(path), settings)
    structural = list(reading.problems)
    for problem in structural:
        say(f"error: {problem}", err=True)
    plan = complete(reading, registry)
    if not plan.problems:
        return plan
    from srkit.assembly import rehearse

    rehearse(plan)
    rest = [one for one in plan.problems if one not in structural]
    raise Reported(rest) if structural else ExperimentError(rest)


class Reported(ExperimentError):
    """Problems of which the first were already printed."""

    def __init__(self, rest: list[Problem]) -> None:
        super().__init__(rest or [Problem("nothing was run; see above")])
