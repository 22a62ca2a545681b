"""SRGAN's generator: residual blocks with batch norm and PReLU, then pixel shuffles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import Norm, check_range
from srkit.components.foreign import count, shape
from srkit.components.generators.upsampling import begin_alike, steps_of
from srkit.contracts import Foreign

__all__ = ["Srresnet"]


def convolution(channels: int, norm: Norm) -> list[nn.Module]:
    """A 3x3 convolution with its norm, whose shift takes the place of the bias."""
    layers: list[nn.Module] = [nn.Conv2d(channels, channels, 3, padding=1, bias=norm == "none")]
    return layers + ([nn.BatchNorm2d(channels)] if norm == "batch" else [])


class ResidualUnit(nn.Module):
    """x + norm(conv(prelu(norm(conv(x))))), key name `rcb`."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.rcb = nn.Sequential(*convolution(channels, norm), nn.PReLU(), *convolution(channels, norm))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same shape."""
        return x + self.rcb(x)


class UpsampleUnit(nn.Module):
    """Convolution, pixel shuffle, PReLU, key name `upsample_block`."""

    def __init__(self, channels: int, step: int, icnr: bool) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels, channels * step**2, 3, padding=1)
        if icnr:
            begin_alike(convolution, step)
        self.upsample_block = nn.Sequential(convolution, nn.PixelShuffle(step), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h * step, w * step)."""
        return self.upsample_block(x)


class Srresnet(nn.Module):
    """SRResNet, SRGAN's generator: residual blocks with batch norm and PReLU, pixel shuffles.

    Ledig et al. 2016, arXiv 1609.04802, as in the paper's figure 4: conv 9x9, PReLU; blocks of conv, batch norm,
    PReLU, conv, batch norm around a skip; conv, batch norm, long skip; for each doubling conv, PixelShuffle 2, PReLU;
    conv 9x9. No output activation. 1,547,350 parameters at scale 4. Key names as Lornatang's SRGAN-PyTorch publishes
    its weights: `conv1.0`, `trunk.N.rcb.K`, `conv2.0`, `upsampling.N.upsample_block.0`, `conv3`. BasicSR's MSRResNet
    is another network, without batch norm. Convolutions before batch norm have no bias.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scales 1, 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of the trunk.
        blocks: residual blocks in the trunk.
        norm: "none" leaves batch norm out, as the field does since EDSR; convolutions then have biases.
        icnr: begin each pixel shuffle as nearest enlarging (Aitken et al. 2017, arXiv 1707.02937), so that a short
            training leaves no pattern of its period.
    """

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        blocks: Annotated[int, Meta(ge=1)] = 16,
        norm: Norm = "batch",
        icnr: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("blocks", blocks, 1)
        self.conv1 = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(ResidualUnit(channels, norm) for _ in range(blocks)))
        self.conv2 = nn.Sequential(*convolution(channels, norm))
        self.upsampling = nn.Sequential(*(UpsampleUnit(channels, step, icnr) for step in steps_of(scale, "srresnet")))
        self.conv3 = nn.Conv2d(channels, 3, 9, padding=4)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """The layout of Lornatang's SRGAN-PyTorch, which has these names; for `srkit import`."""
        if "trunk.0.rcb.0.weight" not in weights or "conv3.weight" not in weights:
            return None
        channels = shape(weights, "conv1.0.weight", 0)
        ups = count(weights, r"upsampling\.(\d+)\.")
        step = round((shape(weights, "upsampling.0.upsample_block.0.weight", 0) / max(1, channels)) ** 0.5)
        options = {
            "scale": step**ups,
            "channels": channels,
            "blocks": count(weights, r"trunk\.(\d+)\."),
            "norm": "batch" if "trunk.0.rcb.1.running_mean" in weights else "none",
        }
        return Foreign("SRResNet as SRGAN-PyTorch has it", options, weights)

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        x = self.conv1(lr)
        return self.conv3(self.upsampling(x + self.conv2(self.trunk(x))))
