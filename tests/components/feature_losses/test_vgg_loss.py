"""The VGG loss: its parts, its gradients, its views of both images, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.feature_losses.loss import VggLoss
from srkit.components.feature_losses.vgg import vgg16, vgg19
from srkit.components.feature_losses.views import draw_corners
from srkit.contracts import Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError


def picture(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def views(sr: Tensor, hr: Tensor, step: int = 1) -> Views:
    draws = SampleDraws(StreamKey(seed=0, attempt=0, step=step), range(len(hr)), "vgg16")
    return Views(sr=sr, hr=hr, lr=sr, step=step, draws=draws)


def make(**options: Any) -> VggLoss:
    return vgg16(**{"weights": "random", "layers": ("conv1_1", "conv1_2", "conv2_1"), **options})


SR, HR = picture(1, 2, 3, 24, 20), picture(2, 2, 3, 24, 20)


def features(loss: VggLoss, image: Tensor) -> dict[str, Tensor]:
    return loss.trunk(image, loss.options.layers, loss.options.activation)


@pytest.mark.parametrize(("criterion", "distance"), [("mse", F.mse_loss), ("l1", F.l1_loss)])
def test_parts_are_named_and_weighted(criterion: str, distance: Any) -> None:
    loss = make(layers={"conv2_1": 0.5, "conv1_1": 3.0}, criterion=criterion)
    parts = loss(views(SR, HR))
    assert list(parts) == ["conv1_1", "conv2_1"]
    ours, theirs = features(loss, SR), features(loss, HR)
    for name, weight in {"conv1_1": 3.0, "conv2_1": 0.5}.items():
        torch.testing.assert_close(parts[name], weight * distance(ours[name], theirs[name]))


def test_decay_halves_from_layer_to_layer() -> None:
    plain, halving = make()(views(SR, HR)), make(decay=0.5)(views(SR, HR))
    for place, name in enumerate(("conv1_1", "conv1_2", "conv2_1")):
        torch.testing.assert_close(halving[name], plain[name] * 0.5**place)


def test_defaults_are_the_notes_and_real_esrgans() -> None:
    with torch.device("meta"):
        notes, real_esrgan = vgg16(), vgg19()
    assert notes.options.layers == dict.fromkeys(
        ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"], 1.0
    )
    assert (notes.options.activation, notes.options.criterion, notes.trunk.depth) == ("before", "mse", 7)
    assert list(real_esrgan.options.layers.values()) == [0.1, 0.1, 1, 1, 1]
    options = real_esrgan.options
    assert (options.activation, options.criterion, real_esrgan.trunk.depth) == ("before", "l1", 16)


@pytest.mark.parametrize("activation", ["before", "after"])
def test_the_gradient_reaches_sr_and_not_hr(activation: str) -> None:
    sr, hr = SR.clone().requires_grad_(), HR.clone().requires_grad_()
    loss = make(activation=activation, prescale=2, shift=3)
    sum(loss(views(sr, hr)).values()).backward()  # type: ignore[union-attr]
    assert sr.grad is not None and sr.grad.isfinite().all() and sr.grad.abs().sum() > 0
    assert hr.grad is None
    assert not any(buffer.requires_grad for buffer in loss.buffers())


def test_gradient_against_finite_differences() -> None:
    loss = make(layers=("conv1_2", "conv2_2"), prescale=2).double()
    hr = picture(3, 1, 3, 8, 8).double() * 0.8 + 0.1
    sr = (picture(4, 1, 3, 8, 8).double() * 0.8 + 0.1).requires_grad_()

    def value(image: Tensor) -> Tensor:
        return sum(loss(views(image, hr)).values())  # type: ignore[return-value]

    value(sr).backward()
    assert sr.grad is not None
    for place in [(0, 0, 0, 0), (0, 1, 4, 5), (0, 2, 7, 7)]:
        step = torch.zeros_like(sr)
        step[place] = 1e-6
        slope = (value(sr + step) - value(sr - step)).item() / 2e-6
        assert sr.grad[place].item() == pytest.approx(slope, rel=1e-4)


def test_equal_images_cost_nothing() -> None:
    assert all(part == 0 for part in make(shift=4, prescale=2)(views(HR.clone(), HR)).values())


def test_prescale_in_linear_light_is_the_notes_average() -> None:
    parts = make(prescale=2)(views(SR, HR))

    def halved(image: Tensor) -> Tensor:
        light = np.clip(image.double().numpy(), 1e-6, 1) ** 2.2
        mean = light.reshape(2, 3, 12, 2, 10, 2).mean((3, 5)) ** (1 / 2.2)
        return torch.from_numpy(mean).float()

    expected = make()(views(halved(SR), halved(HR)))
    for name, part in expected.items():
        torch.testing.assert_close(parts[name], part, rtol=1e-4, atol=1e-6)


def test_prescale_can_average_plain_values_and_crops_what_it_does_not_divide() -> None:
    wide = make(prescale=3, prescale_transfer="none")(views(SR[..., :23, :], HR[..., :23, :]))
    expected = make()(views(F.avg_pool2d(SR[..., :21, :18], 3), F.avg_pool2d(HR[..., :21, :18], 3)))
    for name, part in expected.items():
        torch.testing.assert_close(wide[name], part)
    assert not torch.equal(make(prescale=3, prescale_transfer="srgb")(views(SR, HR))["conv1_1"], wide["conv1_1"])


def test_out_of_range_values_stay_finite_under_prescale() -> None:
    for transfer in ("srgb", 2.2):
        sr = (SR * 3 - 1).requires_grad_()
        sum(make(prescale=2, prescale_transfer=transfer)(views(sr, HR)).values()).backward()  # type: ignore[union-attr]
        assert sr.grad is not None and sr.grad.isfinite().all()


def test_shift_cuts_both_images_alike_at_each_samples_own_corner() -> None:
    loss = make(layers=("conv1_1",), shift=5)
    draws = views(SR, HR).draws
    tops, lefts = draws.integers(0, 4).tolist(), draws.integers(0, 4).tolist()
    assert tops + lefts != [0, 0, 0, 0]
    corners = list(enumerate(zip(tops, lefts, strict=True)))
    sr, hr = (
        torch.stack([image[i, :, top : top + 20, left : left + 16] for i, (top, left) in corners]) for image in (SR, HR)
    )
    torch.testing.assert_close(loss(views(SR, HR)), make(layers=("conv1_1",))(views(sr, hr)))
    assert not torch.equal(loss(views(SR, HR, step=2))["conv1_1"], loss(views(SR, HR))["conv1_1"])


def test_shift_draws_every_corner() -> None:
    found = {corner for step in range(200) for corner in draw_corners(views(SR, HR, step).draws, 3)}
    assert found == {(top, left) for top in range(3) for left in range(3)}


@pytest.mark.parametrize("shift", [0, 1])
def test_no_shift_draws_nothing(shift: int) -> None:
    seen = views(SR, HR)
    seen.draws = None  # type: ignore[assignment]
    torch.testing.assert_close(make(shift=shift)(seen), make()(views(SR, HR)))


def test_border_is_cropped_in_each_layers_own_pixels() -> None:
    loss = make(border=3)
    parts = loss(views(SR, HR))
    ours, theirs = features(loss, SR), features(loss, HR)
    for name, border in {"conv1_1": 3, "conv1_2": 3, "conv2_1": 2}.items():
        inside = np.s_[..., border:-border, border:-border]
        torch.testing.assert_close(parts[name], F.mse_loss(ours[name][inside], theirs[name][inside]))


def test_memory_format_and_autocast() -> None:
    expected = make()(views(SR, HR))
    last = [image.to(memory_format=torch.channels_last) for image in (SR, HR)]
    loss = make().to(memory_format=torch.channels_last)
    torch.testing.assert_close(loss(views(last[0], last[1])), expected, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = loss(views(last[0].bfloat16(), last[1]))
    assert all(part.dtype == torch.float32 for part in parts.values())
    torch.testing.assert_close(parts, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("options", "size"), [({"shift": 8, "prescale": 2}, 8), ({"layers": ("conv3_1",)}, 3), ({"border": 6}, 12)]
)
def test_too_small_a_picture_is_the_users_error(options: dict[str, Any], size: int) -> None:
    small = picture(5, 1, 3, size, 40)
    with pytest.raises(UserError, match=f"sees nothing of a picture of 40 x {size} pixels at conv"):
        make(**options)(views(small, small))


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("layers", {"layers": ("conv1_1", "conv1_1")}),
        ("layers", {"layers": ("conv3_4",)}),
        ("layers", {"layers": ()}),
        ("layers", {"layers": {"conv1_1": 0.0}}),
        ("layers", {"layers": {"conv1_1": -1.0}}),
        ("decay", {"decay": 0.0}),
        ("prescale", {"prescale": 0}),
        ("prescale_transfer", {"prescale_transfer": -2.2}),
        ("shift", {"shift": -1}),
        ("border", {"border": -1}),
    ],
)
def test_refuses_what_makes_no_sense(key: str, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        make(**options)
    assert caught.value.key == key


def test_a_layer_of_weight_zero_is_not_built() -> None:
    assert make(layers={"conv1_1": 1.0, "conv5_3": 0.0}).trunk.depth == 1
