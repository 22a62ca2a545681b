"""The notes' discriminator: its published size, its places, its batch norm and dropout."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.discriminators.dilated import Dilated
from srkit.errors import OptionError, UserError


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def test_the_notes_size() -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in Dilated(channels=32).parameters()) == 2_504_001


def test_a_logit_for_each_place_at_an_eighth() -> None:
    assert Dilated(channels=2)(picture(2, 3, 48, 33)).shape == (2, 1, 6, 4)


def test_the_layers_are_the_notes() -> None:
    convolutions = [layer for layer in Dilated(channels=32).modules() if isinstance(layer, nn.Conv2d)]
    found = [(layer.out_channels // 32, layer.kernel_size[0], layer.dilation[0]) for layer in convolutions]
    assert found == [
        (1, 5, 1),
        (1, 3, 1),
        (2, 3, 1),
        (2, 3, 1),
        (4, 3, 1),
        (4, 3, 1),
        (8, 3, 1),
        (8, 3, 2),
        (8, 3, 4),
        (8, 3, 1),
        (16, 1, 1),
        (1, 1, 1),
        (0, 1, 1),
    ]
    assert [layer.bias is not None for layer in convolutions] == [False] * 12 + [True]


def test_equals_the_notes_formula_in_train_mode() -> None:
    torch.manual_seed(0)
    net = Dilated(channels=2)
    with torch.no_grad():
        for weight in net.parameters():
            if weight.dim() == 1:
                weight.uniform_(0.5, 1.5)
    values = list(net.parameters())
    image = picture(2, 3, 48, 40)
    logits = net(image)
    x = image
    dilations = [1] * 7 + [2, 4] + [1] * 4
    for number, dilation in enumerate(dilations[:-1]):
        weight, gain, shift = values[3 * number : 3 * number + 3]
        x = F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        x = (x - mean) / (variance + 1e-5).sqrt() * gain.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
        x = torch.maximum(x, 0.1 * x)
        if number in (1, 3, 5):
            x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))
    torch.testing.assert_close(logits, F.conv2d(x, values[-2], values[-1]), rtol=1e-4, atol=1e-5)


def test_batch_norm_uses_each_batchs_own_statistics_in_train_mode() -> None:
    net = Dilated(channels=2)
    one, other = picture(1, 3, 32, 32), 1 - picture(1, 3, 32, 32) ** 2
    assert not torch.allclose(net(one), net(torch.cat([one, other]))[:1], atol=1e-4)
    net.eval()
    torch.testing.assert_close(net(one), net(torch.cat([one, other]))[:1])


def test_dropout_only_in_training_and_out_of_the_global_stream() -> None:
    net = Dilated(channels=2, dropout=0.5)
    image = picture(1, 3, 32, 32)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first, second = net(image), net(image)
        torch.manual_seed(1)
        again = net(image)
    assert torch.equal(first, again) and not torch.equal(first, second)
    net.eval()
    assert torch.equal(net(image), net(image))


def test_every_weight_and_the_picture_get_a_gradient() -> None:
    net = Dilated(channels=2)
    image = picture(2, 3, 32, 32).requires_grad_()
    net(image).square().mean().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_the_smallest_picture_trains_and_a_smaller_one_is_refused() -> None:
    net = Dilated(channels=2)
    least = Dilated.least_size
    net(picture(1, 3, least, least)).mean().backward()
    with pytest.raises(UserError, match="at least 16 pixels a side, got 40 x 15"):
        net(picture(1, 3, least - 1, 40))


@pytest.mark.parametrize(("key", "options"), [("channels", {"channels": 0}), ("dropout", {"dropout": 1.0})])
def test_refuses_what_it_cannot_do(key: str, options: dict) -> None:
    with pytest.raises(OptionError) as caught:
        Dilated(**options)
    assert caught.value.key == key
