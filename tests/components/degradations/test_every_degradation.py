"""What holds for every degradation that is registered: the same sample, the same result; and it draws what it promises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from srkit.components.degradations.jpeg import Jpeg
from srkit.components.degradations.noise import Noise
from srkit.components.kernels import FIRST_SHAPES
from srkit.components.lr_pipelines.real_esrgan import RealEsrgan
from srkit.data.recording import RecordedDraws
from srkit.draws import SampleDraws, StreamKey

KEY = StreamKey(seed=7, attempt=0, step=11)
COUNT = 1200

OPTIONS: dict[str, dict[str, Any]] = {
    "sequence": {"parts": [partial(Noise, sigma=(1.0, 30.0)), Jpeg]},
    "random-choice": {"choices": [Noise, Jpeg], "shares": [3.0, 1.0]},
    "shuffle": {"parts": [Noise, Jpeg]},
}
"""What a degradation cannot be built without."""


def registered(group: str) -> dict[str, Any]:
    found = {one.name: one for one in entry_points(group=group) if one.value.startswith("srkit.")}
    return {name: found[name].load() for name in sorted(found)}


DEGRADATIONS = registered("srkit.degradations")


def built(name: str, **options: Any) -> Any:
    return DEGRADATIONS[name](**OPTIONS.get(name, {}), **options)


def batch(count: int, side: int = 24) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def draws(samples: list[int] | range) -> SampleDraws:
    return SampleDraws(KEY, samples, "entry")


def drawn(part: Any, count: int = COUNT, side: int = 8) -> dict[str, list[list[str]]]:
    """By entry: what each of many samples drew."""
    records: list[dict[str, list[str]]] = [{} for _ in range(count)]
    part(batch(count, side), RecordedDraws(KEY, range(count), "entry", records))
    names = {name for record in records for name in record}
    return {name: [record.get(name, []) for record in records] for name in names}


def has_share(found: float, share: float, count: int = COUNT) -> bool:
    return abs(found - share) < 4.5 * math.sqrt(max(share * (1 - share), 1e-9) / count)


def is_even(values: list[float], low: float, high: float) -> bool:
    """Whether the values fill a range as evenly as chance lets them (Kolmogorov-Smirnov at about one in a million)."""
    places = np.sort((np.array(values) - low) / (high - low))
    ideal = (np.arange(len(places)) + 0.5) / len(places)
    return bool(
        places.min() >= -1e-6 and places.max() <= 1 + 1e-6 and np.abs(places - ideal).max() < 2.7 / len(places) ** 0.5
    )


def qualities_are_even(name: str) -> None:
    spoil = built(name, quality=(40, 49))
    counts = Counter(int(values[0]) for values in drawn(spoil)["entry"])
    assert sorted(counts) == list(range(40, 50))
    assert all(has_share(count / COUNT, 0.1) for count in counts.values())


def blur_draws_its_shapes(name: str) -> None:
    words = [values[0] for values in drawn(built(name, sizes=(7, 11), sigma=(0.5, 2.0), probability=0.8))["entry"]]
    assert has_share(words.count("none") / COUNT, 0.2)
    shapes = Counter(one.split()[0] for one in words if one != "none")
    assert all(
        has_share(shapes[shape] / shapes.total(), share, shapes.total()) for shape, share in FIRST_SHAPES.items()
    )
    sizes = Counter(one.split()[1].rstrip(",") for one in words if one != "none")
    assert set(sizes) == {"7x7", "9x9", "11x11"}
    assert all(has_share(count / sizes.total(), 1 / 3, sizes.total()) for count in sizes.values())
    assert is_even([float(one.split("sigma ")[1].split()[0]) for one in words if "sigma" in one], 0.5, 2.0)


def noise_draws_its_kinds(name: str) -> None:
    words = [values[0] for values in drawn(built(name, sigma=(1.0, 30.0), gaussian=0.3, grey=0.4))["entry"]]
    assert has_share(sum(one.startswith("Gaussian") for one in words) / COUNT, 0.3)
    assert has_share(sum(one.endswith("grey") for one in words) / COUNT, 0.4)
    assert is_even([float(one.split()[2].rstrip(",")) for one in words if one.startswith("Gaussian")], 1, 30)


def resize_draws_its_ways(name: str) -> None:
    spoil = built(name, factors=(0.5, 1.5), up=2, down=7, keep=1)
    factors = [factor for factor, _ in spoil.resizing.drawn(draws(range(COUNT)))]
    for share, chosen in ((0.2, [one for one in factors if one > 1]), (0.7, [one for one in factors if one < 1])):
        assert has_share(len(chosen) / COUNT, share)
    assert is_even([one for one in factors if one < 1], 0.5, 1) and is_even([one for one in factors if one > 1], 1, 1.5)


def parts_draw_as_they_do_alone(name: str) -> None:
    found = drawn(built(name), side=16)
    noises = [values[0] for values in found["entry/0"] if values]
    assert has_share(sum(one.startswith("Gaussian") for one in noises) / len(noises), 0.5, len(noises))
    qualities = [float(values[0]) for values in found["entry/1"] if values]
    assert is_even(qualities, 49.5, 95.5)
    if name == "random-choice":
        assert has_share(len(noises) / COUNT, 0.75) and len(noises) + len(qualities) == COUNT


def every_order_comes_alike(name: str) -> None:
    orders = Counter(map(tuple, built(name).orders(draws(range(COUNT)))))
    assert len(orders) == 2 and all(has_share(count / COUNT, 0.5) for count in orders.values())


def nothing_is_drawn(name: str) -> None:
    assert drawn(built(name), count=20) == {}


STATISTICS: dict[str, Callable[[str], None]] = {
    "blur": blur_draws_its_shapes,
    "jpeg": qualities_are_even,
    "jpeg-codec": qualities_are_even,
    "webp": qualities_are_even,
    "noise": noise_draws_its_kinds,
    "resize": resize_draws_its_ways,
    "sequence": parts_draw_as_they_do_alone,
    "random-choice": parts_draw_as_they_do_alone,
    "shuffle": every_order_comes_alike,
    "usm-sharpen": nothing_is_drawn,
}


def test_every_degradation_has_its_statistics() -> None:
    assert set(STATISTICS) == set(DEGRADATIONS)


@pytest.mark.parametrize("name", STATISTICS)
def test_it_draws_what_it_promises(name: str) -> None:
    STATISTICS[name](name)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_sample_has_one_result_whatever_its_batch(name: str) -> None:
    hr, spoil = batch(5), built(name)
    whole = spoil(hr, draws(range(5)))
    for places in ([3], [4, 0], [2, 1, 3]):
        assert torch.equal(spoil(hr[places], draws(places)), whole[places])
    assert torch.equal(spoil(hr, draws(range(5))), whole)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_record_changes_nothing(name: str) -> None:
    hr, spoil = batch(3), built(name)
    records: list[dict[str, list[str]]] = [{} for _ in range(3)]
    assert torch.equal(spoil(hr, RecordedDraws(KEY, range(3), "entry", records)), spoil(hr, draws(range(3))))


def test_the_real_esrgan_pipeline_draws_what_its_paper_says() -> None:
    count = 250
    found = drawn(RealEsrgan(2), count, side=16)
    for number, (round_, blurred) in enumerate((("first", 1.0), ("second", 0.8))):
        blurs = [values[0] for values in found[f"entry/{round_}/blur"]]
        assert has_share(blurs.count("none") / count, 1 - blurred, count)
        isotropic = sum(one.startswith("isotropic") for one in blurs) / (count - blurs.count("none"))
        assert has_share(isotropic, 0.405, count)
        factors = [values[0].split()[0] for values in found[f"entry/{round_}/resize"]]
        ways = Counter("keep" if one == "none" else "up" if float(one) >= 1 else "down" for one in factors)
        for way, share in zip(("up", "down", "keep"), ((0.2, 0.7, 0.1), (0.3, 0.4, 0.3))[number], strict=True):
            assert has_share(ways[way] / count, share, count)
        noises = [values[0] for values in found[f"entry/{round_}/noise"]]
        assert has_share(sum(one.startswith("Gaussian") for one in noises) / count, 0.5, count)
        assert has_share(sum(one.endswith("grey") for one in noises) / count, 0.4, count)
        sigmas = [float(one.split()[2].rstrip(",")) for one in noises if one.startswith("Gaussian")]
        assert is_even(sigmas, 1, (30, 25)[number])
        assert is_even([float(values[0]) for values in found[f"entry/{round_}-jpeg"]], 29.5, 95.5)
    assert has_share([values[0] for values in found["entry/sinc"]].count("none") / count, 0.2, count)
