"""Numbers with all the bits that float32 has, where half precisions or a card's shortcuts would cost what counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        products.allow_tf32 = convolutions.allow_tf32 = False
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before
