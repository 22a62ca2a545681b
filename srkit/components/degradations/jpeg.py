"""JPEG compression by a real codec."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from srkit.contracts import Draws
from srkit.errors import OptionError

__all__ = ["Jpeg"]


class Jpeg:
    """Real JPEG compression and back (Pillow's codec), each picture with its own quality.

    Baseline JPEG (ITU-T T.81) as libjpeg writes it. Float (B, 3, h, w) in [0, 1], rounded to 8 bit on the way in, ->
    the same shape, on the 8-bit grid; no gradient passes. The codec runs on the CPU whatever the batch's device.

    Args:
        quality: libjpeg's quality, 1 (worst) to 100; two numbers draw one for each picture, both ends included.
        subsampling: "4:2:0" halves the colour's resolution as cameras and the web do, "4:4:4" keeps it.
    """

    def __init__(
        self, quality: int | tuple[int, int] = (50, 95), subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0"
    ) -> None:
        low, high = (quality, quality) if isinstance(quality, int) else quality
        if not 1 <= low <= 100 or not 1 <= high <= 100:
            raise OptionError("quality", f"jpeg's quality goes from 1 to 100, got {quality}.")
        if low > high:
            raise OptionError("quality", f"the lower end of the range comes first: [{high}, {low}].")
        self.low = low
        self.high = high
        self.subsampling = subsampling

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> the same shape, dtype, device and memory format."""
        out = torch.empty_like(batch, requires_grad=False)
        if batch.device.type == "meta":
            return out
        drawn = self.low < self.high
        qualities = draws.integers(self.low, self.high).tolist() if drawn else [self.low] * len(batch)
        levels = batch.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()
        spoiled = [
            self.compressed(picture.numpy(), quality) for picture, quality in zip(levels, qualities, strict=True)
        ]
        values = torch.from_numpy(np.stack(spoiled)).permute(0, 3, 1, 2).to(batch.device)
        return out.copy_(values.float().div(255))

    def compressed(self, picture: np.ndarray, quality: int) -> np.ndarray:
        """uint8 (h, w, 3) -> what is left of it after JPEG at this quality."""
        file = BytesIO()
        image = Image.fromarray(np.ascontiguousarray(picture))
        image.save(file, "JPEG", quality=quality, subsampling=self.subsampling)
        return np.asarray(Image.open(file).convert("RGB"))
