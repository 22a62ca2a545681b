"""Which images are too small for which metric: found by trying the metric on made-up images of their sizes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from srkit.contracts import Metric
from srkit.errors import FAILURES, text_of
from srkit.evaluation.metric_calls import metric_call
from srkit.evaluation.scoring import views_of
from srkit.exactness import all_bits
from srkit.inference.forward import evaluating
from srkit.out_of_memory import is_out_of_memory

__all__ = ["LARGE", "too_small"]

LARGE = 256
"""Pixels of a side from which on no metric in use finds an image too small."""

Size = tuple[int, int]
Image = TypeVar("Image", bound=Hashable)


def too_small(
    metrics: Mapping[str, Metric],
    sizes: Mapping[Image, Size],
    *,
    scale: int,
    border: int,
    device: torch.device,
    downscale: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, dict[Image, str]]:
    """By metric, the images that it fails on and would not if they were larger, each with what it says.

    A metric that fails on a large image as well has another reason, which scoring says.

    Args:
        metrics: on `device`.
        sizes: (h, w) of each original in HR pixels, multiples of `scale`, the border still on.
        border: HR pixels cropped on every side.
        downscale: for metrics that take views.
    """
    small = {size for size in sizes.values() if min(size) < LARGE + 2 * border}
    found: dict[str, dict[Image, str]] = {}
    if not small:
        return found
    with evaluating(*metrics.values()):
        for name, metric in metrics.items():
            failed = _failed(name, metric, small, scale, border, device, downscale)
            unfit = {image: failed[size] for image, size in sizes.items() if size in failed}
            if unfit:
                found[name] = unfit
    return found


def _failed(
    name: str,
    metric: Metric,
    sizes: set[Size],
    scale: int,
    border: int,
    device: torch.device,
    downscale: Callable[[Tensor], Tensor] | None,
) -> dict[Size, str]:
    """The sizes a metric fails on, with what it says; what fits needs no try of anything larger on both sides."""
    call = metric_call(name, metric)
    fitting: list[Size] = []
    failed: dict[Size, str] = {}
    for size in sorted(sizes, key=lambda one: one[0] * one[1]):
        if any(size[0] >= fits[0] and size[1] >= fits[1] for fits in fitting):
            continue
        why = _failure(call, size, scale, border, device, downscale)
        if why is None:
            fitting.append(size)
        else:
            failed[size] = why
    large = -(-(LARGE + 2 * border) // scale) * scale
    if failed and not fitting and _failure(call, (large, large), scale, border, device, downscale) is not None:
        return {}
    return failed


def _failure(
    call: Callable[..., float],
    size: Size,
    scale: int,
    border: int,
    device: torch.device,
    downscale: Callable[[Tensor], Tensor] | None,
) -> str | None:
    draw = torch.Generator().manual_seed(size[0] * 65536 + size[1])
    hr = torch.randint(0, 255, (3, *size), generator=draw, dtype=torch.uint8).to(device)
    lr = hr[:, ::scale, ::scale].float()[None] / 255
    try:
        with all_bits(device):
            call(views_of(hr + 1, hr, lr, scale, border=border, number=0, downscale=downscale))
    except FAILURES as error:
        return None if is_out_of_memory(error) else text_of(error) or type(error).__name__
    return None
