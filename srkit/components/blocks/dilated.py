"""The notes' dilated block: far sight for few weights."""

from __future__ import annotations

from torch import Tensor, nn

from srkit.components.blocks.layers import check_range, make_activation, run, skip
from srkit.errors import OptionError

__all__ = ["Dilated"]


class Dilated(nn.Module):
    """Dilated convolutions around a scaled skip; sees far for few weights.

    As in the notes (experiments/notes.md): a 3x3 convolution for each dilation, each followed by LeakyReLU, then 1x1;
    x + residual_scale * (...). (B, channels, h, w) -> the same shape, any size; sees the dilations' sum to each side,
    7 pixels by default. Dilated convolutions: Yu and Koltun 2015, arXiv 1511.07122.

    Args:
        channels: channels of input and output.
        dilations: the dilation of each 3x3 convolution, in order.
        slope: LeakyReLU's slope below zero.
        residual_scale: what the branch is multiplied with.
        inplace: let activations overwrite their input, which saves memory and changes no value.
        checkpoint: compute the block's insides again for the gradient instead of keeping them.
    """

    def __init__(
        self,
        channels: int,
        dilations: tuple[int, ...] = (1, 2, 4),
        slope: float = 0.1,
        residual_scale: float = 0.2,
        inplace: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        if not dilations or min(dilations) < 1:
            raise OptionError("dilations", f"at least one whole number from 1, got {list(dilations)}.")
        self.residual_scale = residual_scale
        self.checkpoint = checkpoint
        self.layers = nn.Sequential()
        for dilation in dilations:
            self.layers.append(nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation))
            self.layers.append(make_activation("leaky-relu", slope, inplace))
        self.layers.append(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        return skip(x, run(self.layers, x, self.checkpoint), self.residual_scale)
