"""Picture codecs of Pillow as degradations of a batch: every picture there and back with its own quality."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from srkit.contracts import Draws
from srkit.errors import OptionError

__all__ = ["qualities", "quality_range", "through_codec"]


def quality_range(codec: str, quality: int | tuple[int, int]) -> tuple[int, int]:
    """Both ends of the range, or an `OptionError` where there is no such quality."""
    low, high = (quality, quality) if isinstance(quality, int) else quality
    if not 1 <= low <= 100 or not 1 <= high <= 100:
        raise OptionError("quality", f"{codec}'s quality goes from 1 to 100, got {quality}.")
    if low > high:
        raise OptionError("quality", f"the lower end of the range comes first: [{high}, {low}].")
    return low, high


def qualities(bounds: tuple[int, int], draws: Draws) -> list[int]:
    """One for each sample; nothing is drawn where the ends are equal."""
    low, high = bounds
    return draws.integers(low, high).tolist() if low < high else [low] * len(draws)


def through_codec(batch: Tensor, drawn: list[int], format: str, **settings: Any) -> Tensor:
    """Pillow's codec and back, on the CPU.

    Args:
        batch: (B, 3, h, w) float in [0, 1].
        drawn: a quality for each picture.
        format: Pillow's name of the format.
        settings: what its `save` takes beside the quality.

    Returns:
        The same shape, dtype, device and memory format, on the 8-bit grid; no gradient passes.
    """
    out = torch.empty_like(batch, requires_grad=False)
    if batch.device.type == "meta":
        return out
    levels = batch.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()
    spoiled = []
    for picture, quality in zip(levels, drawn, strict=True):
        file = BytesIO()
        Image.fromarray(np.ascontiguousarray(picture.numpy())).save(file, format, quality=quality, **settings)
        spoiled.append(np.asarray(Image.open(file).convert("RGB")))
    values = torch.from_numpy(np.stack(spoiled)).permute(0, 3, 1, 2).to(batch.device)
    return out.copy_(values.float().div(255))
