"""An optimizer with what goes around it: learning rate for each step, loss scaling, clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from srkit.contracts import Schedule
from srkit.training.state import load_optimizer


class Updater:
    """Turns gradients into changed weights.

    Args:
        optimizer: the optimizer; its groups have `lr_scale`.
        schedule: what the learning rate is multiplied with.
        clip_norm: gradients are scaled down to this norm, if given.
        device: where the weights are.

    Attributes:
        scaler: the loss scale. Updaters whose gradients come from one loss share it; its owner steps last.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        clip_norm: float | None,
        device: torch.device,
    ) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.scaler = torch.amp.GradScaler(device.type)
        self.owns_scaler = True
        self.lr = 0.0

    def backward(self, loss: Tensor, precision: str) -> None:
        """Add the loss's gradients; in fp16 of the scaled loss, since small ones would vanish in that format."""
        (self.scaler.scale(loss) if precision == "fp16" else loss).backward()

    def step(self, step: int, lr: float, precision: str) -> None:
        """Change the weights with the gradients there are, and forget these."""
        weights = [one for group in self.optimizer.param_groups for one in group["params"] if one.grad is not None]
        scaling = precision == "fp16" and bool(weights)
        self.lr = lr * self.schedule.factor(step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group["lr_scale"]
        if scaling:
            self.scaler.unscale_(self.optimizer)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, self.clip_norm)
        if scaling:
            self.scaler.step(self.optimizer)
        else:
            self.optimizer.step()
        if scaling and self.owns_scaler:
            self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        state = {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}
        if hasattr(self.schedule, "state_dict"):
            state["schedule"] = self.schedule.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        load_optimizer(self.optimizer, state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if "schedule" in state:
            self.schedule.load_state_dict(state["schedule"])  # type: ignore[attr-defined]
