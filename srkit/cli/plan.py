"""From a file on the command line to a sound plan; the file's own structure is known before torch is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from srkit.cli.saying import say
from srkit.errors import ExperimentError, Problem
from srkit.experiment import Plan, complete, read_experiment
from srkit.experiment.foreseen import foresee
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
    """Read an experiment.

    Raises:
        ExperimentError: with everything that is wrong with it.
    """
    reading = read_experiment(experiment_file(path), settings)
    if foresee(reading, registry):
        raise ExperimentError(reading.problems)
    with told_if_it_fails(reading.problems, say_all):
        plan = complete(reading, registry)
        if not plan.problems:
            return plan
        from srkit.assembly import rehearse

        rehearse(plan)
    raise ExperimentError(plan.problems)


@contextmanager
def told_if_it_fails(problems: Sequence[Problem], tell: Callable[[Sequence[Problem]], None]) -> Iterator[None]:
    """While components are looked up, which may fail in any way: what is known before that is not lost."""
    try:
        yield
    except BaseException:
        tell(problems)
        raise


def say_all(problems: Sequence[Problem]) -> None:
    """Say what is wrong, a line each."""
    for problem in problems:
        say(f"error: {problem}", err=True)
