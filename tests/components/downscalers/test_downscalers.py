"""The downscalers against Pillow itself, numpy averages and the numbers of linear light; any size, any scale."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srkit.components.downscalers.interpolation import TorchBicubic, TorchBilinear
from srkit.components.downscalers.linear_light import LinearLight
from srkit.components.downscalers.pillow import Pillow
from srkit.components.light import from_linear, to_linear
from srkit.errors import OptionError, UserError

BATCH = [TorchBilinear, TorchBicubic, LinearLight]


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def batch(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(height * 100 + width))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(5, 40), st.integers(5, 40))
def test_every_size_is_cropped_at_right_and_bottom(scale: int, height: int, width: int) -> None:
    h, w = height // scale, width // scale
    image = photo(height, width)
    small = Pillow(scale)(image)
    assert small.shape == (h, w, 3) and small.dtype == np.uint8
    assert np.array_equal(small, Pillow(scale)(image[: h * scale, : w * scale]))
    hr = batch(height, width)
    for make in BATCH:
        lr = make(scale)(hr)
        assert lr.shape == (2, 3, h, w) and lr.dtype == hr.dtype
        assert torch.equal(lr, make(scale)(hr[..., : h * scale, : w * scale]))


@pytest.mark.parametrize("filter", ["bicubic", "bilinear", "lanczos", "box", "hamming", "nearest"])
def test_pillow_is_pillows_own(filter: str) -> None:
    image = photo(30, 24)
    expected = Image.fromarray(image).resize((8, 10), getattr(Image, filter.upper()))
    assert np.array_equal(Pillow(3, filter=filter)(image), np.asarray(expected))  # type: ignore[arg-type]


def test_torch_with_antialias_is_near_pillow() -> None:
    image = photo(48, 36)
    hr = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    for make, filter in ((TorchBicubic, "bicubic"), (TorchBilinear, "bilinear")):
        expected = Pillow(3, filter=filter)(image).astype(float)
        lr = make(3)(hr)[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(lr.clip(0, 255) - expected).max() < 1.01


def test_antialias_can_be_left_out() -> None:
    hr = batch(16, 16)
    # Plain bilinear at an exact half is the average of 2 x 2; at a quarter it leaves most pixels unseen.
    torch.testing.assert_close(TorchBilinear(2, antialias=False)(hr), torch.nn.functional.avg_pool2d(hr, 2))
    quarter = TorchBilinear(4, antialias=False)(hr)
    torch.testing.assert_close(quarter, torch.nn.functional.avg_pool2d(hr[..., 1:-1, 1:-1], 2, stride=4))


@pytest.mark.parametrize("kernel", ["box", "bilinear", "bicubic"])
@pytest.mark.parametrize(("transfer", "level"), [("srgb", 188), (2.2, 186)])
def test_a_checkerboard_in_linear_light(kernel: str, transfer: str | float, level: int) -> None:
    board = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float().expand(1, 3, 32, 32)
    shrink = LinearLight(2, kernel=kernel, transfer=transfer)  # type: ignore[arg-type]
    inside = shrink(board)[..., 3:-3, 3:-3] * 255
    assert (inside - level).abs().max() <= 1


def test_linear_light_box_against_numpy() -> None:
    hr = batch(9, 12)
    x = hr.double().numpy()
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    mean = light.reshape(2, 3, 3, 3, 4, 3).mean((3, 5))
    expected = np.where(mean <= 0.0031308, 12.92 * mean, 1.055 * mean ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(LinearLight(3)(hr).numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("transfer", ["srgb", 2.2, 1.0])
def test_there_and_back(transfer: str | float) -> None:
    levels = torch.arange(256).double() / 255
    back = from_linear(to_linear(levels, transfer), transfer)
    assert torch.equal((back * 255).round(), torch.arange(256).double())


@pytest.mark.parametrize("transfer", ["srgb", 2.2])
def test_gradients_are_finite_at_black_and_outside(transfer: str | float) -> None:
    hr = torch.tensor([-0.5, 0.0, 0.0, 0.0, 1e-4, 0.5, 1.0, 1.5]).view(1, 1, 2, 4).expand(1, 3, 2, 4).clone()
    hr.requires_grad_()
    LinearLight(2, transfer=transfer)(hr).sum().backward()  # type: ignore[arg-type]
    assert hr.grad is not None and hr.grad.isfinite().all()


@pytest.mark.parametrize("make", [Pillow, *BATCH])
def test_scale_one_changes_nothing_and_all_pickle(make: type) -> None:
    copy = pickle.loads(pickle.dumps(make(1)))
    if make.works_on == "image":  # type: ignore[attr-defined]
        assert np.array_equal(copy(photo(7, 5)), photo(7, 5))
    else:
        torch.testing.assert_close(copy(batch(7, 5)), batch(7, 5), atol=2e-6, rtol=0)


@pytest.mark.parametrize("make", [Pillow, *BATCH])
def test_refuses_scale_zero_and_a_picture_smaller_than_the_scale(make: type) -> None:
    with pytest.raises(OptionError, match="scale"):
        make(0)
    tiny = photo(3, 9) if make.works_on == "image" else batch(3, 9)  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="9 x 3 pixels cannot be made 4 times smaller"):
        make(4)(tiny)


@pytest.mark.parametrize("make", BATCH)
def test_meta_and_half_precision(make: type) -> None:
    assert make(2)(torch.empty(1, 3, 9, 8, device="meta")).shape == (1, 3, 4, 4)
    assert make(2)(batch(8, 8).bfloat16()).dtype == torch.bfloat16


def test_linear_light_refuses_a_power_of_zero() -> None:
    with pytest.raises(OptionError, match="transfer"):
        LinearLight(2, transfer=0.0)
