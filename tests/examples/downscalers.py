"""A downscaler that works on one decoded picture, in the loader's workers."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image


class Reduced:
    """Pillow's `reduce`: plain averages of scale x scale pixels, rounded.

    uint8 (H, W, 3) -> uint8 (H // scale, W // scale, 3); what the scale does not divide is cut off at right and bottom.
    """

    works_on: Literal["image"] = "image"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr: np.ndarray) -> np.ndarray:
        """(H, W, 3) -> (H // scale, W // scale, 3)."""
        height, width = (side // self.scale * self.scale for side in hr.shape[:2])
        return np.asarray(Image.fromarray(hr[:height, :width]).reduce(self.scale))
