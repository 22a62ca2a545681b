"""The tensor JPEG against Pillow's codec on photos; its tables, its gradient, its independence of the batch."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from srkit.components import tensor_jpeg
from srkit.components.datasets.sample_photos import SamplePhotos
from srkit.components.degradations.jpeg import Jpeg
from srkit.components.tensor_jpeg import Subsampling, jpeg, quantization_table
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError

SUBSAMPLINGS = [("4:4:4", 0), ("4:2:0", 2)]


def draws(samples: range = range(4)) -> SampleDraws:
    return SampleDraws(StreamKey(seed=1, attempt=0, step=3), samples, "jpeg")


def batch(samples: int = 4, height: int = 21, width: int = 18) -> Tensor:
    ramp = torch.linspace(0, 1, height)[:, None] * torch.linspace(0, 1, width)
    return (ramp + 0.3 * torch.rand(samples, 3, height, width, generator=torch.Generator().manual_seed(0))).clamp(0, 1)


def by_pillow(levels: np.ndarray, quality: int, subsampling: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def psnr(image: np.ndarray, original: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((image.astype(float) - original) ** 2).mean()))


def by_srkit(levels: np.ndarray, quality: int, subsampling: Subsampling) -> np.ndarray:
    image = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].float() / 255
    return (jpeg(image, [quality], subsampling)[0] * 255).round().permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("name", "number"), SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [1, 10, 30, 50, 75, 90, 95, 99, 100])
def test_photos_come_out_as_pillows(name: Subsampling, number: int, quality: int) -> None:
    photos = SamplePhotos(split="validate")
    for index in range(len(photos)):
        # whole blocks and odd sides; a last block with one, seven, or an odd number of columns of colour
        for height, width in ((64, 48), (91, 89), (33, 62), (10, 70)):
            original = photos[index][40 : 40 + height, 60 : 60 + width]
            ours, theirs = by_srkit(original, quality, name), by_pillow(original, quality, number)
            difference = np.abs(ours - theirs)
            assert difference.max() <= 4 and (difference > 0).mean() <= 1e-3


@pytest.mark.parametrize(("name", "number"), SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [75, 90])
def test_a_decoded_jpeg_stays_as_near_to_itself_as_with_pillow(name: Subsampling, number: int, quality: int) -> None:
    # Compressed a second time hardly anything changes (50 to 60 dB), so that every rounding counts.
    original = by_pillow(SamplePhotos(split="validate")[0][40:213, 60:248], quality, number)
    ours, theirs = by_srkit(original, quality, name), by_pillow(original, quality, number)
    assert psnr(theirs, original) > 45
    assert abs(psnr(ours, original) - psnr(theirs, original)) <= 0.02


@pytest.mark.parametrize("quality", [1, 25, 49, 50, 51, 80, 100])
def test_tables_are_libjpegs(quality: int) -> None:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    tables = Image.open(file).quantization  # type: ignore[attr-defined]
    for number, chroma in ((0, False), (1, True)):
        assert quantization_table(quality, chroma).ravel().tolist() == list(tables[number])


def test_quality_100_is_well_behaved() -> None:
    image = batch(2, 40, 40)
    levels = (image * 255).round()
    assert ((jpeg(image, [100, 100], "4:4:4") * 255 - levels).abs().max()) <= 4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 9), (8, 8), (15, 17), (16, 33)])
@pytest.mark.parametrize("name", ["4:4:4", "4:2:0"])
def test_any_size_and_flat_pictures_stay(height: int, width: int, name: str) -> None:
    flat = torch.full((1, 3, height, width), 104 / 255)
    torch.testing.assert_close(jpeg(flat, [90], name), flat, atol=1.5 / 255, rtol=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["4:4:4", "4:2:0"])
def test_each_picture_has_its_own_quality_whatever_its_batch(name: str) -> None:
    for height, width in ((21, 18), (64, 48)):
        hr = batch(5, height, width)
        spoil = Jpeg(quality=(1, 100), subsampling=name)  # type: ignore[arg-type]
        out = spoil(hr, draws(range(5)))
        qualities = draws(range(5)).integers(1, 100).tolist()
        for i, quality in enumerate(qualities):
            one = slice(i, i + 1)
            assert torch.equal(out[one], spoil(hr[one], draws(range(i, i + 1))))
            assert torch.equal(out[one], jpeg(hr[one], [quality], name))  # type: ignore[arg-type]


def test_qualities_are_even_and_both_ends_occur() -> None:
    found = draws(range(3000)).integers(*Jpeg(quality=(50, 53)).bounds)
    counts = found.bincount(minlength=54)[50:]
    assert counts.sum() == 3000 and (counts - 750).abs().max() < 4 * (3000 * 0.25 * 0.75) ** 0.5


def test_the_output_is_on_the_8_bit_grid_and_the_input_untouched() -> None:
    hr = (batch() * 1.4 - 0.2).to(memory_format=torch.channels_last)
    before = hr.clone()
    out = Jpeg(50)(hr, draws())
    assert torch.equal(hr, before) and out.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(out, (out * 255).round() / 255) and out.min() >= 0 and out.max() <= 1
    assert torch.equal(out, Jpeg(50)(hr.contiguous().clamp(0, 1), draws()))
    assert Jpeg(50)(hr.bfloat16(), draws()).dtype == torch.bfloat16
    assert not Jpeg(50)(hr.clone().requires_grad_(), draws()).requires_grad


@pytest.mark.parametrize("name", ["4:4:4", "4:2:0"])
def test_the_gradient_is_that_of_the_same_steps_without_rounding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Far from the ends of the range nothing is clamped, and the straight-through gradient is linear in what comes in.
    image = (batch(2, 11, 10).double() * 0.2 + 0.4).requires_grad_()
    towards = torch.rand(image.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    spoil = Jpeg(quality=(60, 90), subsampling=name, differentiable=True)  # type: ignore[arg-type]
    out = spoil(image, draws(range(2)))
    torch.testing.assert_close(out.detach(), Jpeg((60, 90), name)(image, draws(range(2))))  # type: ignore[arg-type]
    [straight] = torch.autograd.grad((out * towards).sum(), image)

    monkeypatch.setattr(tensor_jpeg, "rounded", lambda values, offset=0.0: values + offset)
    smooth = image.detach().clone().requires_grad_()
    [expected] = torch.autograd.grad((spoil(smooth, draws(range(2))) * towards).sum(), smooth)
    torch.testing.assert_close(straight, expected)
    assert torch.autograd.gradcheck(lambda x: spoil(x, draws(range(2))), smooth[..., :5, :6], fast_mode=True)


def test_clamping_stops_the_gradient() -> None:
    image = torch.tensor([-0.5, 0.5, 1.5]).view(1, 1, 1, 3).repeat(1, 3, 8, 1).requires_grad_()
    Jpeg(90, differentiable=True)(image, draws(range(1))).sum().backward()
    assert image.grad is not None and image.grad[..., 0].abs().sum() == 0 == image.grad[..., 2].abs().sum()


@pytest.mark.parametrize("differentiable", [False, True])
def test_meta(differentiable: bool) -> None:
    with torch.device("meta"):
        spoil = Jpeg(differentiable=differentiable)
    assert spoil(torch.empty(2, 3, 8, 9, device="meta"), draws(range(2))).shape == (2, 3, 8, 9)
    assert spoil(batch(2), draws(range(2))).isfinite().all()  # nothing of it stayed on meta


@pytest.mark.parametrize("quality", [0, 101, (0, 50), (90, 101), (80, 50)])
def test_refuses_qualities_that_are_none(quality: int | tuple[int, int]) -> None:
    with pytest.raises(OptionError) as caught:
        Jpeg(quality=quality)
    assert caught.value.key == "quality"
