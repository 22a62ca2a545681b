"""ESPCN: its published shape, its names, its forms."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.generators.espcn import Espcn
from srkit.errors import OptionError


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def test_the_notes_form_has_its_names_and_size() -> None:
    net = Espcn(scale=2)
    assert {key.rpartition(".")[0] for key in net.state_dict()} == {"layers.0", "layers.2", "pixel_shuffle.0"}
    expected = (3 * 128 * 25 + 128) + (128 * 128 * 9 + 128) + (128 * 12 * 9 + 12)
    assert sum(weight.numel() for weight in net.parameters()) == expected == 171_148


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_shape(scale: int) -> None:
    assert Espcn(scale, channels=4)(picture(2, 3, 7, 5)).shape == (2, 3, 7 * scale, 5 * scale)


def test_the_notes_form_equals_its_formula() -> None:
    net = Espcn(scale=2, channels=8)
    lr = picture(2, 3, 9, 8)
    weights = net.state_dict()
    x = F.conv2d(lr, weights["layers.0.weight"], weights["layers.0.bias"], padding=2)
    x = torch.where(x > 0, x, 0.1 * x)
    x = F.conv2d(x, weights["layers.2.weight"], weights["layers.2.bias"], padding=1)
    x = torch.where(x > 0, x, 0.1 * x)
    x = F.conv2d(x, weights["pixel_shuffle.0.weight"], weights["pixel_shuffle.0.bias"], padding=1)
    x = x.view(2, 3, 2, 2, 9, 8).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 18, 16)
    torch.testing.assert_close(net(lr), x)


def test_the_papers_form_stays_in_range() -> None:
    net = Espcn(scale=3, channels=(64, 32), activation="tanh", output="tanh")
    expected = (3 * 64 * 25 + 64) + (64 * 32 * 9 + 32) + (32 * 27 * 9 + 27)
    assert sum(weight.numel() for weight in net.parameters()) == expected
    with torch.no_grad():
        net.pixel_shuffle[0].bias.add_(5.0)
    sr = net(picture(1, 3, 6, 6))
    assert sr.min() > 0.9 and sr.max() <= 1


def test_output_tanh_maps_the_range() -> None:
    net = Espcn(scale=2, channels=4, output="tanh")
    plain = Espcn(scale=2, channels=4)
    plain.load_state_dict(net.state_dict())
    lr = picture(1, 3, 5, 5)
    torch.testing.assert_close(net(lr), (torch.tanh(plain(2 * lr - 1)) + 1) / 2)


def test_values_may_leave_the_range_without_output_activation() -> None:
    net = Espcn(scale=2, channels=4)
    with torch.no_grad():
        net.pixel_shuffle[0].bias.fill_(3.0)
    assert net(picture(1, 3, 5, 5)).max() > 1


def test_every_weight_learns() -> None:
    net = Espcn(scale=2, channels=4)
    net(picture(1, 3, 8, 8)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


@pytest.mark.parametrize(("key", "options"), [("scale", {"scale": 0}), ("channels", {"scale": 2, "channels": (4, 0)})])
def test_refuses_what_it_cannot_do(key: str, options: dict) -> None:
    with pytest.raises(OptionError) as caught:
        Espcn(**options)
    assert caught.value.key == key


def test_it_may_begin_as_nearest_enlarging() -> None:
    torch.manual_seed(0)
    made = Espcn(3, channels=4, icnr=True)(torch.rand(1, 3, 5, 6))
    assert torch.equal(made, made[..., ::3, ::3].repeat_interleave(3, -1).repeat_interleave(3, -2))
