"""How the LR picture is made from the original: downscaler, degradations in order, then 8 bit, as a file would be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import Draws
from srkit.errors import UserError
from srkit.layout import training_layout


@dataclass(frozen=True)
class Step:
    """One degradation with the name its random streams are keyed by."""

    name: str
    degrade: Callable[[Tensor, Draws], Tensor]


@dataclass(frozen=True)
class LrMaker:
    """HR batch -> LR batch.

    Attributes:
        downscaler: shrinks; None where a pipeline does it all.
        before: degradations on the copy that is shrunk.
        after: degradations on what was shrunk.
        pipeline: in place of the three.
    """

    downscaler: Any = None
    before: Sequence[Step] = field(default_factory=tuple)
    after: Sequence[Step] = field(default_factory=tuple)
    pipeline: Callable[[Tensor, Draws], Tensor] | None = None

    @property
    def shrinks_decoded_images(self) -> bool:
        """Whether the downscaler can work on the decoded picture, in the loader's workers."""
        return self.downscaler is not None and self.downscaler.works_on == "image" and not self.before

    def __call__(
        self,
        hr: Tensor,
        draws: Callable[[str], Draws],
        shrunk: Tensor | None = None,
        after: Callable[[str], None] = lambda _: None,
    ) -> Tensor:
        """Make the LR batch.

        Args:
            hr: (B, 3, H, W) float in [0, 1].
            draws: the streams of an entry, by its name.
            shrunk: (B, 3, h, w) float where the loader has already shrunk the pictures.
            after: is told who had a turn while `hr` could be written into.

        Returns:
            (B, 3, h, w) float in [0, 1] on the 8-bit grid, the scale's share of H x W.
        """
        if self.pipeline is not None:
            image = self.pipeline(hr, draws("lr_pipeline"))
            after("the lr_pipeline")
            return to_8_bit(image)
        image = hr
        if shrunk is None:
            for step in self.before:
                image = step.degrade(image, draws(step.name))
                after(f"the degradation {step.name!r}")
            image = self.shrink(image, draws("downscaler"))
            after("the downscaler")
        else:
            image = shrunk
        for step in self.after:
            image = step.degrade(image, draws(step.name))
            after(f"the degradation {step.name!r}")  # a downscaler of scale 1 may give what it was handed
        return to_8_bit(image)

    @property
    def draws_a_downscaler(self) -> bool:
        """Whether the downscaler's call names `draws`: it is handed the streams of the name `downscaler`."""
        return "draws" in inspect.signature(self.downscaler).parameters

    def shrink(self, image: Tensor, draws: Draws | None = None) -> Tensor:
        """The downscaler as a function of a batch, whichever form it has.

        Raises:
            UserError: the downscaler draws and there are no draws.
        """
        if self.downscaler.works_on == "batch":
            if not self.draws_a_downscaler:
                return self.downscaler(image)
            if draws is None:
                raise UserError("a downscaler that draws for each sample cannot be used here; choose one that does not")
            return self.downscaler(image, draws)
        pictures = (to_8_bit(image) * 255).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        small = np.stack([self.downscaler(picture) for picture in pictures])
        return torch.from_numpy(small).to(image.device).permute(0, 3, 1, 2).to(image.dtype) / 255


def to_8_bit(image: Tensor) -> Tensor:
    """Clamp to [0, 1] and round to multiples of 1/255."""
    return image.clamp(0, 1).mul(255).round_().div_(255)


def to_float(image: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, 3, H, W) -> float in [0, 1] in the training layout; bytes travel, floats are made on the device."""
    on_device = image.to(device, non_blocking=True)
    return on_device.to(torch.float32, memory_format=training_layout(device)).div_(255)
