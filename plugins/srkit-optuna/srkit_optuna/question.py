"""What is asked for, found to be answerable: an experiment, its parameters, a metric, a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from srkit.assembly import SharedParts, build_pick, rehearse
from srkit.cli.plan import sound_plan
from srkit.errors import ExperimentError, UserError
from srkit.experiment import Plan, complete, read_experiment
from srkit.registry import Registry, Trust
from srkit_optuna.space import PARAM, Parameter, Range, Space, settings, size, toml_text

JUDGING = ("scale", "data.validate", "downscaler", "degradation", "lr_pipeline", "validation", "matrix", "extends")
"""What a search may not change, because scores of different tests cannot be compared."""


@dataclass(frozen=True)
class Question:
    """A search.

    Attributes:
        path: the experiment's file.
        plan: the experiment as it is, which every trial is held against.
        settings: what `--set` changes in all runs.
        space: the parameters.
        trials: how many are tried; no more than there are combinations.
        metric: what is sought.
        higher_is_better: which way.
        out: the folder of the search, whose name is the study's.
        device: where the runs compute; None for the best there is.
        registry: the components.
    """

    path: Path
    plan: Plan
    settings: tuple[str, ...]
    space: Space
    trials: int
    metric: str
    higher_is_better: bool
    out: Path
    device: str | None
    registry: Registry

    def plan_of(self, values: dict[str, Any] | None) -> Plan:
        """The experiment with these values of the parameters; None for as it is.

        Raises:
            ExperimentError: it cannot be run so.
        """
        changes = settings(self.space, values) if values is not None else []
        return _plan(self.path, (*self.settings, *changes), self.registry)

    def begun_with(self) -> dict[str, Any]:
        """What has to be the same when the search goes on, or is shared: texts by what they are."""
        return {
            "metric": self.metric,
            "experiment": toml_text(self.plan.typing.tree.values),
            **{f"{PARAM} {one.key}": str(one) for one in self.space},
        }


def ask(
    path: Path,
    given: Sequence[str],
    space: Sequence[Parameter],
    *,
    trials: int,
    metric: str | None,
    out: Path | None,
    device: str | None,
    trust: Trust | None = None,
) -> Question:
    """Make sure that every value can be tried before the first one is.

    Raises:
        UserError: the experiment is wrong, or takes a value not; nothing judges it; a parameter changes the test.
    """
    registry = Registry.installed(trust)
    if path.is_dir():
        path = path / "experiment.toml"
    plan = sound_plan(path, tuple(given), registry)
    measured = plan.experiment.validation.metrics
    if plan.experiment.data.validate is None or not measured:
        raise UserError(f"{path}: there is no data.validate to judge by; a search needs photos and a metric")
    metric = metric or measured[0]
    if metric not in measured:
        given = (*given, f"validation.metrics={toml_text([*measured, metric])}")
        plan = _told(path, given, registry, "--metric")
    for one in space:
        _require_same_test(one.key)
    space = [_spelt_out(one, plan) for one in space]
    space = [_widened(one, space, path, given, registry) for one in space]
    for one in space:
        _probe(one, space, path, given, registry)
    folder = out or Path("runs") / f"tune-{plan.name}"
    higher = _higher_is_better(plan, metric)
    trials = int(min(trials, size(space)))
    return Question(path, plan, tuple(given), tuple(space), trials, metric, higher, folder, device, registry)


def _plan(path: Path, given: Sequence[str], registry: Registry) -> Plan:
    plan = complete(read_experiment(path, given), registry)
    if not plan.problems:
        rehearse(plan)
    if plan.problems:
        raise ExperimentError(plan.problems)
    return plan


def _told(path: Path, given: Sequence[str], registry: Registry, option: str) -> Plan:
    """The plan; what is wrong with a setting is told under the option that made it."""
    try:
        return _plan(path, given, registry)
    except ExperimentError as error:
        told = [replace(problem, file=option) if problem.file == "--set" else problem for problem in error.problems]
        raise ExperimentError(told) from None


def _require_same_test(key: str) -> None:
    changed = next((one for one in JUDGING if key == one or key.startswith(f"{one}.")), None)
    if changed is not None:
        raise UserError(
            f"{PARAM} {key}: {changed} changes what the runs are judged on, and their scores could not be compared"
        )


def _spelt_out(one: Parameter, plan: Plan) -> Parameter:
    """`lr` is the learning rate where the file has it: at the top, or in the table of the optimizer."""
    written = plan.typing.tree.values
    if one.key == "lr" and "lr" not in written and "lr" in written.get("optimizer", {}):
        return replace(one, key="optimizer.lr")
    return one


def _widened(one: Parameter, space: Space, path: Path, given: Sequence[str], registry: Registry) -> Parameter:
    """A range between whole numbers holds all others too where the experiment takes them: `weight=0..1`."""
    if not isinstance(one, Range) or not one.whole:
        return one
    try:
        _plan(path, (*given, *_with(one, one.low + 0.5, space)), registry)
    except ExperimentError:
        return one
    return replace(one, whole=False)


def _probe(one: Parameter, space: Space, path: Path, given: Sequence[str], registry: Registry) -> None:
    """Try each choice, or both ends of a range, while the other parameters have their first value.

    Raises:
        ExperimentError: the experiment does not take one.
        UserError: it is a learning rate that no stage goes by.
    """
    rates = []
    for value in one.probes():
        plan = _told(path, (*given, *_with(one, value, space)), registry, PARAM)
        rates.append([stage.lr for stage in plan.stages])
    if one.key.rpartition(".")[2] in ("lr", "generator") and "lr" in one.key.split(".") and rates[0] == rates[-1]:
        raise UserError(
            f"{PARAM} {one.key}: it changes no learning rate here: a stage's lr comes before the lr at the top, and "
            "that before the optimizer's. Stages are counted from 1: stage.1.lr"
        )


def _with(one: Parameter, value: Any, space: Space) -> list[str]:
    first = {other.key: other.probes()[0] for other in space}
    return settings(space, first | {one.key: value})


def _higher_is_better(plan: Plan, metric: str) -> bool:
    pick = plan.picks[("validation", "metrics", plan.experiment.validation.metrics.index(metric))]
    built = build_pick(plan, pick, seed=plan.experiment.seed, shared=SharedParts())
    return bool(built.higher_is_better)
