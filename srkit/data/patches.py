"""From a decoded picture to a training patch: a random place, mirrored and turned, the LR picture alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from srkit.contracts import Draws
from srkit.errors import BadImage, OptionError

_CHANNEL_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))

# Drawn from so wide a range that the remainder by any picture's size is even to one part in 10^14.
_WIDE = 1 << 62


@dataclass(frozen=True)
class PatchTaker:
    """Cuts one patch out of one sample. What it draws comes from `draws` alone, always five numbers in one order:
    turning an augmentation on or off moves neither the place nor the others.

    Attributes:
        patch_size: side of the patch in HR pixels, a multiple of `scale`; None takes the whole picture, cropped at
            right and bottom to a multiple of `scale`.
        scale: HR pixels for an LR pixel.
        flip: mirror left to right, half of the time.
        rotate: turn by 0, 90, 180 or 270 degrees, each a quarter of the time.
        channel_shuffle: exchange the colour channels, each of the six orders alike.

    Raises:
        OptionError: the scale does not divide `patch_size`.
    """

    patch_size: int | None
    scale: int
    flip: bool = False
    rotate: bool = False
    channel_shuffle: bool = False

    def __post_init__(self) -> None:
        if self.patch_size is not None and (self.patch_size < self.scale or self.patch_size % self.scale):
            raise OptionError("patch_size", f"{self.patch_size} is not a multiple of the scale, {self.scale}")

    def __call__(
        self, image: np.ndarray | tuple[np.ndarray, np.ndarray], draws: Draws
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Cut.

        Args:
            image: HR, uint8 (H, W, 3), or the pair (lr, hr).
            draws: the sample's stream, of length 1.

        Returns:
            (hr, lr): uint8 (P, P, 3) and (P / scale, P / scale, 3), new and contiguous; `lr` None where no pair came.

        Raises:
            BadImage: smaller than the patch, or the two of a pair do not belong together. It names the sizes; who
                knows the file puts its path in front.
        """
        lr, hr = image if isinstance(image, tuple) else (None, image)
        step = 1 if lr is None else self.scale  # a pair is cut where LR pixels begin
        if lr is not None:
            self._check_pair(lr, hr)
        height, width = self._patch_sides(hr)

        stream = draws.generators()[0]
        down, right, mirrored, turns, order = torch.randint(_WIDE, (5,), generator=stream).tolist()
        top = left = 0
        if self.patch_size is not None:
            top = down % ((hr.shape[0] - height) // step + 1) * step
            left = right % ((hr.shape[1] - width) // step + 1) * step
        change = (
            self.flip and mirrored % 2 == 1,
            turns % 4 if self.rotate else 0,
            _CHANNEL_ORDERS[order % 6] if self.channel_shuffle else _CHANNEL_ORDERS[0],
        )
        hr_patch = _changed(hr[top : top + height, left : left + width], *change)
        if lr is None:
            return hr_patch, None
        s = self.scale
        lr_patch = lr[top // s : (top + height) // s, left // s : (left + width) // s]
        return hr_patch, _changed(lr_patch, *change)

    def _patch_sides(self, hr: np.ndarray) -> tuple[int, int]:
        height, width = hr.shape[:2]
        if self.patch_size is None:
            sides = height // self.scale * self.scale, width // self.scale * self.scale
            if min(sides) == 0:
                raise BadImage("picture", f"{width}x{height} pixels are less than one LR pixel at scale {self.scale}")
            return sides
        if min(height, width) < self.patch_size:
            patch = f"{self.patch_size}x{self.patch_size}"
            raise BadImage("picture", f"{width}x{height} pixels, smaller than the patch of {patch}")
        return self.patch_size, self.patch_size

    def _check_pair(self, lr: np.ndarray, hr: np.ndarray) -> None:
        # An original whose sides the scale does not divide has lost its last rows and columns in its LR picture.
        if hr.shape[0] // self.scale != lr.shape[0] or hr.shape[1] // self.scale != lr.shape[1]:
            sizes = f"LR {lr.shape[1]}x{lr.shape[0]} and HR {hr.shape[1]}x{hr.shape[0]}"
            raise BadImage("picture", f"{sizes} do not belong together at scale {self.scale}")


def _changed(patch: np.ndarray, mirrored: bool, turns: int, order: tuple[int, int, int]) -> np.ndarray:
    """A contiguous copy of (H, W, 3): mirrored, then turned `turns` times by 90 degrees, channels in `order`."""
    view = patch[:, ::-1] if mirrored else patch
    view = np.rot90(view, turns) if turns else view
    out = np.empty(view.shape, np.uint8)
    if view.strides[1:] == (3, 1) and order == _CHANNEL_ORDERS[0]:
        out[:] = view
    else:
        # A strided copy costs numpy an inner loop of three bytes a pixel; by planes it takes a third of the time.
        for channel, source in enumerate(order):
            out[..., channel] = view[..., source]
    return out
