"""rrdb, srresnet, compact, edsr: published sizes and names, outputs equal to other implementations'."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.generators.compact import Compact
from srkit.components.generators.edsr import Edsr
from srkit.components.generators.rrdb import Rrdb
from srkit.components.generators.srresnet import Srresnet
from srkit.errors import OptionError

SMALL: list[tuple[Callable[..., nn.Module], dict]] = [
    (Rrdb, {"channels": 4, "blocks": 1, "growth": 2}),
    (Srresnet, {"channels": 4, "blocks": 1}),
    (Compact, {"channels": 4, "layers": 1}),
    (Edsr, {"channels": 4, "blocks": 1}),
]


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def bare(keys: list[str]) -> list[str]:
    return [key.rpartition(".")[0] for key in keys if key.endswith(".weight")]


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: Rrdb(4), 16_697_987),
        (lambda: Rrdb(2), 16_697_987 + (12 - 3) * 64 * 9),
        (lambda: Rrdb(1), 16_697_987 + (48 - 3) * 64 * 9),
        (lambda: Srresnet(4), 1_547_350),
        (lambda: Compact(4), 621_424),
        (lambda: Compact(4, layers=32), 1_213_296),
        (lambda: Edsr(4), 1_517_571),
        (lambda: Edsr(4, channels=256, blocks=32), 43_089_923),
    ],
)
def test_published_sizes_are_had_without_memory(make: Callable[[], nn.Module], count: int) -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in make().parameters()) == count


@pytest.mark.parametrize(("network", "options"), SMALL)
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_shapes_at_odd_sizes(network: Callable[..., nn.Module], options: dict, scale: int) -> None:
    if network is Rrdb and scale == 3:
        with pytest.raises(OptionError) as caught:
            network(scale, **options)
        assert caught.value.key == "scale"
        return
    net = network(scale, **options)
    stream = torch.get_rng_state()
    for height, width in [(7, 5), (1, 1), (2, 9)]:
        lr = picture(1, 3, height, width)
        if network is not Srresnet or height * width > 1:
            assert net(lr).shape == (1, 3, height * scale, width * scale)
    assert torch.equal(stream, torch.get_rng_state())


@pytest.mark.parametrize(("network", "options"), SMALL)
def test_every_weight_learns_and_memory_format_is_no_matter(network: Callable[..., nn.Module], options: dict) -> None:
    net = network(2, **options)
    lr = picture(2, 3, 8, 6)
    sr = net(lr)
    sr.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())
    torch.testing.assert_close(net(lr.to(memory_format=torch.channels_last)), sr, rtol=1e-4, atol=1e-5)


def test_rrdbs_names() -> None:
    names = bare(list(Rrdb(4, blocks=2).state_dict()))
    groups = [f"body.{n}.rdb{m}.conv{k}" for n in range(2) for m in (1, 2, 3) for k in range(1, 6)]
    assert names == ["conv_first", *groups, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]


def rrdb_reference(weights: dict[str, Tensor], lr: Tensor, fold: int, ups: int, blocks: int) -> Tensor:
    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def leaky(x: Tensor) -> Tensor:
        return torch.maximum(x, 0.2 * x)

    batch, _, height, width = lr.shape
    x = lr.view(batch, 3, height // fold, fold, width // fold, fold).permute(0, 1, 3, 5, 2, 4)
    first = conv("conv_first", x.reshape(batch, -1, height // fold, width // fold))
    x = first
    for block in range(blocks):
        y = x
        for dense in (1, 2, 3):
            seen, out = y, y
            for number in range(1, 6):
                out = conv(f"body.{block}.rdb{dense}.conv{number}", seen)
                seen = torch.cat([seen, leaky(out)], 1)
            y = y + 0.2 * out
        x = x + 0.2 * y
    x = first + conv("conv_body", x)
    for number in range(1, ups + 1):
        x = leaky(conv(f"conv_up{number}", x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    return conv("conv_last", leaky(conv("conv_hr", x)))


@pytest.mark.parametrize(
    ("scale", "unshuffle", "fold", "ups"),
    [(4, True, 1, 2), (2, True, 2, 2), (1, True, 4, 2), (8, True, 1, 3), (2, False, 1, 1), (1, False, 1, 0)],
)
def test_rrdb_equals_its_formula(scale: int, unshuffle: bool, fold: int, ups: int) -> None:
    net = Rrdb(scale, channels=6, blocks=2, growth=4, unshuffle=unshuffle)
    lr = picture(2, 3, 8, 12)
    torch.testing.assert_close(net(lr), rrdb_reference(net.state_dict(), lr, fold, ups, 2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_rrdb_equals_spandrels(scale: int) -> None:
    architectures = pytest.importorskip("spandrel.architectures.ESRGAN", reason="spandrel is an extra")
    net = Rrdb(scale, channels=8, blocks=2)
    other = architectures.ESRGANArch().load(dict(net.state_dict()))
    assert other.scale == scale
    lr = picture(1, 3, 10, 7)
    torch.testing.assert_close(net(lr), other.model(lr), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 4])
def test_compact_equals_spandrels(scale: int) -> None:
    architectures = pytest.importorskip("spandrel.architectures.Compact", reason="spandrel is an extra")
    net = Compact(scale, channels=8, layers=3)
    other = architectures.CompactArch().load(dict(net.state_dict()))
    lr = picture(2, 3, 9, 7)
    torch.testing.assert_close(net(lr), other.model(lr), rtol=1e-5, atol=1e-5)


def test_compact_equals_its_formula_and_names() -> None:
    net = Compact(2, channels=4, layers=1, activation="leaky-relu")
    weights = net.state_dict()
    assert bare(list(weights)) == ["body.0", "body.2", "body.4"]
    lr = picture(1, 3, 5, 6)
    x = lr
    for index in (0, 2, 4):
        x = F.conv2d(x, weights[f"body.{index}.weight"], weights[f"body.{index}.bias"], padding=1)
        x = torch.maximum(x, 0.1 * x) if index < 4 else x
    x = x.view(1, 3, 2, 2, 5, 6).permute(0, 1, 4, 2, 5, 3).reshape(1, 3, 10, 12)
    torch.testing.assert_close(net(lr), x + lr.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_compact_with_prelu_has_a_slope_a_channel() -> None:
    assert bare(list(Compact(2, layers=1).state_dict())) == [f"body.{index}" for index in range(5)]
    assert Compact(2, layers=1).state_dict()["body.1.weight"].shape == (64,)


def test_srresnet_equals_its_formula_and_names() -> None:
    net = Srresnet(4, channels=4, blocks=2).eval()
    for number, value in enumerate(net.state_dict().values()):
        if value.dtype.is_floating_point:  # running statistics other than 0 and 1
            value.copy_(picture(*value.shape) + 0.1 * (number % 3))
    w = net.state_dict()
    assert {"conv1.0", "conv1.1", "conv2.0", "conv2.1", "conv3", "trunk.0.rcb.0", "trunk.1.rcb.4"} < set(bare(list(w)))
    assert "upsampling.1.upsample_block.0.weight" in w and "trunk.0.rcb.0.bias" not in w

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance = w[f"{name}.running_mean"][:, None, None], w[f"{name}.running_var"][:, None, None]
        return (x - mean) / (variance + 1e-5).sqrt() * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][
            :, None, None
        ]

    def prelu(name: str, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, w[f"{name}.weight"] * x)

    lr = picture(1, 3, 4, 5)
    first = prelu("conv1.1", F.conv2d(lr, w["conv1.0.weight"], w["conv1.0.bias"], padding=4))
    x = first
    for block in ("trunk.0.rcb", "trunk.1.rcb"):
        y = norm(f"{block}.1", F.conv2d(x, w[f"{block}.0.weight"], padding=1))
        x = x + norm(f"{block}.4", F.conv2d(prelu(f"{block}.2", y), w[f"{block}.3.weight"], padding=1))
    x = first + norm("conv2.1", F.conv2d(x, w["conv2.0.weight"], padding=1))
    for block in ("upsampling.0.upsample_block", "upsampling.1.upsample_block"):
        x = F.conv2d(x, w[f"{block}.0.weight"], w[f"{block}.0.bias"], padding=1)
        x = prelu(f"{block}.2", F.pixel_shuffle(x, 2))
    expected = F.conv2d(x, w["conv3.weight"], w["conv3.bias"], padding=4)
    torch.testing.assert_close(net(lr), expected, rtol=1e-4, atol=1e-3)


def test_srresnet_without_batch_norm_has_biases_instead() -> None:
    net = Srresnet(2, channels=4, blocks=1, norm="none")
    assert not any(isinstance(one, nn.BatchNorm2d) for one in net.modules())
    assert "trunk.0.rcb.0.bias" in net.state_dict() and "conv2.0.bias" in net.state_dict()


@pytest.mark.parametrize("scale", [2, 3])
def test_srresnet_may_begin_as_nearest_enlarging(scale: int) -> None:
    torch.manual_seed(0)
    upsampling = Srresnet(scale, channels=4, blocks=1, icnr=True).upsampling
    made = upsampling(torch.rand(1, 4, 5, 6))
    assert torch.equal(made, F.interpolate(made[..., ::scale, ::scale], scale_factor=scale, mode="nearest"))


@pytest.mark.parametrize("scale", [3, 4])
def test_edsr_equals_its_formula_and_names(scale: int) -> None:
    net = Edsr(scale, channels=4, blocks=2, residual_scale=0.1)
    w = net.state_dict()
    ups = ["upsample.0"] if scale == 3 else ["upsample.0", "upsample.2"]
    blocks = ["body.0.conv1", "body.0.conv2", "body.1.conv1", "body.1.conv2"]
    assert bare(list(w)) == ["conv_first", *blocks, "conv_after_body", *ups, "conv_last"]

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)

    lr = picture(2, 3, 5, 4)
    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
    first = conv("conv_first", (lr - mean) * 255)
    x = first
    for block in ("body.0", "body.1"):
        x = x + 0.1 * conv(f"{block}.conv2", conv(f"{block}.conv1", x).clamp(min=0))
    x = first + conv("conv_after_body", x)
    for name in ups:
        x = F.pixel_shuffle(conv(name, x), 3 if scale == 3 else 2)
    torch.testing.assert_close(net(lr), conv("conv_last", x) / 255 + mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("scale", lambda: Srresnet(5)),
        ("scale", lambda: Edsr(6)),
        ("scale", lambda: Compact(0)),
        ("scale", lambda: Rrdb(0)),
        ("blocks", lambda: Rrdb(4, blocks=0)),
        ("channels", lambda: Compact(4, channels=0)),
        ("value_range", lambda: Edsr(2, value_range=0)),
    ],
)
def test_refuses_what_it_cannot_do(key: str, make: Callable[[], nn.Module]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
