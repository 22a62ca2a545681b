"""The jpeg-codec degradation against Pillow called by hand; its draws, its ranges, its formats."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from srkit.components.degradations.jpeg_codec import JpegCodec
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError


def draws(samples: range = range(4)) -> SampleDraws:
    return SampleDraws(StreamKey(seed=1, attempt=0, step=3), samples, "jpeg")


def batch(samples: int = 4, height: int = 21, width: int = 18) -> Tensor:
    ramp = torch.linspace(0, 1, height)[:, None] * torch.linspace(0, 1, width)
    return (ramp + 0.3 * torch.rand(samples, 3, height, width, generator=torch.Generator().manual_seed(0))).clamp(0, 1)


def by_hand(image: Tensor, quality: int, subsampling: int) -> np.ndarray:
    levels = np.rint(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize(("name", "number"), [("4:4:4", 0), ("4:2:0", 2)])
@pytest.mark.parametrize("quality", [1, 30, 95, 100])
def test_equals_pillow(name: str, number: int, quality: int) -> None:
    hr = batch()
    out = JpegCodec(quality=quality, subsampling=name)(hr, draws())  # type: ignore[arg-type]
    for image, result in zip(hr, out, strict=True):
        expected = by_hand(image, quality, number)
        assert np.array_equal(np.rint(result.permute(1, 2, 0).numpy() * 255).astype(np.uint8), expected)
    assert out.min() >= 0 and out.max() <= 1


def test_chroma_subsampling_blurs_colour() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, :, ::2], image[:, 2, :, 1::2] = 1.0, 1.0
    error = {
        name: (JpegCodec(100, subsampling=name)(image, draws(range(1))) - image).abs().mean()  # type: ignore[arg-type]
        for name in ("4:4:4", "4:2:0")
    }
    assert error["4:2:0"] > 10 * error["4:4:4"]


def test_each_picture_has_its_own_quality_whatever_its_batch() -> None:
    hr = batch()
    out = JpegCodec(quality=(10, 90))(hr, draws())
    qualities = draws().integers(10, 90).tolist()
    assert len(set(qualities)) > 1
    for sample, quality in enumerate(qualities):
        one = slice(sample, sample + 1)
        assert torch.equal(out[one], JpegCodec(quality=quality)(hr[one], draws(range(1))))
        assert torch.equal(out[one], JpegCodec(quality=(10, 90))(hr[one], draws(range(sample, sample + 1))))


def test_dtype_and_memory_format_stay_and_nothing_is_written_into_the_input() -> None:
    hr = batch().to(memory_format=torch.channels_last)
    before = hr.clone()
    out = JpegCodec(50)(hr, draws())
    assert out.is_contiguous(memory_format=torch.channels_last) and torch.equal(hr, before)
    assert torch.equal(out, JpegCodec(50)(hr.contiguous(), draws()))
    assert JpegCodec(50)(hr.bfloat16(), draws()).dtype == torch.bfloat16
    assert not JpegCodec(50)(hr.clone().requires_grad_(), draws()).requires_grad


def test_values_outside_are_clipped() -> None:
    out = JpegCodec(100, subsampling="4:4:4")(torch.full((1, 3, 8, 8), 1.7), draws(range(1)))
    assert torch.equal(out, torch.ones(1, 3, 8, 8))


def test_meta() -> None:
    assert JpegCodec()(torch.empty(2, 3, 8, 9, device="meta"), draws()).shape == (2, 3, 8, 9)


@pytest.mark.parametrize("quality", [0, 101, (0, 50), (90, 101), (80, 50)])
def test_refuses_qualities_that_are_none(quality: int | tuple[int, int]) -> None:
    with pytest.raises(OptionError) as caught:
        JpegCodec(quality=quality)
    assert caught.value.key == "quality"
