"""A pixel loss that asks for more than the two pictures, and has named parts."""

from __future__ import annotations

from torch import Tensor, nn

from srkit.contracts import Views
from srkit.errors import OptionError


class LightAndDetail(nn.Module):
    """Absolute error of the shrunk picture, and of the picture itself, each with a weight.

    Args:
        detail: how much the error of single pixels counts beside that of the shrunk picture.
    """

    needs_downscale = True
    """With a gradient: `srkit check` refuses the downscalers that have none."""

    def __init__(self, detail: float = 1.0) -> None:
        super().__init__()
        if detail < 0:
            raise OptionError("detail", f"a weight from 0, got {detail}.")
        self.detail = detail

    def forward(self, views: Views) -> dict[str, Tensor]:
        """The step's images -> two parts, whose sum is the loss."""
        error = views.sr - views.hr
        parts = {"detail": self.detail * error.abs().mean()}
        assert views.downscale is not None  # only an experiment that has one is trained with this loss
        parts["light"] = (views.downscale(views.sr) - views.downscale(views.hr)).abs().mean()
        return parts
