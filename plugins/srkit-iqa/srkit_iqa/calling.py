"""Calling a library's function on pictures: in full precision, one picture after another, with srkit's errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from srkit.errors import UserError

__all__ = ["each", "full_precision", "plain_refusal"]


def each(name: str, call: Callable[..., Tensor], *images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """What a function gives for each picture of a batch.

    Args:
        name: what is measured, for messages.
        call: called with one picture (1, 3, H, W) of each batch, without graph; gives one number.
        images: batches (B, 3, H, W) in [0, 1].
        dtype: what the function computes in; doubles become floats where a device has none (MPS).

    Returns:
        (B,).

    Raises:
        UserError: the pictures are too small for it.
    """
    exact = torch.float32 if images[0].device.type == "mps" else dtype
    batches = [image.to(exact).split(1) for image in images]
    with torch.no_grad(), full_precision(images[0]), plain_refusal(name, images[0]):
        return torch.stack([call(*one).reshape(()) for one in zip(*batches, strict=True)])


def full_precision(image: Tensor) -> torch.autocast:
    """A block in which autocast is off: these libraries want what they are handed."""
    return torch.autocast(image.device.type, enabled=False)


@contextmanager
def plain_refusal(name: str, image: Tensor) -> Iterator[None]:
    """Say what could not be judged where a library refuses it; of libraries' refusals nearly all are about sizes."""
    try:
        yield
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        height, width = image.shape[-2:]
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{name} cannot judge pictures of {width} x {height} pixels: {said}") from error
