"""WebP compression by a real codec."""

from __future__ import annotations

from PIL import features
from torch import Tensor

from srkit.components.degradations.codec import qualities, quality_range, through_codec
from srkit.contracts import Draws
from srkit.errors import OptionError

__all__ = ["Webp"]


class Webp:
    """Lossy WebP compression and back (Pillow's codec), each picture with its own quality.

    VP8 key frames (RFC 6386) as libwebp writes them; colour is always halved. Float (B, 3, h, w) in [0, 1], rounded to
    8 bit on the way in, -> the same shape, on the 8-bit grid; no gradient passes. The codec runs on the CPU whatever
    the batch's device.

    Args:
        quality: libwebp's quality, 1 (worst) to 100; two numbers draw one for each picture, both ends included.
        effort: libwebp's method, 0 (fast) to 6 (slow); less effort looks a little worse at the same quality.
    """

    def __init__(self, quality: int | tuple[int, int] = (50, 95), effort: int = 4) -> None:
        self.bounds = quality_range("webp", quality)
        if not 0 <= effort <= 6:
            raise OptionError("effort", f"libwebp's method goes from 0 to 6, got {effort}.")
        if not features.check("webp"):
            raise OptionError("use", "this Pillow was built without WebP; that of its own wheel has it.")
        self.effort = effort

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> the same shape, dtype, device and memory format."""
        return through_codec(batch, qualities(self.bounds, draws), "WEBP", method=self.effort)
