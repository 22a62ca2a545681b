"""Reading an experiment file in two steps: its own structure (no torch), then the components it picks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from srkit.errors import ExperimentError, Problem
from srkit.experiment.contradictions import find_contradictions, gives_rate
from srkit.experiment.overlay import read_with_bases
from srkit.experiment.picks import Pick, Picking, pick_all
from srkit.experiment.schema import Experiment, LearningRates, Log, Selection
from srkit.experiment.settings import COMMAND_LINE, Setting, apply_settings, parse_setting
from srkit.experiment.tree import Origin, Tree, TreePath
from srkit.experiment.typed import Typing
from srkit.registry import KINDS, Registry

DEFAULT_DOWNSCALER = "pillow"
DEFAULT_LR = 1e-4

NOT_ONE_EXPERIMENT = (
    (
        "matrix",
        "this file is a study: many experiments in one.",
        "`srkit run` and `srkit check` take it.",
    ),
    ("launcher", "a launcher executes the runs of a study, and there is no [matrix].", "Remove it."),
)
"""Tables of a study, and what is said where one experiment is wanted."""

STAGE_MAY_SET = (
    "precision, data.batch_size, a loss's weight (pixel_loss.NAME.weight), "
    "adversarial_loss.discriminator_steps, adversarial_loss.discriminator_batch, "
    "degradation, and a degradation's options (degradation.NAME.OPTION)"
)


@dataclass
class Reading:
    """An experiment file whose structure was read; `problems` holds what was found so far."""

    path: Path
    typing: Typing
    experiment: Experiment

    @property
    def problems(self) -> list[Problem]:
        """In the order of the file's lines."""
        return self.typing.in_line_order()


@dataclass
class StagePlan:
    """One part of the training, with everything it sets applied.

    Attributes:
        experiment: the experiment as it stands in this stage.
        degradations: the picks of this stage's degradations.
        steps: its length in updates; None where it is given in epochs.
        epochs: its length in times through the data.
        lr: learning rate by role.
        tree: the file's values as they stand in this stage, with their origins.
        forgets: whether the optimizers start anew.
        per_sample: whether its learning rates are for one sample of a batch.
    """

    experiment: Experiment
    degradations: list[Pick]
    steps: int | None
    epochs: float | None
    lr: dict[str, float]
    tree: Tree
    forgets: bool = False
    per_sample: bool = False


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
        """In the order of the file's lines."""
        return self.typing.in_line_order()


def read_experiment(path: Path, settings: Iterable[str] = ()) -> Reading:
    """Read the file, what it extends and `--set`; check everything that can be checked without a component.

    Raises:
        UserError: the file cannot be read.
        ExperimentError: it is not TOML, or extends something that is not there.
    """
    tree = read_with_bases(path, str(path))
    problems, given = command_line_settings(settings)
    reading = read_tree(path, tree, given)
    reading.typing.problems[:0] = problems
    return reading


def command_line_settings(settings: Iterable[str]) -> tuple[list[Problem], list[Setting]]:
    """What `--set` was given: problems of those that cannot be read, and the others."""
    command_line = Origin(COMMAND_LINE, None, Path.cwd(), typed=True)
    problems, parsed = [], []
    for text in settings:
        try:
            parsed.append(Setting(*parse_setting(text), command_line))
        except ExperimentError as error:
            problems += error.problems
    return problems, parsed


def read_tree(path: Path, tree: Tree, settings: Iterable[Setting]) -> Reading:
    """A tree that was read from a file, with settings applied, as an experiment."""
    typing = Typing(tree)
    rest = list(settings)
    for key, message, hint in NOT_ONE_EXPERIMENT:
        typed = [one for one in rest if one.key.partition(".")[0] == key and '"' not in one.key]
        rest = [one for one in rest if one not in typed]
        if typed and key not in tree.values:
            tree.put((key,), {}, typed[0].origin)
        if key in tree.values:
            typing.add((key,), message, hint)
            tree.drop((key,))
    typing.problems += apply_settings(tree, rest)
    return Reading(path, typing, _typed(typing))


def _typed(typing: Typing) -> Experiment:
    """The tree as an experiment, with the defaults that depend on more than one table."""
    experiment: Experiment = typing.table(Experiment, typing.tree.values, ())
    find_contradictions(experiment, typing)
    if experiment.downscaler is None and experiment.lr_pipeline is None:
        experiment.downscaler = Selection(use=DEFAULT_DOWNSCALER)
    _fill_learning_rates(experiment)
    lengths = [one.steps for one in experiment.stage] or [experiment.steps]
    if None not in lengths:
        fill_log(experiment, typing.tree, sum(filter(None, lengths)))
    return experiment


