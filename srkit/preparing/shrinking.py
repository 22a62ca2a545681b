"""Making whole photos smaller with a downscaler of the registry, whichever form it has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from srkit.errors import OptionError, UserError
from srkit.registry import KINDS, Registry


class Shrinker:
    """Downscalers of one kind, one for each scale that is needed.

    Args:
        use: what the registry finds it by.
        scales: from 2.
        registry: where to look.

    Raises:
        UserError: there is none, it has options that cannot be left out, draws, or cannot do one of the scales.
    """

    def __init__(self, use: str, scales: Iterable[int], registry: Registry) -> None:
        self._built: dict[int, Any] = {}
        for scale in sorted(scales):
            self._built[scale] = _built(use, scale, registry)

    def __call__(self, photo: np.ndarray, scale: int) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (H // scale, W // scale, 3)."""
        if scale == 1:
            return photo
        downscaler = self._built[scale]
        if downscaler.works_on == "image":
            return np.ascontiguousarray(downscaler(photo))
        return _on_tensors(downscaler, photo)


def qualified(use: str, registry: Registry) -> str:
    """The downscaler's qualified name.

    Raises:
        UserError: there is none, or more than one.
    """
    return registry.find(KINDS["downscalers"], use, Path.cwd()).use


def _built(use: str, scale: int, registry: Registry) -> Any:
    component = registry.find(KINDS["downscalers"], use, Path.cwd())
    missing = [option.name for option in component.signature.options if option.required]
    if missing:
        raise UserError(f"--downscaler {use}: it has to be told {', '.join(missing)}; choose one that works by itself")
    try:
        return component.factory(scale=scale)
    except OptionError as error:
        raise UserError(f"--downscaler {use}: {error}") from error


def _on_tensors(downscaler: Any, photo: np.ndarray) -> np.ndarray:
    # Imported here: a second for each worker that most runs do without.
    import torch

    from srkit.data.lr_images import LrMaker, to_8_bit

    torch.set_num_threads(1)  # the processes are the parallelism, and results do not depend on their number
    with torch.no_grad():
        hr = torch.from_numpy(photo).permute(2, 0, 1)[None].to(torch.float32) / 255
        small = to_8_bit(LrMaker(downscaler).shrink(hr))[0]
        return (small * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
