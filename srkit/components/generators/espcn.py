"""ESPCN: a few convolutions at LR size, then the pixels of each channel group shuffled into place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from srkit.components.foreign import shape
from srkit.components.generators.upsampling import begin_alike
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Espcn"]


def make_activation(name: str) -> nn.Module:
    """A fresh activation module. In place where torch can: a convolution's output is not needed for its gradient."""
    if name == "leaky-relu":
        return nn.LeakyReLU(0.1, inplace=True)
    if name == "relu":
        return nn.ReLU(inplace=True)
    return nn.Tanh()


class Espcn(nn.Module):
    """ESPCN: three convolutions at LR size and a pixel shuffle; small and fast.

    Shi et al. 2016, arXiv 1609.05158, in the form of the notes (experiments/notes.md): conv 5x5 3 -> C, LeakyReLU 0.1,
    conv 3x3 C -> C, LeakyReLU 0.1, conv 3x3 C -> 3 * scale^2, PixelShuffle; no output activation, so values outside [0,
    1] can occur and do no harm. The paper's form: `channels = [64, 32]`, `activation = "tanh"`, `output = "tanh"`, with
    `[[optimizer.group]] match = "pixel_shuffle.*", lr_scale = 0.1`.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). State keys: `layers.0`, `layers.2`,
    `pixel_shuffle.0`.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels after the first and the second convolution; two numbers where they differ.
        activation: what follows the first two convolutions; LeakyReLU has slope 0.1.
        output: "tanh" maps the input from 0..1 to -1..1 and ends with tanh mapped back, so SR lies in 0..1.
        icnr: begin the pixel shuffle as nearest enlarging (Aitken et al. 2017, arXiv 1707.02937), so that a short
            training leaves no pattern of its period.
    """

    def __init__(
        self,
        scale: int,
        channels: int | tuple[int, int] = 128,
        activation: Literal["leaky-relu", "relu", "tanh"] = "leaky-relu",
        output: Literal["none", "tanh"] = "none",
        icnr: bool = False,
    ) -> None:
        super().__init__()
        first, second = (channels, channels) if isinstance(channels, int) else channels
        if scale < 1:
            raise OptionError("scale", f"espcn enlarges by a whole number from 1, got {scale}.")
        if min(first, second) < 1:
            raise OptionError("channels", f"espcn needs at least one channel, got {channels}.")
        self.output = output
        self.layers = nn.Sequential(
            nn.Conv2d(3, first, 5, padding=2),
            make_activation(activation),
            nn.Conv2d(first, second, 3, padding=1),
            make_activation(activation),
        )
        last = nn.Conv2d(second, 3 * scale**2, 3, padding=1)
        if icnr:
            begin_alike(last, scale)
        self.pixel_shuffle = nn.Sequential(last, nn.PixelShuffle(scale))

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """The file of the notes (experiments/notes.md), whose names these are; for `srkit import`."""
        if not {"layers.0.weight", "layers.2.weight", "pixel_shuffle.0.weight"} <= set(weights):
            return None
        channels = (shape(weights, "layers.0.weight", 0), shape(weights, "layers.2.weight", 0))
        options = {"scale": round((shape(weights, "pixel_shuffle.0.weight", 0) / 3) ** 0.5), "channels": channels}
        assumed = "LeakyReLU 0.1 between the layers and none at the end, as the notes have it: the file does not say"
        return Foreign("ESPCN of the project's notes", options, weights, (assumed,))

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        if self.output == "tanh":
            return (self.pixel_shuffle(self.layers(lr * 2 - 1)).tanh() + 1) / 2
        return self.pixel_shuffle(self.layers(lr))
