"""The blocks: their published shapes and names, their formulas, what their options change and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.blocks.dilated import Dilated
from srkit.components.blocks.plain import Plain
from srkit.components.blocks.residual import Residual
from srkit.components.blocks.residual_dense import ResidualDense
from srkit.components.blocks.residual_in_residual import ResidualInResidual
from srkit.errors import OptionError
from srkit.registry.kinds import kind_named
from srkit.registry.options import read_signature

BLOCKS = [Plain, Residual, ResidualDense, Dilated, ResidualInResidual]
NOTES_DENSE = {"use": "residual-dense", "layers": 3, "growth": 0, "slope": 0.1, "init": "torch"}


def picture(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def leaky(x: Tensor, slope: float) -> Tensor:
    return torch.where(x > 0, x, slope * x)


@pytest.mark.parametrize("block", BLOCKS)
def test_any_size_and_batch_keeps_its_shape_without_touching_input_or_random_stream(
    block: Callable[..., nn.Module],
) -> None:
    net = block(channels=4)
    for shape in [(1, 4, 7, 5), (3, 4, 1, 2)]:
        x = picture(*shape)
        kept, stream = x.clone(), torch.get_rng_state()
        assert net(x).shape == shape
        assert torch.equal(x, kept) and torch.equal(stream, torch.get_rng_state())
    x = picture(2, 4, 6, 6)
    torch.testing.assert_close(net(x.to(memory_format=torch.channels_last)), net(x))


@pytest.mark.parametrize("block", BLOCKS)
def test_options_are_documented_and_it_builds_without_memory(block: Callable[..., nn.Module]) -> None:
    signature = read_signature(block, kind_named("blocks"))
    assert all(option.doc for option in signature.options)
    with torch.device("meta"):
        net = block(channels=64)
        assert net(torch.zeros(1, 64, 5, 5)).shape == (1, 64, 5, 5)


@pytest.mark.parametrize("block", BLOCKS)
def test_checkpointing_and_in_place_activations_change_no_value(block: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    net = block(channels=4)
    others = [block(channels=4, checkpoint=True)]
    if block is not ResidualInResidual:
        others.append(block(channels=4, inplace=False))
    gradients = []
    for one in [net, *others]:
        one.load_state_dict(net.state_dict())
        x = picture(2, 4, 6, 5).requires_grad_()
        one(x).square().mean().backward()
        assert x.grad is not None
        gradients.append([x.grad, *(weight.grad for weight in one.parameters())])
    for other in gradients[1:]:
        assert all(torch.equal(a, b) for a, b in zip(gradients[0], other, strict=True))


def saved_bytes(net: nn.Module, x: Tensor) -> int:
    """What the graph of one forward pass keeps, each storage once."""
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in net.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net(x)
    total = sum(kept.values())
    del out
    return total


def test_checkpointing_and_in_place_activations_save_memory() -> None:
    x = picture(1, 8, 16, 16).requires_grad_()
    plain = saved_bytes(Dilated(8, inplace=False), x)
    assert saved_bytes(Dilated(8), x) <= 0.6 * plain  # 4 maps instead of 7
    group = saved_bytes(ResidualInResidual(8), x)
    assert saved_bytes(ResidualInResidual(8, checkpoint=True), x) <= group / 10


def test_esrgans_dense_block() -> None:
    net = ResidualDense(64)
    assert list(net.state_dict()) == [f"conv{n}.{kind}" for n in range(1, 6) for kind in ("weight", "bias")]
    assert sum(weight.numel() for weight in net.parameters() if weight.dim() == 4) == 239_616
    assert all(not net.get_parameter(f"conv{n}.bias").any() for n in range(1, 6))
    expected = 0.1 * (2 / (64 * 9)) ** 0.5
    assert net.get_parameter("conv1.weight").std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("layers", "growth", "slope"), [(5, 3, 0.2), (3, 0, 0.1), (1, 2, 0.2)])
def test_dense_block_equals_its_formula(layers: int, growth: int, slope: float) -> None:
    net = ResidualDense(4, layers, growth, slope)
    x = picture(2, 4, 6, 5)
    seen, out = x, x
    for number in range(1, layers + 1):
        weight, bias = net.get_parameter(f"conv{number}.weight"), net.get_parameter(f"conv{number}.bias")
        out = F.conv2d(seen, weight, bias, padding=1)
        seen = torch.cat([seen, leaky(out, slope)], 1)
    torch.testing.assert_close(net(x), x + 0.2 * out)


def test_the_notes_dilated_block_equals_its_formula_and_sees_seven_pixels() -> None:
    net = Dilated(4)
    x = picture(1, 4, 21, 21)
    y = x
    for index, dilation in ((0, 1), (2, 2), (4, 4)):
        weight, bias = net.get_parameter(f"layers.{index}.weight"), net.get_parameter(f"layers.{index}.bias")
        y = leaky(F.conv2d(y, weight, bias, padding=dilation, dilation=dilation), 0.1)
    y = F.conv2d(y, net.get_parameter("layers.6.weight"), net.get_parameter("layers.6.bias"))
    torch.testing.assert_close(net(x), x + 0.2 * y)
    x.requires_grad_()
    net(x)[0, :, 10, 10].sum().backward()
    assert x.grad is not None
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min(), rows.max()) == (3, 17)


def test_the_notes_pair_has_their_count_of_weights() -> None:
    net = ResidualInResidual(64, ("dilated", NOTES_DENSE), repeat=1)
    assert sum(weight.numel() for weight in net.parameters() if weight.dim() == 4) == 335_872


def test_residual_in_residual_equals_its_formula_and_takes_classes_too() -> None:
    net = ResidualInResidual(4, (Residual, "plain"), repeat=2, residual_scale=0.5)
    x = picture(1, 4, 5, 5)
    y = x
    for block in net.blocks:
        y = block(y)
    assert [type(block) for block in net.blocks] == [Residual, Plain, Residual, Plain]
    torch.testing.assert_close(net(x), x + 0.5 * y)


def test_residual_equals_its_formula_with_and_without_batch_norm() -> None:
    x = picture(2, 4, 6, 5)
    net = Residual(4, residual_scale=0.1)
    y = F.conv2d(x, net.conv1.weight, net.conv1.bias, padding=1).clamp(min=0)
    torch.testing.assert_close(net(x), x + 0.1 * F.conv2d(y, net.conv2.weight, net.conv2.bias, padding=1))
    net = Residual(4, activation="prelu", norm="batch")
    assert net.conv1.bias is None
    y = F.batch_norm(F.conv2d(x, net.conv1.weight, padding=1), None, None, training=True)
    y = F.conv2d(leaky(y, 0.25), net.conv2.weight, padding=1)
    torch.testing.assert_close(net(x), x + F.batch_norm(y, None, None, training=True))


def test_plain_counts() -> None:
    assert size(Plain(8, layers=3)) == 3 * (8 * 8 * 9 + 8)
    assert size(Plain(8, layers=2, norm="batch", kernel=5)) == 2 * (8 * 8 * 25 + 16)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("channels", lambda: Plain(0)),
        ("layers", lambda: ResidualDense(4, layers=0)),
        ("kernel", lambda: Residual(4, kernel=2)),
        ("dilations", lambda: Dilated(4, dilations=())),
        ("blocks", lambda: ResidualInResidual(4, ())),
        ("blocks", lambda: ResidualInResidual(4, ("nothing-like-it",))),
        ("checkpoint", lambda: Plain(4, norm="batch", checkpoint=True)),
        ("checkpoint", lambda: Residual(4, norm="batch", checkpoint=True)),
        ("checkpoint", lambda: ResidualInResidual(4, ({"use": "residual", "norm": "batch"},), checkpoint=True)),
    ],
)
def test_refuses_what_it_cannot_do(key: str, make: Callable[[], nn.Module]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
