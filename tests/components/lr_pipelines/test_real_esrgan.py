"""The real-esrgan pipeline: its sizes, its parts one by one, its order, its independence of the batch."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from srkit.components.lr_pipelines.real_esrgan import RealEsrgan
from srkit.components.resizing import resized
from srkit.components.tensor_jpeg import jpeg
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError

NOTHING: dict[str, Any] = {
    "sharpen": False,
    "resize": (0, 0, 1),
    "resize_2": (0, 0, 1),
    **dict.fromkeys(
        (
            "blur_probability",
            "noise_probability",
            "jpeg_probability",
            "blur_probability_2",
            "noise_probability_2",
            "jpeg_probability_2",
            "last_sinc_probability",
        ),
        0.0,
    ),
}


def draws(samples: range | list[int]) -> SampleDraws:
    return SampleDraws(StreamKey(seed=4, attempt=0, step=1), samples, "lr_pipeline")


def batch(count: int = 4, height: int = 48, width: int = 40) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_every_size_and_any_batch(scale: int) -> None:
    hr = batch(4, 50, 41)
    make = pickle.loads(pickle.dumps(RealEsrgan(scale)))
    lr = make(hr, draws(range(4)))
    assert lr.shape == (4, 3, 50 // scale, 41 // scale) and lr.min() >= 0 and lr.max() <= 1
    for places in ([2], [3, 0]):
        assert torch.equal(lr[places], make(hr[places], draws(places)))
    assert torch.equal(lr, make(hr[..., : 50 // scale * scale, : 41 // scale * scale], draws(range(4))))
    assert not torch.equal(lr, make(hr, draws(range(4, 8))))


def test_with_everything_left_out_only_the_resize_remains() -> None:
    hr = batch(30)
    lr = RealEsrgan(4, **NOTHING)(hr, draws(range(30)))
    found = set()
    for place, result in enumerate(lr):
        for mode in ("area", "bilinear", "bicubic"):
            # The second resize already goes to the LR size; the last one has nothing left to do.
            if torch.allclose(resized(hr[place : place + 1], 12, 10, mode).clamp(0, 1)[0], result, atol=1e-6):
                found.add(mode)
    assert found == {"area", "bilinear", "bicubic"}


@pytest.mark.parametrize("key", NOTHING)
def test_every_part_has_its_say(key: str) -> None:
    value = {"sharpen": True, "resize": (1, 1, 0), "resize_2": (1, 1, 0)}.get(key, 1.0)
    hr = batch(4)
    plain = RealEsrgan(2, **NOTHING)(hr, draws(range(4)))
    spoiled = RealEsrgan(2, **{**NOTHING, key: value})(hr, draws(range(4)))
    assert (plain - spoiled).abs().amax((1, 2, 3)).min() > 0


def test_the_last_jpeg_changes_places_with_the_last_resize() -> None:
    hr = batch(200, 16, 16)
    options = {**NOTHING, "jpeg_probability_2": 1.0, "jpeg_quality_2": (40, 40), "resize_2": (1, 0, 0)}
    options["resize_factors_2"] = (1.0, 1.9)
    first = RealEsrgan(1, **options, jpeg_last_probability=0.0)(hr, draws(range(200)))
    last = RealEsrgan(1, **options, jpeg_last_probability=1.0)(hr, draws(range(200)))
    mixed = RealEsrgan(1, **options)(hr, draws(range(200)))
    of_last = (mixed == last).all(3).all(2).all(1)
    assert torch.equal(mixed[of_last], last[of_last]) and torch.equal(mixed[~of_last], first[~of_last])
    assert abs(of_last.double().mean().item() - 0.5) < 4 * math.sqrt(0.25 / 200)
    plain = RealEsrgan(1, **{**options, "jpeg_probability_2": 0.0})(hr, draws(range(200)))
    assert torch.equal(last, jpeg(plain, [40] * 200, "4:2:0"))


def test_the_defaults_are_the_papers() -> None:
    one = RealEsrgan(4)
    assert [blur.sigma for blur in one.blurs] == [(0.2, 3.0), (0.2, 1.5)]
    assert [blur.probability for blur in one.blurs] == [1.0, 0.8] and one.last_sinc.probability == 0.8
    assert [sum(blur.shapes.values()) for blur in one.blurs] == [pytest.approx(1), pytest.approx(1)]
    assert [resize.factors for resize in one.resizes] == [(0.15, 1.5), (0.3, 1.2)]
    assert [noise.sigma for noise in one.noises] == [(1, 30), (1, 25)] and one.qualities == ((30, 95), (30, 95))


def test_the_second_blur_has_the_first_ones_shapes_or_its_own() -> None:
    first, second = {"isotropic": 1.0}, {"sinc": 2.0}
    assert [blur.shapes for blur in RealEsrgan(4, shapes=first).blurs] == [first, first]
    assert [blur.shapes for blur in RealEsrgan(4, shapes=first, shapes_2=second).blurs] == [first, second]


def test_meta_half_precision_and_no_gradient() -> None:
    with torch.device("meta"):
        make = RealEsrgan(4)
    assert make(torch.empty(2, 3, 32, 32, device="meta"), draws(range(2))).shape == (2, 3, 8, 8)
    assert make(batch(2).bfloat16(), draws(range(2))).dtype == torch.bfloat16
    assert not make(batch(2).requires_grad_(), draws(range(2))).requires_grad


def test_refuses_what_cannot_be() -> None:
    for key, value in (
        ("scale", 0),
        ("kernel_sizes", (8, 9)),
        ("shapes", {}),
        ("shapes_2", {"sinc": 0.0}),
        ("resize", (0.0, 0.0, 0.0)),
        ("resize_factors_2", (0.0, 1.0)),
        ("jpeg_quality", (0, 90)),
        ("grey_2", 2.0),
        ("jpeg_last_probability", -1.0),
    ):
        with pytest.raises(OptionError) as caught:
            RealEsrgan(**{"scale": 4, key: value})
        assert caught.value.key == key
    with pytest.raises(UserError, match="9 x 3 pixels cannot be made 4 times smaller"):
        RealEsrgan(4)(batch(1, 3, 9), draws([0]))
