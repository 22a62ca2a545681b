"""Shapes at any size, the stated padding, a level written out by hand, the spectral norm by its definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srkit.errors import OptionError, UserError
from srkit_unet.discriminators import UNetMultiscale
from srkit_unet.generators import UNetGenerator
from srkit_unet.network import UNet


def plain(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (7, 13), (2, 31), (17, 16)])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_picture_of_any_size_becomes_scale_times_larger(size: tuple[int, int], scale: int) -> None:
    picture = UNetGenerator(scale, channels=2, levels=3)(torch.rand(1, 3, *size))
    assert picture.shape == (1, 3, size[0] * scale, size[1] * scale)


def test_odd_sizes_are_continued_with_the_last_pixel() -> None:
    torch.manual_seed(0)
    network = UNet(3, 4, 2, 0.1, plain)
    x = torch.rand(1, 3, 9, 14)
    rows, columns = torch.arange(12).clamp(max=8), torch.arange(16).clamp(max=13)
    wanted, _ = network(x[:, :, rows][..., columns])
    assert torch.equal(network(x)[0], wanted[..., :9, :14])


def test_a_level_is_an_average_down_a_copy_up_and_a_skip() -> None:
    """One level, written out."""
    torch.manual_seed(0)
    network = UNet(3, 2, 1, 0.1, plain)
    x = torch.rand(1, 3, 6, 8)
    top = network.down[0](x)
    small = top.reshape(1, 2, 3, 2, 4, 2).mean((3, 5))
    bottom = network.down[1](small)
    large = bottom.repeat_interleave(2, 2).repeat_interleave(2, 3)
    wanted = network.up[0](torch.cat([large, top], 1))
    given, seen = network(x)
    assert torch.allclose(given, wanted, atol=1e-6) and torch.allclose(seen, bottom, atol=1e-6)
    assert given.shape == (1, 2, 6, 8)


def test_with_a_silent_tail_the_generator_is_bilinear() -> None:
    generator = UNetGenerator(2, channels=2)
    for one in generator.tail.parameters():
        nn.init.zeros_(one)
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(generator(lr), F.interpolate(lr, scale_factor=2, mode="bilinear"))


def test_the_discriminator_judges_pixels_and_wholes_at_each_size() -> None:
    discriminator = UNetMultiscale(channels=2, levels=2, sizes=3)
    output = discriminator(torch.rand(2, 3, 33, 20))
    shapes = [tuple(one.shape) for one in output.logits]
    assert shapes == [(2, 1, 33, 20), (2, 1, 9, 5), (2, 1, 16, 10), (2, 1, 4, 3), (2, 1, 8, 5), (2, 1, 2, 2)]
    assert [one.shape[1] for one in output.features] == [8, 8, 8]


def test_its_weights_have_a_spectral_norm_of_one() -> None:
    torch.manual_seed(0)
    discriminator = UNetMultiscale(channels=4, levels=1, sizes=1).train()
    for _ in range(30):
        discriminator(torch.rand(1, 3, 8, 8))
    norms = [torch.linalg.matrix_norm(one[0].weight.flatten(1), 2) for one in discriminator.networks[0].down]
    assert all(abs(float(norm.detach()) - 1) < 0.02 for norm in norms)
    assert not [name for name, _ in UNetMultiscale(2, 1, 1, spectral=False).named_parameters() if "parametriz" in name]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(OptionError, match="levels"):
        UNetGenerator(2, levels=0)
    with pytest.raises(UserError, match="at least 4 pixels a side, got 3 x 9"):
        UNetMultiscale(channels=2, sizes=3)(torch.rand(1, 3, 9, 3))
