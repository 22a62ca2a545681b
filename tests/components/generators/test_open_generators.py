"""rrdb-shuffle, trunk and cascade: the notes' network, the open frame, and a network applied to its own result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.blocks.dilated import Dilated
from srkit.components.generators.cascade import Cascade
from srkit.components.generators.espcn import Espcn
from srkit.components.generators.rrdb import Rrdb
from srkit.components.generators.rrdb_shuffle import RrdbShuffle
from srkit.components.generators.trunk import Trunk
from srkit.contracts import GeneratorOutput
from srkit.errors import OptionError


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def test_the_notes_final_network_has_their_size_and_layers() -> None:
    with torch.device("meta"):
        net = RrdbShuffle(2)
        assert size(net) == 16_293_763
        more = size(RrdbShuffle(4)) - size(net)
    assert more == (64 * 128 * 9 + 128) + (128 * 256 + 256) + (64 * 64 * 9 + 64)
    tail = [(layer.in_channels, layer.out_channels) for layer in net.tail if isinstance(layer, nn.Conv2d)]
    assert tail == [(64, 128), (128, 256), (64, 64), (64, 3)]
    assert {layer.negative_slope for layer in net.modules() if isinstance(layer, nn.LeakyReLU)} == {0.1}
    assert all(layer.bias is not None for layer in net.modules() if isinstance(layer, nn.Conv2d))


def test_the_notes_group_equals_its_formula() -> None:
    net = RrdbShuffle(2, channels=4, blocks=1)
    x = picture(1, 4, 9, 9)
    y = x
    for block in net.body[0].blocks:
        y = block(y)
    assert len(net.body[0].blocks) == 6
    torch.testing.assert_close(net.body(x), x + 0.2 * y)


def notes_reference(weights: list[tuple[Tensor, Tensor]], lr: Tensor, groups: int, doublings: int) -> Tensor:
    """The notes' final network, its convolutions taken one after the other."""
    left = iter(weights)

    def conv(x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = next(left)
        return F.conv2d(x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)

    def leaky(x: Tensor) -> Tensor:
        return torch.maximum(x, 0.1 * x)

    x = conv(lr)
    for _ in range(groups):
        y = x
        for _ in range(3):
            z = leaky(conv(leaky(conv(leaky(conv(y, 1)), 2)), 4))
            y = y + 0.2 * conv(z)
            one = leaky(conv(y))
            two = leaky(conv(torch.cat([y, one], 1)))
            y = y + 0.2 * conv(torch.cat([y, one, two], 1))
        x = x + 0.2 * y
    for _ in range(doublings):
        x = leaky(conv(leaky(conv(x))))
        batch, channels, height, width = x.shape
        x = x.view(batch, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
        x = leaky(conv(x.reshape(batch, channels // 4, 2 * height, 2 * width)))
    sr = conv(x)
    assert next(left, None) is None
    return sr


@pytest.mark.parametrize(("scale", "doublings"), [(2, 1), (4, 2)])
def test_the_notes_final_network_equals_its_formula(scale: int, doublings: int) -> None:
    torch.manual_seed(0)
    net = RrdbShuffle(scale, channels=4, blocks=2)
    values = list(net.state_dict().values())
    pairs = list(zip(values[::2], values[1::2], strict=True))
    lr = picture(2, 3, 7, 6)
    torch.testing.assert_close(net(lr), notes_reference(pairs, lr, 2, doublings), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_shapes_of_rrdb_shuffle(scale: int, checkpoint: bool) -> None:
    net = RrdbShuffle(scale, channels=4, blocks=1, checkpoint=checkpoint)
    sr = net(picture(2, 3, 5, 3))
    assert sr.shape == (2, 3, 5 * scale, 3 * scale)
    sr.mean().backward()
    assert all(weight.grad is not None for weight in net.parameters())


@pytest.mark.parametrize("tail", ["shuffle", "shuffle-steps", "nearest"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_shapes_of_trunk(scale: int, tail: str) -> None:
    net = Trunk(scale, "dilated", blocks=2, channels=4, tail=tail, norm="batch")  # type: ignore[arg-type]
    lr = picture(2, 3, 4, 3)
    stream = torch.get_rng_state()
    sr = net(lr)
    assert sr.shape == (2, 3, 4 * scale, 3 * scale) and torch.equal(stream, torch.get_rng_state())
    torch.testing.assert_close(net(lr.to(memory_format=torch.channels_last)), sr, rtol=1e-4, atol=1e-5)


def test_convolutions_of_the_tail_between_and_after() -> None:
    def convolutions(tail: str, count: int) -> int:
        net = Trunk(4, channels=4, blocks=1, tail=tail, tail_convolutions=count)  # type: ignore[arg-type]
        return sum(isinstance(layer, nn.Conv2d) for layer in net.tail)

    assert [convolutions("shuffle", n) for n in (0, 2)] == [2, 4]
    assert [convolutions("shuffle-steps", n) for n in (0, 2)] == [3, 7]
    assert [convolutions("nearest", n) for n in (0, 2)] == [3, 7]


def test_one_shared_block_is_applied_n_times() -> None:
    one, many = Trunk(2, blocks=1, channels=4), Trunk(2, blocks=5, channels=4, shared=True)
    assert size(one) == size(many) and one.state_dict().keys() == many.state_dict().keys()
    repeated = Trunk(2, blocks=5, channels=4)
    state = dict(many.state_dict())
    state |= {
        key.replace("body.0", f"body.{number}"): value
        for key, value in many.state_dict().items()
        if key.startswith("body.0.")
        for number in range(5)
    }
    repeated.load_state_dict(state)
    lr = picture(1, 3, 5, 5)
    torch.testing.assert_close(many(lr), repeated(lr))


def test_trunk_takes_a_class_a_name_or_a_table() -> None:
    for block in (Dilated, "dilated", {"use": "dilated", "dilations": [1, 1]}):
        net = Trunk(2, block, blocks=1, channels=4)  # type: ignore[arg-type]
        assert isinstance(net.body[0], Dilated)


def test_trunk_with_its_skip() -> None:
    net = Trunk(2, blocks=1, channels=4, tail_convolutions=0)
    bare = Trunk(2, blocks=1, channels=4, tail_convolutions=0, long_skip=False)
    bare.load_state_dict(net.state_dict())
    lr = picture(1, 3, 5, 5)
    head = net.head(lr)
    inside = net.fuse(net.body(head))
    torch.testing.assert_close(net(lr), net.tail(head + inside))
    torch.testing.assert_close(bare(lr), bare.tail(inside))


def test_cascade_applies_one_network_twice_and_learns_through_both() -> None:
    net = Cascade(4, {"use": "espcn", "channels": 4})
    inner = net.generators[0]
    lr = picture(1, 3, 5, 4)
    sr = net(lr)
    torch.testing.assert_close(sr, inner(inner(lr)))
    assert sr.shape == (1, 3, 20, 16) and len(net.generators) == 1
    (through_both,) = torch.autograd.grad(net(lr).sum(), inner.layers[0].weight)
    (last_only,) = torch.autograd.grad(inner(inner(lr).detach()).sum(), inner.layers[0].weight)
    assert not torch.allclose(through_both, last_only)


def test_cascade_with_weights_of_its_own_each() -> None:
    net = Cascade(8, Espcn, times=3, own_weights=True)
    assert len(net.generators) == 3
    lr = picture(1, 3, 3, 3)
    a, b, c = net.generators
    torch.testing.assert_close(net(lr), c(b(a(lr))))


def test_cascade_hands_extras_on() -> None:
    class Talkative(nn.Module):
        def __init__(self, scale: int) -> None:
            super().__init__()
            self.net = Espcn(scale, channels=2)

        def forward(self, lr: Tensor) -> GeneratorOutput:
            return GeneratorOutput(self.net(lr), {"side": lr.shape[-1]})

    output = Cascade(9, Talkative)(picture(1, 3, 2, 2))
    assert isinstance(output, GeneratorOutput) and output.sr.shape == (1, 3, 18, 18) and output.extras == {"side": 6}


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("scale", lambda: RrdbShuffle(6)),
        ("scale", lambda: Trunk(5, tail="nearest")),
        ("scale", lambda: Cascade(2)),
        ("scale", lambda: Cascade(8)),
        ("block", lambda: Trunk(2, "no-such")),
        ("generator", lambda: Cascade(4, "no-such")),
        ("blocks", lambda: Trunk(2, blocks=0)),
        ("head_kernel", lambda: Trunk(2, head_kernel=4)),
    ],
)
def test_refuses_what_it_cannot_do(key: str, make: Callable[[], nn.Module]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key


@pytest.mark.parametrize("network", [Rrdb, RrdbShuffle])
def test_checkpointing_and_in_place_activations_change_no_value(network: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    nets = [network(2, channels=4, blocks=2, **one) for one in ({}, {"checkpoint": True}, {"inplace": False})]
    found = []
    for net in nets:
        net.load_state_dict(nets[0].state_dict())
        lr = picture(2, 3, 6, 4).requires_grad_()
        sr = net(lr)
        sr.square().mean().backward()
        found.append([sr, lr.grad, *(weight.grad for weight in net.parameters())])
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))
    in_place = [layer.inplace for layer in nets[2].modules() if isinstance(layer, nn.LeakyReLU)]
    assert in_place and not any(in_place)
