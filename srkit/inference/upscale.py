"""One photo through a generator, whole: uint8 in, uint8 out."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import GeneratorOutput
from srkit.errors import SrkitError
from srkit.inference.forward import evaluating, forward, from_eight_bit, is_finite, to_eight_bit

# The allocators of CPU and MPS raise plain RuntimeErrors; these are the words they use.
_OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


def upscale(
    module: Callable[[Tensor], Tensor | GeneratorOutput],
    image: np.ndarray,
    *,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
    channels_last: bool = False,
) -> np.ndarray:
    """Upscale a picture in one forward pass.

    Args:
        module: a generator that already is on `device`; its train and eval modes come back as they were.
        image: uint8 (h, w, 3), RGB.
        device: where to compute.
        autocast: the dtype to compute in; None for fp32. A picture that overflows it is computed again in fp32, with a
            `UserWarning`.
        channels_last: hand the input over in that memory layout.

    Returns:
        uint8 (h * scale, w * scale, 3), clamped and rounded.

    Raises:
        SrkitError: the device's memory does not suffice, or the result is not finite in fp32 either.
        ValueError: `image` is not uint8 (h, w, 3).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected uint8 (h, w, 3), not {image.dtype} {image.shape}")
    failure = ""
    try:
        return _upscale(module, image, torch.device(device), autocast, channels_last)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        failure = _out_of_memory_message(image, torch.device(device), autocast)
    # Raised out here, so that no traceback keeps the pass's tensors alive while the caller decides what to do.
    raise SrkitError(failure)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that a device's (or the machine's) memory did not suffice."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _OUT_OF_MEMORY_WORDS)


def _upscale(
    module: Callable[[Tensor], Tensor | GeneratorOutput],
    image: np.ndarray,
    device: torch.device,
    autocast: torch.dtype | None,
    channels_last: bool,
) -> np.ndarray:
    # A copy, because a decoder's array may be read-only or have negative strides, neither of which torch takes.
    lr = from_eight_bit(torch.from_numpy(image.copy()).to(device).permute(2, 0, 1).unsqueeze(0)).contiguous()
    with evaluating(module):
        sr = forward(module, lr, autocast=autocast, channels_last=channels_last)
        if autocast is not None and not is_finite(sr):
            name = str(autocast).removeprefix("torch.")
            warnings.warn(f"the picture overflows {name} and was computed again in float32", stacklevel=3)
            sr = forward(module, lr, channels_last=channels_last)
    if not is_finite(sr):
        raise SrkitError(
            "the model's picture is not finite (NaN or infinite values), in float32 too: its training diverged or its "
            "weights are damaged. Use an earlier checkpoint."
        )
    return to_eight_bit(sr)[0].permute(1, 2, 0).cpu().contiguous().numpy()


def _out_of_memory_message(image: np.ndarray, device: torch.device, autocast: torch.dtype | None) -> str:
    height, width = image.shape[:2]
    ways = [f"cut the picture into pieces of {max(1, width // 2)} x {max(1, height // 2)} pixels or less"]
    if device.type != "cpu":
        ways = ["close what else uses the device", *ways, "use --device cpu"]
        if autocast is None:
            ways.append("compute in half precision")
    return (
        f"out of memory: {device} cannot upscale a picture of {width} x {height} pixels whole. "
        f"What helps: {', '.join(ways[:-1])}{' or ' if len(ways) > 1 else ''}{ways[-1]}."
    )
