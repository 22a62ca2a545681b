"""Total variation of the large picture."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

__all__ = ["Tv"]


class Tv(nn.Module):
    """Total variation of SR alone: damps noise, flattens when weighted strongly.

    Rudin, Osher and Fatemi 1992, "Nonlinear total variation based noise removal algorithms", in the form that adds
    both directions: the mean of |difference to the right neighbour| plus the mean of |difference to the one below|.
    HR is not looked at. SR (B, 3, H, W), a scalar out; a picture of one row or column has no part from that direction.

    Args:
        power: "absolute" differences, or "squared" ones, which blur edges more and single dots less.
    """

    def __init__(self, power: Literal["absolute", "squared"] = "absolute") -> None:
        super().__init__()
        self.power = power

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR (B, 3, H, W) -> scalar in HR's precision."""
        sr = sr.to(hr.dtype)
        total = sr.new_zeros(())
        for dim in (-2, -1):
            if sr.shape[dim] > 1:
                steps = sr.diff(dim=dim)
                total = total + (steps.abs() if self.power == "absolute" else steps.square()).mean()
        return total
