"""What the loop has to know of an optimizer: that its groups can be told their rates; whether it asks for losses."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from srkit.errors import FAILURES, UserError
from srkit.experiment import Plan
from srkit.experiment.tree import TreePath

__all__ = ["find_scaled", "require_groups", "wants_closure"]

NO_LOSS_SCALE = 'Write precision = "bf16", or loss_scaling = false.'


def require_groups(optimizer: Any, weights: Sequence[Tensor], who: str) -> None:
    """Whether an optimizer's `param_groups` hold what it was handed, in groups that can be told their rates.

    Args:
        optimizer: as it was built.
        weights: what it was built with, in groups that each had `params`, `lr` and `lr_scale`.
        who: it, in words.

    Raises:
        UserError: it holds other weights, or groups without `lr_scale`.
    """
    own = list(optimizer.param_groups)
    handed = [id(one) for one in weights]
    held = [id(one) for group in own for one in group["params"]]
    if sorted(handed) != sorted(held):
        raise UserError(
            f"{who} was handed {len(handed)} weights and holds {len(held)}"
            f"{'' if len(handed) != len(held) else ', which are others'}: hand its `parameters` on as they are, "
            "super().__init__(parameters, defaults)"
        )
    if any("lr_scale" not in group for group in own):
        raise UserError(
            f"{who} makes parameter groups of its own, which lose lr_scale, by which a group's learning rate is set: "
            "hand its `parameters` on as they are, super().__init__(parameters, defaults), or keep what a group has "
            'beside its weights, {**group, "params": some}'
        )


def find_scaled(plan: Plan, name: str) -> None:
    """Add the stages in which an optimizer that computes the loss by itself would meet scaled losses."""
    for number, stage in enumerate(plan.stages):
        one = stage.experiment
        if one.precision == "fp16" and one.loss_scaling:
            where: TreePath = ("stage", number, "precision") if one.stage else ("precision",)
            message = f"the optimizer {name!r} computes losses by a closure, which fp16's loss scaling does not allow."
            plan.typing.contradict(where, message, NO_LOSS_SCALE)
            return


def wants_closure(optimizer: Any, build: Callable[[list[dict[str, Any]]], Any]) -> bool:
    """Whether `step` asks for a closure that computes the loss once more, as LBFGS's and SAM's do.

    It does where the parameter has no default, where an attribute `needs_closure` says so, or where a try on a weight
    of its own fails without one and not with one.

    Args:
        optimizer: as it was built.
        build: makes another one of the same options.
    """
    if getattr(optimizer, "needs_closure", False):
        return True
    named = inspect.signature(optimizer.step).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(one.default is one.empty and one.kind in positional for one in named):
        return True
    if "closure" not in (one.name for one in named):
        return False
    return not _steps(build, with_closure=False) and _steps(build, with_closure=True)


def _steps(build: Callable[[list[dict[str, Any]]], Any], *, with_closure: bool) -> bool:
    weight = nn.Parameter(torch.full((2, 3), 0.5))

    def closure() -> Tensor:
        weight.grad = None
        with torch.enable_grad():
            loss = weight.square().sum()
            loss.backward()
        return loss

    try:
        optimizer = build([{"params": [weight], "lr": 1e-3, "lr_scale": 1.0}])
        if hasattr(optimizer, "train"):
            optimizer.train()
        closure()
        optimizer.step(closure) if with_closure else optimizer.step()
    except FAILURES:
        return False
    return True
