"""Batch augmentations on (lr, hr) together, on the device: mixup, cutmix, cutblur, at most one to a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.contracts import Draws
from srkit.data.lr_images import to_8_bit

RATIO_DEVIATION = 0.01
_WIDE = 1 << 62


class Settings(Protocol):
    """What `[augment]` says of them."""

    mixup: float
    cutmix: float
    cutblur: float
    mixup_alpha: float
    cut_ratio: float


@dataclass(frozen=True)
class Mix:
    """What one sample drew.

    Attributes:
        kind: "mixup", "cutmix", "cutblur", or "" for none.
        partner: the slot of the sample it is mixed with.
        share: mixup's share of the sample itself; the rest is the partner's.
        box: top, left, height, width of the rectangle in LR pixels.
        outside: cutblur pastes around the rectangle, not into it.
    """

    kind: str
    partner: int
    share: float
    box: tuple[int, int, int, int]
    outside: bool

    def in_words(self) -> str:
        """Such as `mixup, 0.3 of sample 5`, counted from 1; rectangles in LR pixels."""
        if self.kind == "mixup":
            return f"mixup, {1 - self.share:.2g} of sample {self.partner + 1}"
        rectangle = f"{self.box[3]}x{self.box[2]}"
        if self.kind == "cutmix":
            return f"cutmix, {rectangle} of sample {self.partner + 1}"
        if self.kind == "cutblur":
            return f"cutblur, {'all but ' if self.outside else ''}{rectangle}"
        return "none"


@dataclass(frozen=True)
class Pool:
    """Samples that others may be mixed with, as they are before any mixing.

    Attributes:
        slots: their numbers in the batch.
        lr, hr, changed: their pictures; see `Mixing.__call__`.
    """

    slots: Sequence[int]
    lr: Tensor
    hr: Tensor
    changed: Tensor | None


@dataclass(frozen=True)
class Mixing:
    """Mixes the samples of a batch; Yoo et al. 2020 (CutBlur), arXiv 2004.00448.

    A sample is mixed with a partner as it was before any mixing. What it draws is a function of (seed, step, sample)
    and the batch's size: how the batch is divided, for accumulation or among processes, changes nothing.

    - mixup: share * sample + (1 - share) * partner in LR and HR, share from Beta(alpha, alpha) for each sample.
    - cutmix: the partner's rectangle at the same place; its sides are a ratio of the patch's, drawn from
      N(cut_ratio, 0.01) and at most 1, its place uniform on the LR grid.
    - cutblur: LR alone; the same rectangle, or all around it, is replaced by the original shrunk by averaging, as
      the network's input has LR size. At scale 1 this is the paper's.

    The LR stays on the 8-bit grid.

    Attributes:
        mixup, cutmix, cutblur: the share of samples to which it happens; together at most 1.
        mixup_alpha: of the Beta distribution.
        cut_ratio: the rectangle's sides as a share of the patch's.
        scale: HR pixels for an LR pixel.
    """

    mixup: float
    cutmix: float
    cutblur: float
    mixup_alpha: float
    cut_ratio: float
    scale: int

    @classmethod
    def of(cls, augment: Settings, scale: int) -> Mixing | None:
        """As `[augment]` asks for it; None where it asks for nothing."""
        if not (augment.mixup or augment.cutmix or augment.cutblur):
            return None
        shares = augment.mixup, augment.cutmix, augment.cutblur
        return cls(*shares, augment.mixup_alpha, augment.cut_ratio, scale)

    def drawn(self, draws: Draws, slots: Sequence[int], batch: int, sides: tuple[int, int]) -> list[Mix]:
        """What each sample does.

        Args:
            slots: the samples' numbers in the batch.
            batch: the size of the whole batch.
            sides: height and width of the LR patch.
        """
        ends = np.cumsum([self.mixup, self.cutmix, self.cutblur])
        mixes = []
        for slot, stream in zip(slots, draws.generators(), strict=True):
            random = np.random.default_rng(int(torch.randint(_WIDE, (1,), generator=stream)))
            chance, ratio = random.random(), self.cut_ratio + RATIO_DEVIATION * random.standard_normal()
            kind = next((name for name, end in zip(_KINDS, ends, strict=True) if chance < end), "")
            partner = (slot + 1 + int(random.integers(batch - 1))) % batch if batch > 1 else slot
            height, width = (max(1, int(side * min(ratio, 1.0))) for side in sides)
            top, left = (int(random.integers(side - cut + 1)) for side, cut in zip(sides, (height, width), strict=True))
            outside = bool(random.random() < 0.5)
            share = float(random.beta(self.mixup_alpha, self.mixup_alpha))
            mixes.append(Mix(kind, partner, share, (top, left, height, width), outside))
        return mixes

    @property
    def has_partners(self) -> bool:
        """Whether samples are mixed with others of the batch."""
        return bool(self.mixup or self.cutmix)

    @torch.no_grad()
    def __call__(
        self,
        lr: Tensor,
        hr: Tensor,
        changed: Tensor | None,
        draws: Draws,
        slots: Sequence[int],
        batch: int,
        pool: Pool | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mix.

        Args:
            lr: (B, 3, h, w) float on the 8-bit grid.
            hr: (B, 3, h * scale, w * scale) float.
            changed: the changed original of the same size, or None; mixed as the original is.
            draws: the samples' streams.
            slots: their numbers in the batch.
            batch: the size of the whole batch.
            pool: where the partners are, if not among these samples alone.
        """
        pool = pool or Pool(slots, lr, hr, changed)
        place_of = {slot: place for place, slot in enumerate(pool.slots)}
        mixed = lr.clone(), hr.clone(), None if changed is None else changed.clone()
        say = getattr(draws, "say", None)  # where somebody keeps a record
        for place, mix in enumerate(self.drawn(draws, slots, batch, (lr.shape[-2], lr.shape[-1]))):
            if say is not None:
                say(place, mix.in_words())
            if mix.kind == "cutblur":
                _paste_original(mixed[0][place], hr[place], mix)
            elif mix.kind:
                partner = place_of[mix.partner]
                sources = pool.lr, pool.hr, pool.changed
                for target, source, scale in zip(mixed, sources, (1, self.scale, self.scale), strict=True):
                    if target is not None and source is not None:
                        _mix_in(target[place], source[partner], mix, scale)
        return to_8_bit(mixed[0]), mixed[1], mixed[2]


_KINDS = ("mixup", "cutmix", "cutblur")


def _mix_in(target: Tensor, partner: Tensor, mix: Mix, scale: int) -> None:
    """Mixup or cutmix of one picture (3, h, w), in place."""
    if mix.kind == "mixup":
        target.lerp_(partner, 1 - mix.share)
        return
    top, left, height, width = (scale * one for one in mix.box)
    inside = (slice(None), slice(top, top + height), slice(left, left + width))
    target[inside] = partner[inside]


def _paste_original(lr: Tensor, hr: Tensor, mix: Mix) -> None:
    """Cutblur of one LR picture (3, h, w), in place."""
    clean = F.adaptive_avg_pool2d(hr, (lr.shape[-2], lr.shape[-1]))
    top, left, height, width = mix.box
    inside = (slice(None), slice(top, top + height), slice(left, left + width))
    if mix.outside:
        clean[inside] = lr[inside]
        lr.copy_(clean)
    else:
        lr[inside] = clean[inside]
