"""patch, vgg128, unet and the options of dilated: sizes, names, formulas, spectral norm."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.discriminators.dilated import Dilated
from srkit.components.discriminators.patch import Patch
from srkit.components.discriminators.spectral import SpectralConv2d
from srkit.components.discriminators.unet import Unet
from srkit.components.discriminators.vgg128 import Vgg128
from srkit.errors import OptionError, UserError


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def names(net: nn.Module) -> list[str]:
    return list(dict.fromkeys(key.rpartition(".")[0] for key in net.state_dict()))


MAKERS: list[Callable[[], nn.Module]] = [
    lambda: Patch(2),
    lambda: Patch(2, levels=3, deep=True, norm="spectral", activation="relu"),
    lambda: Patch(2, norm="none", downsampling="stride", activation="prelu"),
    lambda: Dilated(2, norm="spectral", downsampling="convolution"),
    lambda: Unet(2),
    lambda: Vgg128(32, 2),
]


@pytest.mark.parametrize("make", MAKERS)
def test_learns_draws_nothing_and_memory_format_is_no_matter(make: Callable[[], nn.Module]) -> None:
    net = make()
    image = picture(2, 3, 32, 32).requires_grad_()
    stream = torch.get_rng_state()
    net(image).square().mean().backward()
    assert torch.equal(stream, torch.get_rng_state())
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(weight.grad is not None for weight in net.parameters())
    net.eval()
    image = image.detach()
    torch.testing.assert_close(net(image.to(memory_format=torch.channels_last)), net(image), rtol=1e-4, atol=1e-5)
    copy.deepcopy(net)
    with torch.autocast("cpu", torch.bfloat16):
        assert net.train()(image).isfinite().all()


@pytest.mark.parametrize("make", MAKERS)
def test_builds_without_memory(make: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        assert make()(torch.zeros(1, 3, 32, 32)).shape[:2] == (1, 1)


# --- patch ------------------------------------------------------------------------------------------------------------


def plan(net: nn.Module, c: int) -> list[tuple[int, int]]:
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    return [(layer.out_channels // c, layer.kernel_size[0]) for layer in layers]


def test_patch_has_the_notes_layers() -> None:
    quarter = [(1, 5), (1, 3), (2, 3), (2, 3), (4, 3), (8, 1), (0, 1)]
    eighth = [(1, 5), (1, 3), (2, 3), (2, 3), (4, 3), (4, 3), (8, 3), (16, 1), (0, 1)]
    deep = [(1, 5), (1, 3), (1, 3), (2, 3), (2, 3), (2, 3), (4, 3), (8, 1), (0, 1)]
    assert plan(Patch(4), 4) == quarter
    assert plan(Patch(4, levels=3), 4) == eighth
    assert plan(Patch(4, deep=True), 4) == deep


def test_patch_gives_a_logit_a_place_and_crops_its_border() -> None:
    image = picture(1, 3, 45, 38)
    whole, inner = Patch(2).eval(), Patch(2, border=2).eval()
    inner.load_state_dict(whole.state_dict())
    assert whole(image).shape == (1, 1, 11, 9)
    assert Patch(2, levels=3)(image).shape == (1, 1, 5, 4)
    torch.testing.assert_close(inner(image), whole(image)[..., 2:-2, 2:-2])
    with pytest.raises(UserError, match="at least 24 pixels a side"):
        inner(picture(1, 3, 23, 40))


# --- dilated ----------------------------------------------------------------------------------------------------------


def test_ways_of_halving() -> None:
    c = 4
    pooled, more = Dilated(c), Dilated(c, downsampling="convolution")
    strided = Dilated(c, downsampling="stride")
    extra = sum(k * k * 9 + 2 * k for k in (c, 2 * c, 4 * c))
    assert size(more) == size(pooled) + extra and size(strided) == size(pooled)
    image = picture(1, 3, 32, 48)
    assert pooled(image).shape == more(image).shape == strided(image).shape == (1, 1, 4, 6)
    assert not any(isinstance(layer, nn.MaxPool2d) for net in (more, strided) for layer in net.modules())


@pytest.mark.parametrize("norm", ["spectral", "none"])
def test_without_batch_norm_samples_do_not_touch_each_other(norm: str) -> None:
    net = Dilated(2, norm=norm).eval()  # type: ignore[arg-type]
    one, other = picture(1, 3, 32, 32), 1 - picture(1, 3, 32, 32)
    torch.testing.assert_close(net(torch.cat([one, other]))[:1], net(one))
    assert all(
        layer.bias is not None for layer in net.modules() if isinstance(layer, nn.Conv2d | SpectralConv2d)
    ) and not any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())


# --- spectral norm ----------------------------------------------------------------------------------------------------


def test_spectral_convolution_is_torchs_in_value_gradient_and_state() -> None:
    ours = SpectralConv2d(3, 5, 4, stride=2, padding=1)
    theirs = nn.utils.spectral_norm(nn.Conv2d(3, 5, 4, stride=2, padding=1))
    assert set(ours.state_dict()) == set(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    one, other = picture(2, 3, 8, 8), picture(2, 3, 8, 8) ** 2
    for net in (ours, theirs):
        (net(one).square().mean() + net(other).mean()).backward()  # two passes, then one backward
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    torch.testing.assert_close(ours.weight_orig.grad, theirs.weight_orig.grad)
    torch.testing.assert_close(ours.eval()(one), theirs.eval()(one))


def test_spectral_norm_becomes_one() -> None:
    net = SpectralConv2d(3, 5, 3)
    for _ in range(100):
        net.normalized_weight()
    assert torch.linalg.matrix_norm(net.normalized_weight().flatten(1), 2).item() == pytest.approx(1, abs=1e-4)


# --- unet -------------------------------------------------------------------------------------------------------------


def test_unets_names_and_size() -> None:
    with torch.device("meta"):
        net = Unet()
        assert size(net) == 4_376_897
    keys = set(net.state_dict())
    normed = {f"conv{n}.{kind}" for n in range(1, 9) for kind in ("weight_orig", "weight_u", "weight_v")}
    assert keys == normed | {"conv0.weight", "conv0.bias", "conv9.weight", "conv9.bias"}


@pytest.mark.parametrize("skips", [True, False])
def test_unet_equals_its_formula(skips: bool) -> None:
    net = Unet(4, skips).eval()
    w = net.state_dict()

    def conv(n: int, x: Tensor) -> Tensor:
        u, v = w[f"conv{n}.weight_u"], w[f"conv{n}.weight_v"]
        weight = w[f"conv{n}.weight_orig"]
        x = F.conv2d(x, weight / (u @ weight.flatten(1) @ v), stride=2 if n < 4 else 1, padding=1)
        return torch.maximum(x, 0.2 * x)

    def double(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    image = picture(2, 3, 16, 24)
    x0 = F.conv2d(image, w["conv0.weight"], w["conv0.bias"], padding=1)
    x0 = torch.maximum(x0, 0.2 * x0)
    x1 = conv(1, x0)
    x2 = conv(2, x1)
    x = conv(3, x2)
    for n, passed in ((4, x2), (5, x1), (6, x0)):
        x = conv(n, double(x)) + (passed if skips else 0)
    expected = F.conv2d(conv(8, conv(7, x)), w["conv9.weight"], w["conv9.bias"], padding=1)
    torch.testing.assert_close(net(image), expected, rtol=1e-5, atol=1e-6)


def test_unet_takes_sizes_that_eight_does_not_divide() -> None:
    assert Unet(2)(picture(1, 3, 37, 50)).shape == (1, 1, 37, 50)
    with pytest.raises(UserError, match="at least 8"):
        Unet(2)(picture(1, 3, 7, 20))


# --- vgg128 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "count"), [(128, 14_499_401), (256, 14_499_401 + 512 * 512 * (9 + 16) + 4 * 512)])
def test_vgg128s_size(side: int, count: int) -> None:
    with torch.device("meta"):
        assert size(Vgg128(side)) == count


def test_vgg128_equals_its_formula_and_names() -> None:
    net = Vgg128(32, 2)
    w = net.state_dict()
    expected_names = ["conv0_0", "conv0_1", "bn0_1"]
    expected_names += [f"{kind}{n}_{half}" for n in (1, 2) for half in (0, 1) for kind in ("conv", "bn")]
    assert names(net) == [*expected_names, "linear1", "linear2"]
    image = picture(3, 3, 32, 32)
    x = image
    for level in range(3):
        for half in (0, 1):
            bias = w.get(f"conv{level}_{half}.bias")
            x = F.conv2d(x, w[f"conv{level}_{half}.weight"], bias, stride=1 + half, padding=1)
            if level or half:
                x = F.batch_norm(x, None, None, training=True)
            x = torch.maximum(x, 0.2 * x)
    x = F.linear(x.flatten(1), w["linear1.weight"], w["linear1.bias"])
    expected = F.linear(torch.maximum(x, 0.2 * x), w["linear2.weight"], w["linear2.bias"])
    assert expected.shape == (3, 1)
    torch.testing.assert_close(net(image), expected, rtol=1e-4, atol=1e-5)


def test_vgg128_leaves_srgans_six_places_of_96_pixels_and_names_a_wrong_size() -> None:
    with torch.device("meta"):
        assert Vgg128(96, 4).linear1.in_features == 32 * 6 * 6
    with pytest.raises(UserError, match="input_size: vgg128 was built for pictures of 32 x 32 pixels, got 25 x 25"):
        Vgg128(32, 2)(picture(1, 3, 25, 25))


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("channels", lambda: Patch(0)),
        ("levels", lambda: Patch(2, levels=0)),
        ("border", lambda: Patch(2, border=-1)),
        ("dropout", lambda: Patch(2, dropout=1.0)),
        ("channels", lambda: Unet(0)),
        ("input_size", lambda: Vgg128(7)),
        ("channels", lambda: Vgg128(32, 0)),
    ],
)
def test_refuses_what_it_cannot_do(key: str, make: Callable[[], nn.Module]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
