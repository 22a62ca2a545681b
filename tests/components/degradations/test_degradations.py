"""Blur, noise, resize, webp, sharpening and what is made of them: numbers, what is drawn, independence of the batch."""

from __future__ import annotations

import math
import pickle
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.special
import torch
from PIL import Image
from torch import Tensor

from srkit.components.degradations.blur import Blur
from srkit.components.degradations.composition import Chain, RandomChoice, Shuffle
from srkit.components.degradations.jpeg import Jpeg
from srkit.components.degradations.noise import Noise
from srkit.components.degradations.resize import Resize
from srkit.components.degradations.usm_sharpen import UsmSharpen
from srkit.components.degradations.webp import Webp
from srkit.components.kernels import blurred, gaussian_like, sinc
from srkit.components.resizing import resized
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError


def draws(samples: range | list[int], name: str = "spoil") -> SampleDraws:
    return SampleDraws(StreamKey(seed=2, attempt=0, step=5), samples, name)


def batch(count: int = 5, height: int = 20, width: int = 17) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height))


def fixed(batch: Tensor, draws: Any, add: float, times: float = 1.0) -> Tensor:
    return batch * times + add


def add(value: float) -> Any:
    return partial(partial, fixed, add=value)


def times(value: float) -> Any:
    return partial(partial, fixed, add=0.0, times=value)


EVERY: dict[str, Any] = {
    "blur": Blur,
    "noise": Noise,
    "resize": Resize,
    "resize-between": partial(Resize, between=[Noise, Jpeg]),
    "webp": Webp,
    "usm": UsmSharpen,
    "usm-drawn": partial(UsmSharpen, amount=(0.0, 1.0)),
    "sequence": partial(Chain, parts=[Blur, Noise, Jpeg]),
    "random-choice": partial(RandomChoice, choices=[Blur, Noise, Jpeg], probability=0.8),
    "shuffle": partial(Shuffle, parts=[Blur, Resize, Noise, Jpeg]),
}


@pytest.mark.parametrize("name", EVERY)
def test_the_batch_does_not_matter(name: str) -> None:
    hr = batch(6)
    before = hr.clone()
    spoil = pickle.loads(pickle.dumps(EVERY[name]()))
    out = spoil(hr, draws(range(6)))
    assert out.shape == hr.shape and out.dtype == hr.dtype and torch.equal(hr, before)
    assert out.isfinite().all() and not torch.equal(out, hr)
    for places in ([0], [3], [5, 1], [4, 2, 0]):
        assert torch.equal(out[places], spoil(hr[places], draws(places)))
    assert name == "usm" or not torch.equal(spoil(hr, draws(range(6, 12))), out)


@pytest.mark.parametrize("name", EVERY)
def test_meta_and_half_precision(name: str) -> None:
    with torch.device("meta"):
        spoil = EVERY[name]()
    assert spoil(torch.empty(3, 3, 20, 17, device="meta"), draws(range(3))).shape == (3, 3, 20, 17)
    assert spoil(batch(3).bfloat16(), draws(range(3))).dtype == torch.bfloat16
    assert spoil(batch(3), draws(range(3))).isfinite().all()


# --- blur -----------------------------------------------------------------------------------------------------------


def test_kernels_against_their_formulas() -> None:
    angle, one, two = 0.7, 2.0, 0.9
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([one**2, two**2]) @ turn.T)
    y, x = np.mgrid[-4:5, -4:5]
    place = np.stack([x, y], -1)
    power = np.einsum("...i,ij,...j", place, inverse, place)
    for shape, beta, values in (
        ("gaussian", 1.0, np.exp(-power / 2)),
        ("gaussian", 0.6, np.exp(-(power**0.6) / 2)),
        ("plateau", 1.7, 1 / (1 + power**1.7)),
    ):
        kernel = gaussian_like(9, (one, two), angle, shape, beta)  # type: ignore[arg-type]
        np.testing.assert_allclose(kernel, values / values.sum(), atol=1e-12)
    radius = np.hypot(x, y)
    with np.errstate(invalid="ignore"):
        ring = np.where(radius > 0, 1.5 * scipy.special.j1(1.5 * radius) / (2 * np.pi * radius), 1.5**2 / (4 * np.pi))
    np.testing.assert_allclose(sinc(9, 1.5), ring / ring.sum(), atol=1e-7)  # torch's j1 has eight digits


