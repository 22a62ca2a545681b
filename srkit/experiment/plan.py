"""Reading an experiment file in two steps: its own structure (no torch), then the components it picks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from srkit.errors import ExperimentError, Problem
from srkit.experiment.contradictions import find_contradictions
from srkit.experiment.overlay import COMMAND_LINE, apply_settings, parse_setting, read_with_bases
from srkit.experiment.picks import Pick, Picking, pick_all
from srkit.experiment.schema import Experiment, LearningRates, Selection, Stage
from srkit.experiment.tree import Origin, Tree, TreePath
from srkit.experiment.typed import Typing
from srkit.registry import KINDS, Registry

DEFAULT_DOWNSCALER = "pillow"
DEFAULT_LR = 1e-4

STAGE_MAY_SET = (
    "precision, data.batch_size, a loss's weight, adversarial_loss.discriminator_steps and "
    "discriminator_batch, degradations' options"
)


@dataclass
class Reading:
    """An experiment file whose structure was read; `problems` holds what was found so far."""

    path: Path
    typing: Typing
    experiment: Experiment

    @property
    def problems(self) -> list[Problem]:
        return self.typing.problems


@dataclass
class StagePlan:
    """One part of the training, with everything it sets applied.

    Attributes:
        experiment: the experiment as it stands in this stage.
        degradations: the picks of this stage's degradations.
        steps: its length in updates; None where it is given in epochs.
        epochs: its length in times through the data.
        lr: learning rate by role.
    """

    experiment: Experiment
    degradations: list[Pick]
    steps: int | None
    epochs: float | None
    lr: dict[str, float]


@dataclass
class Plan:
    """An experiment that is sound as far as a look at it can tell: values, components, stages."""

    path: Path
    experiment: Experiment
    typing: Typing
    picks: dict[TreePath, Pick]
    stages: list[StagePlan] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.stem if self.path.stem != "experiment" else self.path.resolve().parent.name

    @property
    def degradations(self) -> list[Pick]:
        """The degradations as the file has them, in order."""
        paths = [("degradation", index) for index in range(len(self.experiment.degradation))]
        return [self.picks[path] for path in paths if path in self.picks]

    @property
    def problems(self) -> list[Problem]:
        return self.typing.problems


def read_experiment(path: Path, settings: Iterable[str] = ()) -> Reading:
    """Read the file, what it extends and `--set`; check everything that can be checked without a component.

    Raises:
        UserError: the file cannot be read.
        ExperimentError: it is not TOML, or extends something that is not there.
    """
    tree = read_with_bases(path, str(path))
    command_line = Origin(COMMAND_LINE, None, Path.cwd())
    problems = apply_settings(tree, [parse_setting(text) for text in settings], command_line)
    typing = Typing(tree)
    typing.problems += problems
    experiment = typing.table(Experiment, tree.values, ())
    find_contradictions(experiment, typing)
    if experiment.downscaler is None and experiment.lr_pipeline is None:
        experiment.downscaler = Selection(use=DEFAULT_DOWNSCALER)
    if (
        experiment.lr is None
        and experiment.optimizer.lr is None
        and any(one.lr is None for one in experiment.stage or [Stage()])
    ):
        experiment.lr = DEFAULT_LR
    return Reading(path, typing, experiment)


def complete(reading: Reading, registry: Registry) -> Plan:
    """Look up the components and check their options; problems join those of the reading."""
    typing, experiment = reading.typing, reading.experiment
    picking = Picking(typing, registry)
    picks = pick_all(experiment, picking, typing.is_faulty)
    plan = Plan(reading.path, experiment, typing, picks)
    plan.stages = _stages(plan, registry)
    return plan


def require_sound(plan: Plan | Reading) -> None:
    """Raise all problems together, if there are any."""
    if plan.problems:
        raise ExperimentError(plan.problems)


def _stages(plan: Plan, registry: Registry) -> list[StagePlan]:
    experiment = plan.experiment
    base = plan.degradations
    if not experiment.stage:
        return [StagePlan(experiment, base, experiment.steps, None, _rates(experiment, None))]
    stages = []
    for number, stage in enumerate(experiment.stage):
        variant, degradations = experiment, base
        if stage.set:
            variant, degradations = _variant(plan, number, registry)
        stages.append(StagePlan(variant, degradations, stage.steps, stage.epochs, _rates(experiment, stage.lr)))
    return stages


def _variant(plan: Plan, number: int, registry: Registry) -> tuple[Experiment, list[Pick]]:
    """The experiment as a stage's `set` changes it; whatever a stage may not change is a problem."""
    typing = plan.typing
    tree: Tree = typing.tree.copy()
    known = len(typing.problems)
    for key, value in plan.experiment.stage[number].set.items():
        where = ("stage", number, "set", key)
        if not _stage_may_set(key):
            typing.add(where, "a stage cannot change this.", f"It may set: {STAGE_MAY_SET}.")
            continue
        typing.problems += apply_settings(tree, [(key, value)], typing.tree.origin(where))
    if len(typing.problems) > known:
        return plan.experiment, []
    changed = Typing(tree)
    experiment = changed.table(Experiment, tree.values, ())
    find_contradictions(experiment, changed)
    picking = Picking(changed, registry)
    degradations = []
    for index, entry in enumerate(experiment.degradation):
        if isinstance(entry.use, str):
            pick = picking.pick(KINDS["degradations"], entry.use, entry.options, ("degradation", index))
            degradations += [pick] if pick is not None else []
    before = {str(problem) for problem in typing.problems}
    typing.problems += [problem for problem in changed.problems if str(problem) not in before]
    return experiment, degradations


def _stage_may_set(key: str) -> bool:
    parts = key.split(".")
    if key in ("precision", "data.batch_size", "degradation"):
        return True
    if parts[0] == "degradation":
        return parts[-1] not in ("use", "name")
    if parts[0] in ("pixel_loss", "feature_loss"):
        return len(parts) == 3 and parts[2] == "weight"
    return parts[0] == "adversarial_loss" and parts[1:] in (
        ["weight"],
        ["discriminator_steps"],
        ["discriminator_batch"],
    )


def _rates(experiment: Experiment, stage_lr: float | LearningRates | None) -> dict[str, float]:
    """The learning rate of each role: the stage's, else `lr` at the top, else the optimizer's."""
    optimizer = experiment.optimizer
    own = {
        "generator": optimizer.lr,
        "discriminator": (optimizer.discriminator.lr if optimizer.discriminator else None) or optimizer.lr,
    }
    rates = {}
    for role in ("generator", "discriminator"):
        given = [one for one in (_rate(stage_lr, role), _rate(experiment.lr, role), own[role]) if one is not None]
        rates[role] = given[0] if given else DEFAULT_LR
    return rates


def _rate(lr: float | LearningRates | None, role: str) -> float | None:
    return getattr(lr, role) if isinstance(lr, LearningRates) else lr
