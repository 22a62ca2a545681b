"""The receptive field measured by gradient, against what the layers add up to."""

import torch
from torch import nn

from srkit.components.generators.espcn import Espcn
from tests.inference.measured_field import receptive_field


class Scaled(nn.Module):
    """Convolutions with a trainable number and batch norm in between."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.0))
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 12, 3, padding=dilation, dilation=dilation)
        )
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.layers(lr) * self.gain)


def test_layers_add_up() -> None:
    assert receptive_field(Espcn(scale=2, channels=4), 2) == 9  # 5 + 2 + 2
    assert receptive_field(Scaled(1), 2) == 5
    assert receptive_field(Scaled(20), 2) == 43  # wider than the first try


def test_built_on_the_meta_device_and_left_as_it_was() -> None:
    with torch.device("meta"):
        network = Espcn(scale=3, channels=4)
    assert receptive_field(network, 3) == 9
    assert all(one.is_meta for one in network.parameters())


def test_no_end_is_0() -> None:
    class Everything(nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return lr + lr.mean((2, 3), keepdim=True)

    assert receptive_field(Everything(), 1) == 0
