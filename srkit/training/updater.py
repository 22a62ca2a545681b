"""An optimizer with what goes around it: learning rate for each step, loss scaling, clipping, rest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from srkit.assembly.fitting import NO_FACTOR, is_factor
from srkit.contracts import Schedule
from srkit.errors import SrkitError, value_in_short
from srkit.training.state import load_optimizer


class Updater:
    """Turns gradients into changed weights.

    An optimizer with `eval()` and `train()` has two sets of weights: those it takes gradients at and those it stands
    for (their average, say). At rest the network holds the latter: to be judged, saved, handed over.

    Args:
        optimizer: the optimizer; its groups have `lr_scale`.
        schedule: what the learning rate is multiplied with.
        clip_norm: gradients are scaled down to this norm, if given.
        device: where the weights are.
        schedule_name: what the experiment calls it.
        loss_scaling: whether fp16 scales the loss, so that small gradients do not vanish.
        wants_closure: whether the optimizer is handed a closure, which computes the step's loss once more.

    Attributes:
        scaler: the loss scale. Updaters whose gradients come from one loss share it; its owner steps last.
        measures: whether the next updates look at their gradients, for `read`.
        scaled: updates with a scaled loss since the last reading.
        skipped: those of them that were left out, because the scaled gradient overflowed.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        clip_norm: float | None,
        device: torch.device,
        loss_scaling: bool = True,
        schedule_name: str = "",
        wants_closure: bool = False,
    ) -> None:
        self.wants_closure = wants_closure
        self.schedule_name = schedule_name or type(schedule).__name__
        self.loss_scaling = loss_scaling
        self.measures = False
        self.scaled = self.skipped = 0
        self._measured: dict[str, Tensor] = {}
        self._scales = False  # whether the last update scaled its loss
        self._updates = 0
        optimizer.register_step_post_hook(self._count)
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.scaler = torch.amp.GradScaler(device.type)
        self.owns_scaler = True
        self.lr = 0.0
        self.swaps = all(callable(getattr(optimizer, name, None)) for name in ("eval", "train"))
        self._training: list[Tensor] = []  # the weights to go on with, while at rest
        self._fresh = copy.deepcopy(optimizer.state_dict())
        if self.swaps:
            optimizer.train()  # type: ignore[attr-defined]

    @property
    def is_resting(self) -> bool:
        return bool(self._training)

    def rest(self) -> None:
        """Put the weights that the optimizer stands for into the network; nothing happens where they are there."""
        if self.swaps and not self._training:
            # a copy, because the way there and back rounds: how often a run is judged would change its course
            self._training = [one.detach().clone() for one in self.weights()]
            self.optimizer.eval()  # type: ignore[attr-defined]

    def resume(self) -> None:
        """Put the weights back that training goes on with, to the last bit; nothing happens where they are there."""
        if self._training:
            self.optimizer.train()  # type: ignore[attr-defined]
            for weight, kept in zip(self.weights(), self._training, strict=True):
                weight.detach().copy_(kept)
            self._training = []

    def weights(self) -> list[Tensor]:
        """What it changes."""
        return [one for group in self.optimizer.param_groups for one in group["params"]]

    def forget(self) -> None:
        """Start the optimizer anew, from the weights it stands for; schedule and loss scale go on."""
        if self.swaps:
            self.optimizer.eval()  # type: ignore[attr-defined]
        self.optimizer.load_state_dict(copy.deepcopy(self._fresh))
        if self.swaps:
            self.optimizer.train()  # type: ignore[attr-defined]

    def backward(self, loss: Tensor, precision: str) -> None:
        """Add the loss's gradients; in fp16 of the scaled loss, since small ones would vanish in that format."""
        (self.scaler.scale(loss) if precision == "fp16" and self.loss_scaling else loss).backward()

    def step(self, step: int, lr: float, precision: str, again: Callable[[list[Tensor]], Tensor] | None = None) -> None:
        """Change the weights with the gradients there are, and forget these.

        Args:
            step: the update's number.
            lr: the stage's learning rate.
            precision: what the loss was computed in.
            again: puts the gradients of now into the weights and gives the loss; for optimizers that want a closure.
        """
        weights = [one for one in self.weights() if one.grad is not None]
        scaling = self._scales = precision == "fp16" and self.loss_scaling and bool(weights)
        self.lr = lr * self._factor(step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group["lr_scale"]
        if scaling:
            self.scaler.unscale_(self.optimizer)
        self._measured = _measured(weights, precision) if self.measures and weights else {}
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, self.clip_norm)
        if scaling:
            before = self._updates
            self.scaler.step(self.optimizer)
            self.scaled += 1
            self.skipped += self._updates == before
        elif self.wants_closure:
            assert again is not None
            self.optimizer.step(self._closure(again))  # type: ignore[arg-type]  # stubs: a float, torch's own: a tensor
        else:
            self.optimizer.step()
        if scaling and self.owns_scaler:
            self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def _closure(self, again: Callable[[list[Tensor]], Tensor]) -> Callable[[], Tensor]:
        def closure() -> Tensor:
            loss = again(self.weights())
            if self.clip_norm is not None:
                weights = [one for one in self.weights() if one.grad is not None]
                torch.nn.utils.clip_grad_norm_(weights, self.clip_norm)
            return loss

        return closure

    def _factor(self, step: int) -> float:
        factor = self.schedule.factor(step)
        if not is_factor(factor):
            raise SrkitError(
                f"the schedule {self.schedule_name!r} has the factor {value_in_short(factor)} at step {step}. "
                f"{NO_FACTOR}"
            )
        return float(factor)

    def _count(self, *_: object) -> None:
        self._updates += 1

    def read(self) -> dict[str, float]:
        """`gradient_norm`, before clipping, of the last update where it was measured.

        In fp16 also `zero_gradients`, the share of the gradient's elements that are exactly 0, and with loss scaling
        `updates`, those attempted since the last reading, and `skipped`. Waits for the device.
        """
        found = {key: float(value) for key, value in self._measured.items()}
        if self._scales:
            found |= {"updates": float(self.scaled), "skipped": float(self.skipped)}
            self.scaled = self.skipped = 0
        return found

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the network's weights; at rest also the weights that training goes on with."""
        state: dict[str, Any] = {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}
        state |= {"scaled": self.scaled, "skipped": self.skipped}
        if self._training:
            state["training"] = list(self._training)
        if hasattr(self.schedule, "state_dict"):
            state["schedule"] = self.schedule.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint whose weights the network holds already."""
        self.optimizer.zero_grad(set_to_none=True)  # of an update that came to nothing
        load_optimizer(self.optimizer, state["optimizer"])
        self.scaled, self.skipped = state.get("scaled", 0), state.get("skipped", 0)
        self._training = state.get("training", [])
        self.resume()
        self.scaler.load_state_dict(state["scaler"])
        if "schedule" in state:
            self.schedule.load_state_dict(state["schedule"])  # type: ignore[attr-defined]


def _measured(weights: list[Tensor], precision: str) -> dict[str, Tensor]:
    gradients = [one.grad for one in weights if one.grad is not None]
    found = {"gradient_norm": torch.stack([one.float().norm() for one in gradients]).norm()}
    if precision == "fp16":
        zeros = torch.stack([(one == 0).sum() for one in gradients]).sum()
        found["zero_gradients"] = zeros / sum(one.numel() for one in gradients)
    return found
