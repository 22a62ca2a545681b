"""Numbers with all the bits that float32 has, where half precisions or a card's shortcuts would cost what counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

__all__ = ["all_bits", "at_least_float32"]


def at_least_float32(values: Tensor) -> Tensor:
    """Half precisions in float32, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


@contextmanager
def all_bits(device: torch.device) -> Iterator[None]:
    """While inside, products and convolutions of float32 are computed in it: no autocast, and on a CUDA card no TF32,
    which drops 13 of the 23 bits behind the point."""
    if device.type == "meta":  # nothing is computed there, and autocast does not know it
        yield
        return
    with torch.autocast(device.type, enabled=False), _no_tf32() if device.type == "cuda" else nullcontext():
        yield


@contextmanager
def _no_tf32() -> Iterator[None]:
    try:
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:  # somebody chose by torch's newer settings, which forbid the older ones: the choice stands
        yield
        return
    try:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