LOG_LINES = 40
"""How many lines a short run's curves have where the file does not say."""


def fill_log(experiment: Experiment, tree: Tree, steps: int) -> None:
    """Write how often a run of so many steps is logged, where the file leaves that open."""
    table = tree.values.get("log")
    if not isinstance(table, dict) or "every" not in table:
        experiment.log.every = min(Log().every, max(1, steps // LOG_LINES))


def _fill_learning_rates(experiment: Experiment) -> None:
    """Write the default at the top for every role that a stage, the top and its optimizer leave open."""
    roles = ["generator"] + (["discriminator"] if experiment.discriminator is not None else [])
    stages = [one.lr for one in experiment.stage] or [None]
    open_roles = [
        role
        for role in roles
        if not gives_rate(experiment.lr, role)
        and _own_rate(experiment, role) is None
        and not all(gives_rate(lr, role) for lr in stages)
    ]
    if open_roles == roles and experiment.lr is None:
        experiment.lr = DEFAULT_LR
    elif open_roles:
        # a number would have given every role its rate
        given = experiment.lr if isinstance(experiment.lr, LearningRates) else LearningRates()
        experiment.lr = msgspec.structs.replace(given, **dict.fromkeys(open_roles, DEFAULT_LR))


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
        return [
            StagePlan(
                experiment,
                base,
                experiment.steps,
                None,
                _rates(experiment, None),
                plan.typing.tree,
                per_sample=experiment.lr_per_sample,
            )
        ]
    stages = []
    for number, stage in enumerate(experiment.stage):
        variant, degradations, tree = experiment, base, plan.typing.tree
        if stage.set:
            variant, degradations, tree = _variant(plan, number, registry)
        rates = _rates(experiment, stage.lr)
        per_sample = experiment.lr_per_sample if stage.lr_per_sample is None else stage.lr_per_sample
        forgets = stage.optimizer_state == "anew"
        stages.append(StagePlan(variant, degradations, stage.steps, stage.epochs, rates, tree, forgets, per_sample))
    return stages


def _variant(plan: Plan, number: int, registry: Registry) -> tuple[Experiment, list[Pick], Tree]:
    """The experiment as a stage's `set` changes it; whatever a stage may not change is a problem."""
    typing = plan.typing
    settings = []
    for where, key, value in flat_settings(plan.experiment.stage[number].set, ("stage", number, "set")):
        if _stage_may_set(key):
            settings.append(Setting(key, value, typing.tree.origin(where)))
        else:
            hint = "Write lr in the stage itself." if key.split(".")[0] == "lr" else f"It may set {STAGE_MAY_SET}."
            typing.add(where, f"a stage cannot change {key}.", hint)
    changed = Typing(typing.tree.copy())
    typing.problems += apply_settings(changed.tree, settings)
    experiment = _typed(changed)
    picking = Picking(changed, registry)
    degradations = []
    for index, entry in enumerate(experiment.degradation):
        if isinstance(entry.use, str):
            pick = picking.pick(KINDS["degradations"], entry.use, entry.options, ("degradation", index))
            degradations += [pick] if pick is not None else []
    typing.problems += [problem for problem in changed.problems if problem not in typing.problems]
    return experiment, degradations, changed.tree


def flat_settings(table: dict[str, Any], where: TreePath, key: str = "") -> Iterator[tuple[TreePath, str, Any]]:
    """(path, dotted key, value) of what a `set` sets, its keys in quotes or not: `loss.mse.weight = 2` is a table."""
    for name, value in table.items():
        path, dotted_key = (*where, name), f"{key}.{name}" if key else name
        if isinstance(value, dict) and "use" not in value and dotted_key.count(".") < 2:
            yield from flat_settings(value, path, dotted_key)
        else:
            yield path, dotted_key, value


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
    rates = {}
    for role in ("generator", "discriminator"):
        given = [_rate(stage_lr, role), _rate(experiment.lr, role), _own_rate(experiment, role)]
        rates[role] = next((one for one in given if one is not None), DEFAULT_LR)
    return rates


def _own_rate(experiment: Experiment, role: str) -> float | None:
    """The learning rate in the table of a role's optimizer."""
    optimizer = experiment.optimizer
    own = optimizer.discriminator if role == "discriminator" else None
    return own.lr if own is not None and own.lr is not None else optimizer.lr


def _rate(lr: float | LearningRates | None, role: str) -> float | None:
    return getattr(lr, role) if isinstance(lr, LearningRates) else lr
