"""Whether tables fit the parts as built: patterns that match a parameter, a schedule that is told its metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from torch import nn

from srkit.assembly.groups import matches, unmatched_groups
from srkit.assembly.parts import takes_lr
from srkit.experiment import Plan
from srkit.experiment.schema import OptimizerGroup
from srkit.experiment.tree import TreePath


def find_unmatched(plan: Plan, networks: Mapping[str, nn.Module]) -> None:
    """Add to the plan's problems the parameter groups that nothing of a network, by its role, falls into, and those
    that leave it nothing to learn."""
    optimizer = plan.experiment.optimizer
    for role, table in (("generator", optimizer), ("discriminator", optimizer.discriminator)):
        if role in networks and table is not None:
            names = [name for name, _ in networks[role].named_parameters()]
            path: TreePath = ("optimizer",) if role == "generator" else ("optimizer", "discriminator")
            _some_match(plan, table.group, names, f"the {role}", path)
            _some_train(plan, table.group, names, role, path)


def find_unmatched_losses(plan: Plan, losses: Mapping[str, Any]) -> None:
    """Likewise for `[optimizer.losses]`, whose patterns are for `<loss>.<parameter>`."""
    table = plan.experiment.optimizer.losses
    if table is None:
        return
    modules = [(name, one) for name, one in losses.items() if isinstance(one, nn.Module)]
    names = [f"{name}.{key}" for name, one in modules for key, weight in one.named_parameters() if weight.requires_grad]
    _some_match(plan, table.group, names, "the losses", ("optimizer", "losses"))


def _some_match(plan: Plan, groups: Sequence[OptimizerGroup], names: list[str], whose: str, path: TreePath) -> None:
    if plan.typing.is_faulty((*path, "group")):
        return
    shown = names
    if len(names) > 8:  # a network's parts rather than a few of its thousand names
        shown = list(dict.fromkeys(f"{name.partition('.')[0]}.*" if "." in name else name for name in names))
    some = ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "")
    for index in unmatched_groups(groups, names):
        where = (*path, "group", index, "match")
        plan.typing.add(where, f"no parameter of {whose} has such a name.", f"There are: {some or 'none'}.")


def _some_train(plan: Plan, groups: Sequence[OptimizerGroup], names: list[str], role: str, path: TreePath) -> None:
    if plan.typing.is_faulty((*path, "group")):
        return
    scales = [next((group.lr_scale for group in groups if matches(group, name)), 1.0) for name in names]
    if names and not any(scales):
        plan.typing.add((*path, "group"), f"it freezes all parameters of the {role}: nothing trains.")


def find_unlearned(plan: Plan) -> None:
    """Add the stages in which no loss has a weight."""
    for number, stage in enumerate(plan.stages):
        one = stage.experiment
        game = [one.adversarial_loss] if one.adversarial_loss is not None else []
        if not any(loss.weight for loss in [*one.pixel_loss, *one.feature_loss, *game]):
            path: TreePath = ("stage", number) if one.stage else ("pixel_loss",)
            plan.typing.contradict(path, "all losses have the weight 0: there is nothing to learn.")


def find_unshifted(plan: Plan, discriminator: Any) -> None:
    """Add a shift before a discriminator that takes the LR image too: that one cannot be shifted by HR pixels."""
    table = plan.experiment.adversarial_loss
    if table is None or table.shift_crop == 1 or not takes_lr(discriminator):
        return
    name = plan.picks[("discriminator",)].component.name
    message = f"the discriminator {name!r} looks at the LR picture too, which has no pixels for such a shift."
    plan.typing.contradict(("adversarial_loss", "shift_crop"), message, "Leave shift_crop out.")


NO_FACTOR = "What the learning rate is multiplied with has to be a number from 0."


def is_factor(value: object) -> bool:
    """Whether a learning rate may be multiplied with it: a finite number from 0."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and float(value) >= 0


def find_unobserved(plan: Plan, schedule: Any) -> None:
    """Add what keeps a schedule that goes by a metric from being told of it: validations with originals tell it."""
    metric = getattr(schedule, "observes", "")
    if not metric:
        return
    typing, validation, data = plan.typing, plan.experiment.validation, plan.experiment.data
    name, path = plan.picks[("schedule",)].component.name, ("schedule", "use")
    if validation.called(metric) not in validation.measured and not typing.is_faulty(("validation", "metrics")):
        measured = ", ".join(validation.measured)
        typing.contradict(
            path, f"{name!r} goes by {metric!r}, which is not measured.", f"validation.metrics has: {measured}."
        )
    if validation.every is None and not typing.is_faulty(("validation", "every")):
        typing.contradict(path, f"{name!r} goes by the validations.", "Add validation.every = 500.")
    if data is not None and data.validate is None and not typing.is_faulty(("data", "validate")):
        typing.contradict(path, f"{name!r} is told {metric!r} only with originals.", "Add data.validate.")
