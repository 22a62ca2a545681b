"""The mix begins as srkit's own block, learns, and is what its formula says."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srkit.errors import OptionError
from srkit.registry import KINDS, Registry
from srkit_dilated.blocks import DilatedMix


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def copied(block: DilatedMix, **options: object) -> nn.Module:
    """srkit's `dilated` with the same weights."""
    found = Registry.installed().find(KINDS["blocks"], "srkit:dilated", ".")  # type: ignore[arg-type]  # no file
    own: nn.Module = found.factory(channels=block.last.in_channels, **options)
    state = {
        f"layers.{2 * n}.{key}": one for n, layer in enumerate(block.layers) for key, one in layer.state_dict().items()
    }
    state |= {f"layers.{2 * len(block.layers)}.{key}": one for key, one in block.last.state_dict().items()}
    own.load_state_dict(state)
    return own


@pytest.mark.parametrize("dilations", [(1, 2, 4), (3,), (2, 2, 1, 5)])
def test_it_begins_as_the_built_in_block(dilations: tuple[int, ...]) -> None:
    block = DilatedMix(4, dilations, slope=0.2, residual_scale=0.5)
    x = torch.randn(2, 4, 17, 13)
    wanted = copied(block, dilations=dilations, slope=0.2, residual_scale=0.5)(x)
    assert torch.allclose(block(x), wanted, atol=1e-6)


def test_it_has_nine_numbers_more_than_the_built_in_block() -> None:
    block = DilatedMix(8)
    sizes = [sum(one.numel() for one in network.parameters()) for network in (block, copied(block))]
    assert sizes[0] == sizes[1] + 9


def test_a_mix_is_one_convolution_with_the_kernels_added() -> None:
    """Against a dense kernel of 5 x 5 into which both dilations of the 3 x 3 one are written."""
    block = DilatedMix(3, (1, 2))
    with torch.no_grad():
        block.mix.copy_((torch.tensor([[0.3, -0.7], [0.0, 1.0]]) - torch.eye(2)) / block.mix_rate)
    x = torch.randn(1, 3, 11, 12)
    y = x
    for (near, far), layer in zip(block.factors.tolist(), block.layers, strict=True):
        dense = torch.zeros(3, 3, 5, 5)
        dense[..., 1:4, 1:4] += near * layer.weight
        dense[..., ::2, ::2] += far * layer.weight
        y = F.leaky_relu(F.conv2d(y, dense, layer.bias, padding=2), 0.1)
    assert torch.allclose(block(x), x + 0.2 * block.last(y), atol=1e-6)


def test_the_mix_learns_to_look_as_far_as_it_has_to() -> None:
    """The target is what the same weights give at another dilation: only the mix can get there."""
    block = DilatedMix(2, (1, 3), residual_scale=1.0)
    other = DilatedMix(2, (1, 3), residual_scale=1.0)
    other.load_state_dict(block.state_dict())
    with torch.no_grad():
        other.mix[0].copy_(torch.tensor([-1.0, 1.0]) / other.mix_rate)
    assert torch.allclose(other.factors, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    optimizer = torch.optim.Adam([block.mix], lr=0.005)
    x = torch.randn(4, 2, 16, 16)
    for _ in range(150):
        optimizer.zero_grad()
        F.mse_loss(block(x), other(x).detach()).backward()
        optimizer.step()
    assert torch.allclose(block.factors, other.factors, atol=0.15)


@pytest.mark.parametrize(
    ("options", "key"), [({"channels": 0}, "channels"), ({"channels": 2, "dilations": (0,)}, "dilations")]
)
def test_what_cannot_be_is_refused(options: dict[str, object], key: str) -> None:
    with pytest.raises(OptionError, match=key):
        DilatedMix(**options)  # type: ignore[arg-type]  # wrong on purpose