@pytest.mark.parametrize("side", [3, 21, 61])
def test_filtering_is_scipys_with_a_mirrored_border(side: int) -> None:
    hr = batch(2, 12, 9).double()
    kernel = torch.rand(side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    out = blurred(hr, [kernel / kernel.sum(), None])
    assert torch.equal(out[1], hr[1])
    for plane, result in zip(hr[0], out[0], strict=True):
        expected = scipy.ndimage.correlate(plane.numpy(), (kernel / kernel.sum()).numpy(), mode="mirror")
        np.testing.assert_allclose(result, expected, atol=1e-12)


def test_blur_draws_what_it_promises() -> None:
    count = 2000
    shapes: Any = {"isotropic": 3.0, "sinc": 1.0}
    kernels = Blur(shapes=shapes, sigma=(1.0, 2.0), probability=0.7).blurring.kernels(draws(range(count)))
    found = [kernel for kernel in kernels if kernel is not None]
    assert abs(len(found) / count - 0.7) < 4 * math.sqrt(0.21 / count)
    ringing = [kernel for kernel in found if kernel.min() < 0]
    assert abs(len(ringing) / len(found) - 0.25) < 4 * math.sqrt(0.1875 / len(found))
    sizes = np.bincount([len(kernel) for kernel in found], minlength=22)
    assert sizes.nonzero()[0].tolist() == [7, 9, 11, 13, 15, 17, 19, 21]
    assert np.abs(sizes[7::2] - len(found) / 8).max() < 4 * math.sqrt(len(found) / 8)
    # The deviation along x, from a Gaussian's neighbours: k(1) / k(0) = exp(-1 / (2 sigma^2)).
    smooth = [kernel for kernel in found if kernel.min() >= 0]
    middles = [(kernel[len(kernel) // 2, len(kernel) // 2 :][:2]).tolist() for kernel in smooth]
    sigmas = np.array([math.sqrt(-1 / (2 * math.log(side / middle))) for middle, side in middles])
    assert 1 <= sigmas.min() < 1.02 and 1.98 < sigmas.max() <= 2 and abs(sigmas.mean() - 1.5) < 0.04


def test_generalized_shapes_draw_half_of_their_exponents_below_one() -> None:
    spoil = Blur(shapes={"plateau-isotropic": 1.0}, sizes=(7, 7), sigma=1.0, plateau_beta=(0.5, 2.0))
    kernels = spoil.blurring.kernels(draws(range(1000)))
    # With deviation 1, k(2) / k(0) = 1 / (1 + 4^beta).
    betas = np.array([math.log(kernel[3, 3] / kernel[3, 5] - 1) / math.log(4) for kernel in kernels])
    assert 0.5 <= betas.min() < 0.52 and 1.95 < betas.max() <= 2 + 1e-6
    assert abs((betas < 1).mean() - 0.5) < 4 * math.sqrt(0.25 / 1000)


# --- noise ----------------------------------------------------------------------------------------------------------


def test_gaussian_noise_has_its_deviation_and_colour() -> None:
    flat = torch.full((300, 3, 16, 16), 0.5)
    noise = Noise(sigma=10.0, gaussian=1.0, grey=0.4)(flat, draws(range(300))) - flat
    assert abs(noise.std().item() * 255 - 10) < 0.1 and abs(noise.mean().item() * 255) < 0.15
    grey = (noise[:, 0] == noise[:, 2]).all((1, 2)).double().mean().item()
    assert abs(grey - 0.4) < 4 * math.sqrt(0.24 / 300)
    drawn = Noise(sigma=(1.0, 30.0), gaussian=1.0, grey=0.0)(flat, draws(range(300))) - flat
    sigmas = drawn.std((1, 2, 3)) * 255
    assert sigmas.min() < 2 and sigmas.max() > 28.5 and abs(sigmas.mean() - 15.5) < 4 * 29 / math.sqrt(12 * 300)


def test_poisson_noise_grows_with_brightness() -> None:
    # Two levels make two photons at white; a picture with 256 levels makes 256.
    ramp = (torch.arange(256) / 255).repeat(64, 1).expand(40, 3, 64, 256)
    noise = Noise(poisson_scale=1.0, gaussian=0.0, grey=0.0)(ramp, draws(range(40))) - ramp
    for level in (64, 128, 192):
        # count of mean 256 v has deviation sqrt(256 v), over 256
        expected = math.sqrt(level / 255 / 256)
        assert noise[..., level].std().item() == pytest.approx(expected, rel=0.05)
    assert abs(noise[..., 128].mean().item()) < 0.002 and noise[..., 0].abs().max() == 0
    half = Noise(poisson_scale=0.5, gaussian=0.0, grey=0.0)(ramp, draws(range(40))) - ramp
    assert half[..., 128].std().item() == pytest.approx(0.5 * noise[..., 128].std().item(), rel=0.01)


def test_noise_leaves_some_alone_and_grey_poisson_is_grey() -> None:
    hr = batch(400, 8, 8) * 0.5 + 0.2
    noise = Noise(gaussian=0.5, grey=1.0, sigma=3.0, poisson_scale=0.05, probability=0.6)(hr, draws(range(400))) - hr
    touched = noise.abs().amax((1, 2, 3)) > 0
    assert abs(touched.double().mean().item() - 0.6) < 4 * math.sqrt(0.24 / 400)
    assert (noise[:, 0] - noise[:, 2]).abs().max() < 1e-6


# --- resize ---------------------------------------------------------------------------------------------------------


def test_resize_draws_what_it_promises() -> None:
    count = 3000
    drawn = Resize(factors=(0.5, 1.5), up=2, down=7, keep=1).resizing.drawn(draws(range(count)))
    factors = np.array([factor for factor, _ in drawn])
    for share, chosen in ((0.2, factors > 1), (0.7, factors < 1), (0.1, factors == 1)):
        assert abs(chosen.mean() - share) < 4 * math.sqrt(share * (1 - share) / count)
    assert abs(factors[factors < 1].mean() - 0.75) < 0.02 and abs(factors[factors > 1].mean() - 1.25) < 0.03
    assert factors.min() >= 0.5 and factors.max() <= 1.5
    modes = [mode for _, mode in drawn]
    assert all(abs(modes.count(mode) / count - 1 / 3) < 0.04 for mode in ("area", "bilinear", "bicubic"))


def test_resize_goes_there_and_back_with_others_in_between() -> None:
    hr = batch(1, 20, 12)
    seen = []

    def look(picture: Tensor, draws: Any) -> Tensor:
        seen.append(tuple(picture.shape))
        return picture

    out = Resize(between=[lambda: look], factors=(0.5, 1.0), up=0, down=1, keep=0, modes=["area"])(  # type: ignore[list-item]
        hr, draws([3])
    )
    [(factor, _)] = Resize(factors=(0.5, 1.0), up=0, down=1, keep=0, modes=["area"]).resizing.drawn(draws([3]))
    small = resized(hr, int(20 * factor), int(12 * factor), "area")
    assert seen == [(1, 3, int(20 * factor), int(12 * factor))]
    assert torch.equal(out, resized(small, 20, 12, "area"))


def test_resized_against_plain_averages() -> None:
    hr = batch(2, 12, 8)
    torch.testing.assert_close(resized(hr, 6, 4, "area"), torch.nn.functional.avg_pool2d(hr, 2))
    torch.testing.assert_close(resized(hr, 6, 4, "bilinear"), torch.nn.functional.avg_pool2d(hr, 2))


# --- codecs, sharpening ---------------------------------------------------------------------------------------------


def test_webp_is_pillows() -> None:
    hr = batch(2)
    out = Webp(quality=(5, 60))(hr, draws(range(2)))
    for image, result, quality in zip(hr, out, draws(range(2)).integers(5, 60).tolist(), strict=True):
        file = BytesIO()
        levels = np.rint(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(levels).save(file, "WEBP", quality=quality, method=4)
        expected = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal(np.rint(result.permute(1, 2, 0).numpy() * 255), expected)


def test_usm_against_scipy() -> None:
    hr = (batch(1, 40, 30).double() * 0.6 + 0.2).round(decimals=3)
    sigma = 0.3 * ((11 - 1) * 0.5 - 1) + 0.8
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * sigma**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    for plane, result in zip(hr[0].numpy(), UsmSharpen(0.7, 11, 10.0)(hr, draws([0]))[0], strict=True):
        detail = plane - scipy.ndimage.correlate(plane, kernel, mode="mirror")
        mask = scipy.ndimage.correlate((np.abs(detail) * 255 > 10).astype(float), kernel, mode="mirror")
        expected = mask * np.clip(plane + 0.7 * detail, 0, 1) + (1 - mask) * plane
        np.testing.assert_allclose(result, expected, atol=1e-9)


def test_usm_leaves_faint_detail_alone_and_steepens_edges() -> None:
    faint = 0.5 + 0.01 * batch(1, 32, 32)
    torch.testing.assert_close(UsmSharpen()(faint, draws([0])), faint)
    edge = (0.3 + 0.4 * (torch.arange(32) >= 16)).expand(1, 3, 32, 32)
    out = UsmSharpen()(edge, draws([0]))
    assert out[..., 15].mean() < 0.3 - 0.02 and out[..., 16].mean() > 0.7 + 0.02


# --- composition ----------------------------------------------------------------------------------------------------


def test_a_sequence_keeps_its_order_and_gives_each_part_its_own_streams() -> None:
    assert Chain(parts=[add(1.0), times(3.0)])(torch.zeros(1, 3, 2, 2), draws([0])).unique().tolist() == [3.0]
    hr = torch.full((1, 3, 8, 8), 0.5)
    gaussian = partial(Noise, sigma=5.0, gaussian=1.0, grey=0.0)
    once = gaussian()(hr, draws([0]).child("0"))
    twice = Chain(parts=[gaussian, gaussian])(hr, draws([0]))
    assert torch.equal(twice, gaussian()(once, draws([0]).child("1")))
    assert not torch.allclose(twice - once, once - hr, atol=1e-3)


def test_a_choice_keeps_its_shares() -> None:
    out = RandomChoice([add(1.0), add(2.0)], shares=[3, 1], probability=0.8)(
        torch.zeros(3000, 3, 1, 1), draws(range(3000))
    )
    for value, share in ((0.0, 0.2), (1.0, 0.6), (2.0, 0.2)):
        found = (out[:, 0, 0, 0] == value).double().mean().item()
        assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / 3000)


def test_a_shuffle_takes_every_order_alike() -> None:
    out = Shuffle([add(1.0), times(2.0), add(10.0)])(torch.ones(3000, 3, 1, 1), draws(range(3000)))
    # (x + 1) * 2 + 10 and its five fellows; two orders of the additions after or before the product give one value.
    values, counts = out[:, 0, 0, 0].unique(return_counts=True)
    shares = {13.0: 2 / 6, 14.0: 1 / 6, 23.0: 1 / 6, 24.0: 2 / 6}
    assert values.tolist() == list(shares)
    for count, share in zip(counts.tolist(), shares.values(), strict=True):
        assert abs(count / 3000 - share) < 4 * math.sqrt(share * (1 - share) / 3000)


def test_parts_that_leave_a_batch_at_two_sizes_are_refused() -> None:
    def half() -> Any:
        return lambda batch, draws: batch[..., ::2]

    with pytest.raises(UserError, match="must leave a batch at one size, they made 4 x 8 and 8 x 8 pixels"):
        RandomChoice([half, add(0.0)])(batch(20, 8, 8), draws(range(20)))
    assert Chain([half])(batch(2, 8, 8), draws(range(2))).shape == (2, 3, 8, 4)


@pytest.mark.parametrize(
    ("make", "key", "options"),
    [
        (Blur, "shapes", {"shapes": {}}),
        (Blur, "shapes", {"shapes": {"sinc": -1.0}}),
        (Blur, "sizes", {"sizes": (6, 9)}),
        (Blur, "sizes", {"sizes": (9, 7)}),
        (Blur, "sigma", {"sigma": 0.0}),
        (Blur, "sigma", {"sigma": (3.0, 1.0)}),
        (Blur, "cutoff", {"cutoff": 4.0}),
        (Blur, "probability", {"probability": 1.5}),
        (Noise, "sigma", {"sigma": (-1.0, 2.0)}),
        (Noise, "grey", {"grey": -0.1}),
        (Noise, "poisson_scale", {"poisson_scale": math.inf}),
        (Resize, "factors", {"factors": (0.0, 1.0)}),
        (Resize, "factors", {"factors": (1.1, 1.5)}),
        (Resize, "up", {"up": 0, "down": 0, "keep": 0}),
        (Resize, "modes", {"modes": []}),
        (Webp, "quality", {"quality": 101}),
        (Webp, "effort", {"effort": 7}),
        (UsmSharpen, "size", {"size": 10}),
        (UsmSharpen, "threshold", {"threshold": -1.0}),
        (UsmSharpen, "amount", {"amount": -1.0}),
        (Chain, "parts", {"parts": []}),
        (Shuffle, "parts", {"parts": []}),
        (RandomChoice, "choices", {"choices": []}),
        (RandomChoice, "shares", {"choices": [Blur], "shares": [1.0, 2.0]}),
        (RandomChoice, "probability", {"choices": [Blur], "probability": 2.0}),
    ],
)
def test_refuses_what_cannot_be(make: Any, key: str, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        make(**options)
    assert caught.value.key == key
