"""A downscaler drawn for each sample, so that the network cannot rely on one kernel."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from srkit.components.downscalers.crop import check_scale
from srkit.components.single_draws import say
from srkit.contracts import Downscaler, Draws, Factory
from srkit.errors import OptionError

__all__ = ["Random"]


class Random:
    """A downscaler drawn for each sample out of several.

    Works on a batch, float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale), and is handed the batch's random
    streams. Sizes the scale does not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        choices: the downscalers to draw from.
        shares: how often each of them is drawn, in any unit; left out, each alike.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int, choices: list[Factory[Downscaler]], shares: list[float] | None = None) -> None:
        self.scale = check_scale(scale)
        if not choices:
            raise OptionError("choices", "an empty list; name at least one downscaler.")
        if shares is not None and (len(shares) != len(choices) or min(shares) < 0 or sum(shares) <= 0):
            raise OptionError(
                "shares", f"one number from 0 for each of the {len(choices)} choices, not all 0; got {shares}."
            )
        self.choices = [choice(scale=scale) for choice in choices]
        if any(isinstance(choice, Random) for choice in self.choices):
            raise OptionError("choices", "a random choice inside of a random choice; put all into one list.")
        self.shares = shares

    def __call__(self, hr: Tensor, draws: Draws) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        picks = draws.choice(range(len(self.choices)), self.shares)
        say(draws, [f"#{pick + 1}" for pick in picks])
        # One picture at a time: the last bits of a batch's product may depend on the size of the batch.
        return torch.cat([shrunk(self.choices[pick], hr[i : i + 1]) for i, pick in enumerate(picks)])


def shrunk(downscaler: Downscaler, hr: Tensor) -> Tensor:
    """One picture, (1, 3, H, W) -> (1, 3, h, w), through a downscaler of either form."""
    if downscaler.works_on == "batch":
        small: Tensor = downscaler(hr)
        return small
    if hr.device.type == "meta":
        side = downscaler(np.zeros((*hr.shape[-2:], 3), np.uint8)).shape
        return hr.new_empty((1, 3, *side[:2]))
    levels = hr[0].detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
    picture = torch.from_numpy(np.ascontiguousarray(downscaler(levels.numpy())))
    return picture.to(hr.device).permute(2, 0, 1)[None].to(hr.dtype) / 255
