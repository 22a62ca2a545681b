"""tv, fft, edge, ssim, ms-ssim, colour, ldl and consistency against formulas written another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from srkit.components.downscalers.interpolation import TorchBilinear
from srkit.components.pixel_losses.colour import Colour
from srkit.components.pixel_losses.consistency import Consistency
from srkit.components.pixel_losses.edge import Edge
from srkit.components.pixel_losses.fft import Fft
from srkit.components.pixel_losses.ldl import Ldl, artifact_map
from srkit.components.pixel_losses.ms_ssim import MsSsim
from srkit.components.pixel_losses.ssim import Ssim
from srkit.components.pixel_losses.tv import Tv
from srkit.contracts import Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError

LOSSES = [
    Tv(),
    Tv("squared"),
    Fft(),
    Fft("amplitude"),
    Edge(),
    Edge("laplacian"),
    Ssim(),
    MsSsim(1),
    Colour(),
    Colour(0.5),
]


def pair(height: int = 13, width: int = 12) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(5)
    hr = torch.rand(2, 3, height, width, generator=stream, dtype=torch.float64)
    return (hr + 0.2 * torch.rand(hr.shape, generator=stream, dtype=torch.float64)).clamp(0, 1), hr


def views(sr: Tensor, hr: Tensor) -> Views:
    draws = SampleDraws(StreamKey(0, 0, 1), range(2), "loss")
    return Views(sr=sr, hr=hr, lr=hr[..., ::2, ::2], step=1, draws=draws)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient(loss: nn.Module) -> None:
    sr, hr = pair()
    assert torch.autograd.gradcheck(lambda image: loss(image, hr[:1]), (sr[:1].detach().requires_grad_(),))


@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_odd_sizes_and_memory_format(loss: nn.Module) -> None:
    sr, hr = (image.float() for image in pair(17, 11))
    half = sr.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(half, hr)
    value.backward()
    assert value.shape == () and value.dtype == torch.float32
    assert half.grad is not None and half.grad.isfinite().all()
    last = sr.to(memory_format=torch.channels_last), hr.to(memory_format=torch.channels_last)
    torch.testing.assert_close(loss(*last), loss(sr, hr))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not isinstance(loss, Tv)])
def test_equal_pictures_cost_nothing(loss: nn.Module) -> None:
    _, hr = pair()
    assert loss(hr, hr).item() == pytest.approx(0, abs=1e-12)


def test_tv() -> None:
    sr, hr = pair()
    x = sr.numpy()
    down, right = np.diff(x, axis=2), np.diff(x, axis=3)
    assert Tv()(sr, hr).item() == pytest.approx(np.abs(down).mean() + np.abs(right).mean())
    assert Tv("squared")(sr, hr).item() == pytest.approx((down**2).mean() + (right**2).mean())
    assert Tv()(sr[..., :1, :1], hr).item() == 0


def test_fft() -> None:
    sr, hr = pair()
    a, b = (np.fft.rfft2(one.numpy()) / np.sqrt(13 * 12) for one in (sr, hr))
    difference = a - b
    expected = (np.abs(difference.real).mean() + np.abs(difference.imag).mean()) / 2
    assert Fft()(sr, hr).item() == pytest.approx(expected)
    assert Fft("amplitude")(sr, hr).item() == pytest.approx(np.abs(np.abs(a) - np.abs(b)).mean())


def convolved(image: Tensor, kernel: list[list[float]]) -> Tensor:
    weight = torch.tensor(kernel, dtype=image.dtype).expand(3, 1, 3, 3)
    return F.conv2d(image, weight, groups=3)


def test_edge() -> None:
    sr, hr = pair()
    sobel = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]
    upright = [list(column) for column in zip(*sobel, strict=True)]
    parts = [(convolved(sr, k) - convolved(hr, k)).abs().mean() / 8 for k in (sobel, upright)]
    torch.testing.assert_close(Edge()(sr, hr), sum(parts) / 2)
    laplacian = [[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
    expected = (convolved(sr, laplacian) - convolved(hr, laplacian)).abs().mean()
    torch.testing.assert_close(Edge("laplacian")(sr, hr), expected)
    torch.testing.assert_close(Edge()(hr + 0.3, hr), hr.new_zeros(()), atol=1e-12, rtol=0)


def test_ssim_is_scikit_images() -> None:
    sr, hr = pair(20, 17)
    found = [
        structural_similarity(
            a.numpy(),
            b.numpy(),
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
        )
        for a, b in zip(sr, hr, strict=True)
    ]
    assert Ssim()(sr, hr).item() == pytest.approx(1 - np.mean(found), abs=1e-6)
    with pytest.raises(UserError, match="at least 11 pixels a side, got 12 x 10"):
        Ssim()(*pair(10, 12))


def test_ms_ssim_equals_its_formula() -> None:
    sr, hr = pair(47, 45)
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = (torch.outer(line, line) / line.sum() ** 2).expand(3, 1, 11, 11)

    def blur(image: Tensor) -> Tensor:
        return F.conv2d(image, window, groups=3)

    weights = torch.tensor([0.0448, 0.2856, 0.3001], dtype=torch.float64)
    weights = weights / weights.sum() * 1.0001
    total = torch.ones(2, 3, dtype=torch.float64)
    a, b = sr, hr
    for level, weight in enumerate(weights):
        ma, mb = blur(a), blur(b)
        variances = blur(a * a) - ma**2 + blur(b * b) - mb**2
        contrast = (2 * (blur(a * b) - ma * mb) + 0.03**2) / (variances + 0.03**2)
        light = (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)
        total *= (contrast * light if level == 2 else contrast).mean((2, 3)) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    torch.testing.assert_close(MsSsim(3)(sr, hr), 1 - total.mean())
    with pytest.raises(UserError, match="at least 176"):
        MsSsim()(sr, hr)


def test_ms_ssim_of_opposites_has_a_finite_gradient() -> None:
    hr = pair(23, 23)[1]
    sr = (1 - hr).requires_grad_()
    MsSsim(2)(sr, hr).backward()
    assert sr.grad is not None and sr.grad.isfinite().all()


def test_colour_equals_two_blurs() -> None:
    sr, hr = pair(9, 8)
    line = torch.exp(-((torch.arange(21, dtype=torch.float64) - 10) ** 2) / (2 * 3.0**2))
    window = (torch.outer(line, line) / line.sum() ** 2).expand(3, 1, 21, 21)
    blurred = [F.conv2d(F.pad(one, (10,) * 4, "replicate"), window, groups=3) for one in (sr, hr)]
    torch.testing.assert_close(Colour()(sr, hr), F.mse_loss(*blurred))


def test_ldl_equals_its_formula_and_weighs_without_gradient() -> None:
    sr, hr = pair()
    ema = (hr + (sr - hr).flip(-1)).clamp(0, 1)
    error, steady = (hr - sr).abs().sum(1).numpy(), (hr - ema).abs().sum(1).numpy()
    expected = np.zeros_like(error)
    for sample, rows in enumerate(np.pad(error, ((0, 0), (3, 3), (3, 3)), "reflect")):
        for y, x in np.ndindex(13, 12):
            expected[sample, y, x] = rows[y : y + 7, x : x + 7].var(ddof=1) * error[sample].var(ddof=1) ** 0.2
    expected[error < steady] = 0
    assert 0 < (expected == 0).mean() < 1
    np.testing.assert_allclose(artifact_map(sr, ema, hr, 7)[:, 0].numpy(), expected, rtol=1e-6, atol=1e-12)
    seen = replace(views(sr.requires_grad_(), hr), make_ema_sr=lambda: ema)
    value = Ldl()(seen)
    assert value.item() == pytest.approx((expected[:, None] * np.abs((sr - hr).detach().numpy())).mean())
    assert seen.notes["artifacts"].item() == pytest.approx(expected.mean())
    value.backward()
    assert sr.grad is not None
    slope = torch.from_numpy(expected)[:, None] * (sr - hr).detach().sign() / sr.numel()
    torch.testing.assert_close(sr.grad, slope, rtol=1e-6, atol=1e-12)


def test_ldl_needs_the_averaged_generator() -> None:
    with pytest.raises(UserError, match=r"\[ema\]"):
        Ldl()(views(*pair()))


def test_consistency() -> None:
    sr, hr = pair(12, 10)
    shrink = TorchBilinear(2)
    seen = replace(views(sr.requires_grad_(), hr), downscale=shrink)
    small = shrink(sr)
    torch.testing.assert_close(Consistency()(seen), (small - seen.lr).abs().mean())
    torch.testing.assert_close(Consistency("hr", "mse")(seen), (small - shrink(hr)).square().mean())
    Consistency()(seen).backward()
    assert sr.grad is not None and sr.grad.abs().sum() > 0


def test_consistency_names_a_missing_downscaler() -> None:
    sr, hr = pair(12, 10)
    with pytest.raises(UserError, match=r"\[downscaler\]"):
        Consistency()(replace(views(sr.requires_grad_(), hr), downscale=None))


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("levels", lambda: MsSsim(6)),
        ("sigma", lambda: Colour(0)),
        ("window", lambda: Ldl(1)),
        ("window", lambda: Ldl(4)),
    ],
)
def test_refuses_what_has_no_sense(key: str, make: Callable[[], nn.Module]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
