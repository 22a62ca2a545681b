"""Which sizes a metric fails on, found without knowing the metric."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from srkit.evaluation.too_small import too_small
from srkit.registry import KINDS, Registry

CPU = torch.device("cpu")


class Foreign:
    """A metric whose window does not fit into few pixels, and which says so in its own way."""

    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        return (sr - hr).unfold(2, 21, 1).unfold(3, 41, 1).mean((1, 2, 3, 4, 5))


class Broken(Foreign):
    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        raise RuntimeError("at any size")


def test_a_metric_that_knows_nothing_of_srkit_is_found_too_small_by_height_and_width() -> None:
    sizes = {"fits": (25, 45), "low": (23, 45), "narrow": (25, 43), "large": (400, 400), "odd": (23, 300)}
    found = too_small({"foreign": Foreign(), "broken": Broken()}, sizes, scale=2, border=2, device=CPU)
    assert set(found) == {"foreign"}, "what fails at any size has another reason"
    assert set(found["foreign"]) == {"low", "narrow", "odd"} and "size" in found["foreign"]["low"]


@pytest.mark.parametrize(("name", "least"), [("ssim-y", (11, 11)), ("ms-ssim", (176, 176)), ("psnr-y", (1, 1))])
def test_the_least_size_of_each_metric_inside_its_border(name: str, least: tuple[int, int]) -> None:
    metric = Registry.installed().find(KINDS["metrics"], name, Path()).factory()
    inside = {"at": least, "wide": (least[0], 4 * least[1]), "below": (least[0] - 1, 3 * least[1])}
    sizes = {one: (high + 32, wide + 32) for one, (high, wide) in inside.items()}
    found = too_small({name: metric}, sizes, scale=16, border=16, device=CPU)
    assert set(found[name]) == {"below"}


def test_large_images_are_not_tried() -> None:
    assert not too_small({"broken": Broken()}, {"one": (300, 400)}, scale=2, border=2, device=CPU)
