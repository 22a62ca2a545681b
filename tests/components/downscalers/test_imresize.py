"""`matlab-bicubic` and `lanczos` against imresize index by index, Pillow; `box`, `nearest` and the random choice."""

from __future__ import annotations

import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from srkit.components.downscalers.imresize import Lanczos, MatlabBicubic
from srkit.components.downscalers.pillow import Pillow
from srkit.components.downscalers.plain import Box, Nearest
from srkit.components.downscalers.random import Random
from srkit.data.lr_images import LrMaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError
from tests.benchmarks.downscaler_speed import index_and_sum

BATCH = [MatlabBicubic, Lanczos, Box, Nearest]


def batch(height: int, width: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height * 100 + width))


def draws(samples: range | list[int]) -> SampleDraws:
    return SampleDraws(StreamKey(seed=1, attempt=0, step=3), samples, "downscaler")


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_matlab_bicubic_is_imresize_pixel_by_pixel(scale: int) -> None:
    hr = batch(24, 36).double()
    for image, lr in zip(hr, MatlabBicubic(scale)(hr), strict=True):
        np.testing.assert_allclose(lr.numpy(), index_and_sum(image.numpy(), scale), atol=1e-12)


@pytest.mark.parametrize(("make", "filter"), [(MatlabBicubic, "BICUBIC"), (Lanczos, "LANCZOS"), (Box, "BOX")])
def test_pillow_agrees_inside(make: type, filter: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 48, 3), dtype=np.uint8)
    hr = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    expected = np.asarray(Image.fromarray(image).resize((16, 20), getattr(Image.Resampling, filter))).astype(int)
    lr = make(3)(hr)[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()
    assert np.abs(lr - expected)[3:-3, 3:-3].max() <= 1


def test_lanczos_with_two_lobes_is_softer() -> None:
    edge = (torch.arange(48) >= 24).double().expand(1, 3, 48, 48)
    assert Lanczos(2)(edge).max() > Lanczos(2, lobes=2)(edge).max() > 1


def test_nearest_is_pillows() -> None:
    for scale in (1, 2, 3, 4, 5):
        image = np.random.default_rng(scale).integers(0, 256, (23, 22, 3), dtype=np.uint8)
        hr = torch.from_numpy(image).permute(2, 0, 1)[None].float()
        lr = Nearest(scale)(hr)[0].permute(1, 2, 0).numpy().astype(np.uint8)
        assert np.array_equal(lr, Pillow(scale, filter="nearest")(image))


def test_a_checkerboard_averages_in_values() -> None:
    board = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float().expand(1, 3, 32, 32)
    for make in (MatlabBicubic, Box, Lanczos):
        assert (make(2)(board)[..., 3:-3, 3:-3] * 255 - 127.5).abs().max() < 0.6


@pytest.mark.parametrize("make", BATCH)
def test_any_size_any_batch_pickled_on_meta_and_in_half(make: type) -> None:
    hr = batch(29, 26, count=5)
    shrink = pickle.loads(pickle.dumps(make(4)))
    lr = shrink(hr)
    assert lr.shape == (5, 3, 7, 6) and torch.equal(lr, shrink(hr[..., :28, :24]))
    assert all(torch.equal(lr[i : i + 1], shrink(hr[i : i + 1])) for i in range(5))
    torch.testing.assert_close(make(1)(hr), hr, atol=2e-6, rtol=0)
    assert shrink(torch.empty(1, 3, 9, 8, device="meta")).shape == (1, 3, 2, 2)
    assert shrink(hr.bfloat16()).dtype == torch.bfloat16
    with pytest.raises(OptionError, match="scale"):
        make(0)
    with pytest.raises(UserError, match="cannot be made 4 times smaller"):
        shrink(hr[..., :3, :])


CHOICES = [MatlabBicubic, Nearest, partial(Pillow, filter="box")]


def test_random_gives_each_sample_its_own_whatever_its_batch() -> None:
    hr = batch(16, 12, count=40)
    shrink = Random(2, choices=CHOICES)  # type: ignore[arg-type]
    lr = shrink(hr, draws(range(40)))
    picks = draws(range(40)).choice(range(3))
    assert set(picks) == {0, 1, 2}
    levels = lr.mul(255).round()
    box = hr.mul(255).round()
    for i, pick in enumerate(picks):
        one = slice(i, i + 1)
        assert torch.equal(lr[one], shrink(hr[one], draws([i])))
        if pick == 2:
            assert (levels[one] - Box(2)(box[one])).abs().max() <= 1  # Pillow rounds after each direction
        else:
            assert torch.equal(lr[one], CHOICES[pick](2)(hr[one]))


def test_random_keeps_its_shares() -> None:
    shrink = Random(2, choices=[MatlabBicubic, Nearest], shares=[3, 1])  # type: ignore[list-item]
    hr = batch(4, 4, count=1).expand(2000, 3, 4, 4)
    nearest = (shrink(hr, draws(range(2000))) == Nearest(2)(hr)).all((1, 2, 3)).double().mean().item()
    assert abs(nearest - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 2000)


def test_random_inside_an_lr_maker_is_handed_the_downscalers_draws() -> None:
    hr = batch(8, 8, count=6)
    shrink = Random(2, choices=[MatlabBicubic, Nearest])  # type: ignore[list-item]
    maker = LrMaker(shrink)
    streams = {"downscaler": draws(range(6))}
    lr = maker(hr, lambda name: streams[name])
    expected = shrink(hr, draws(range(6))).clamp(0, 1).mul(255).round() / 255
    assert torch.equal(lr, expected)
    with pytest.raises(UserError, match="draws for each sample"):
        maker.shrink(hr)


def test_random_on_meta_and_what_it_refuses() -> None:
    shrink = Random(2, choices=CHOICES)  # type: ignore[arg-type]
    assert shrink(torch.empty(9, 3, 8, 6, device="meta"), draws(range(9))).shape == (9, 3, 4, 3)
    for key, options in (
        ("choices", {"choices": []}),
        ("shares", {"choices": CHOICES, "shares": [1.0]}),
        ("shares", {"choices": CHOICES, "shares": [0.0, 0.0, 0.0]}),
        ("choices", {"choices": [partial(Random, choices=CHOICES)]}),
    ):
        with pytest.raises(OptionError) as caught:
            Random(2, **options)  # type: ignore[arg-type]
        assert caught.value.key == key
