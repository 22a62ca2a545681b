"""The photos of a report: which of a set, which part of a large one, and every model's version of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from srkit.evaluation.bench.gallery import Progress
from srkit.evaluation.bench.judge import picture_of
from srkit.evaluation.detail import most_detailed
from srkit.evaluation.report.contents import Picture, Shown
from srkit.evaluation.rows import Photo

__all__ = ["LARGEST", "ORIGINAL", "chosen", "cut", "shown_photos"]

ORIGINAL = "original"

LARGEST = (640, 480)
"""Photos of more pixels than these are cut, not shrunk: what super-resolution does shows in single pixels."""

Part = tuple[int, int, int, int]


def chosen(total: int, count: int) -> list[int]:
    """The numbers of `count` of a set's photos, spread evenly over it.

    >>> chosen(10, 4)
    [0, 3, 6, 9]
    """
    return sorted({int(one) for one in np.linspace(0, total - 1, min(total, count)).round()})


def cut(image: np.ndarray, largest: tuple[int, int]) -> Part:
    """The part of a photo that is shown: all of it, or the most detailed window where it has too many pixels.

    Args:
        image: uint8 (H, W, 3).
        largest: the window's sides, the longer one first; it is turned for a photo that is higher than wide.

    Returns:
        (left, top, width, height).
    """
    height, width = image.shape[:2]
    if height * width <= largest[0] * largest[1]:
        return 0, 0, width, height
    across, down = largest if width >= height else largest[::-1]
    across, down = min(width, across), min(height, down)
    return (*most_detailed(image, across, down), across, down)


def shown_photos(
    photos: Sequence[Photo],
    networks: Sequence[tuple[str, Callable[[], nn.Module]]],
    score: Callable[[str, str], str],
    scale: int,
    device: torch.device,
    progress: Progress,
) -> list[Shown]:
    """Every model's version of every photo.

    Args:
        photos: with or without originals.
        networks: by the model's name, in order; each is loaded once, and only one is in memory at a time.
        score: for a model's and a photo's name, what to write beside the picture.
        scale: SR pixels a LR pixel.
        device: where to compute.
        progress: told what is done.

    Raises:
        SrkitError: a model cannot be loaded, or makes no picture of the right size.
    """
    places = [_place(photo, scale) for photo in photos]
    versions: list[list[Picture]] = [_original(photo, part) for photo, (_, part) in zip(photos, places, strict=True)]
    done, total = 0, len(networks) * len(photos)
    for name, load in networks:
        network = load().to(device)
        for photo, (_, part), found in zip(photos, places, versions, strict=True):
            pixels = _array(picture_of(name, network, photo, scale, device))
            found.append(Picture(name, score(name, photo.name), _part(pixels, part)))
            done += 1
            progress("making pictures for the report", done, total)
    return [
        Shown(photo.name, size, part, found)
        for photo, (size, part), found in zip(photos, places, versions, strict=True)
    ]


def _place(photo: Photo, scale: int) -> tuple[tuple[int, int], Part]:
    """(width, height) of the SR picture, and what is shown of it; judged by the original, or by what LR has."""
    height, width = (side * scale for side in photo.lr.shape[-2:])
    if photo.hr is not None:
        return (width, height), cut(_array(photo.hr)[:height, :width], LARGEST)
    return (width, height), cut(_array(photo.lr).repeat(scale, 0).repeat(scale, 1), LARGEST)


def _original(photo: Photo, part: Part) -> list[Picture]:
    return [] if photo.hr is None else [Picture(ORIGINAL, "", _part(_array(photo.hr), part))]


def _part(pixels: np.ndarray, part: Part) -> np.ndarray:
    left, top, width, height = part
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _array(picture: Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).cpu().contiguous().numpy()
