"""One request for a batch, and how its samples are made: in the training process or in a worker, alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from srkit.contracts import Dataset, Draws
from srkit.data.cache import Sample, whereabouts
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import BadImage, UserError

Prepare = Callable[[Sample, Draws], tuple[np.ndarray, np.ndarray | None]]
"""A decoded sample and its stream -> (hr, lr or None), uint8 (P, P, 3) and (p, p, 3). Must pickle for workers."""


@dataclass(frozen=True)
class Request:
    """A batch to be made.

    Attributes:
        step: the generator's update it is for.
        substep: which of the step's batches.
        slots: the samples' numbers in the global batch, which key their random streams.
        indices: the samples' places in the data set.
    """

    step: int
    substep: int
    slots: tuple[int, ...]
    indices: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.indices or len(self.slots) != len(self.indices):
            raise ValueError(f"a request of {len(self.slots)} slots and {len(self.indices)} indices")


@dataclass(frozen=True)
class Sampler:
    """Makes the pictures of a request.

    Attributes:
        dataset: where samples come from.
        prepare: cuts and shrinks one sample.
        seed: the run's seed.
        attempt: how often the run was rolled back; joins the key of the draws.
    """

    dataset: Dataset
    prepare: Prepare
    seed: int
    attempt: int

    def pictures(
        self, request: Request, at: Callable[[int], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 hr (B, P, P, 3) and lr (B, p, p, 3), or None where `prepare` makes none.

        Args:
            request: what to make.
            at: told the index of each sample before it is read.

        Raises:
            BadImage: with the sample's path.
            UserError: the pictures of the batch differ in size.
        """
        key = StreamKey(self.seed, self.attempt, request.step, request.substep)
        hr: np.ndarray | None = None
        lr: np.ndarray | None = None
        for place, (slot, index) in enumerate(zip(request.slots, request.indices, strict=True)):
            if at is not None:
                at(index)
            hr_one, lr_one = self._one(index, SampleDraws(key, (slot,), "sample"))
            if hr is None:
                hr = np.empty((len(request.indices), *hr_one.shape), np.uint8)
                lr = None if lr_one is None else np.empty((len(request.indices), *lr_one.shape), np.uint8)
            if hr_one.shape != hr.shape[1:]:
                raise self._unequal(request, place, hr_one, hr)
            hr[place] = hr_one
            if lr is not None and lr_one is not None:
                lr[place] = lr_one
        assert hr is not None  # a request has at least one sample
        return hr, lr

    def _one(self, index: int, draws: Draws) -> tuple[np.ndarray, np.ndarray | None]:
        sample = self.dataset[index]
        try:
            return self.prepare(sample, draws)
        except BadImage as bad:
            # It saw an array and could not know the file.
            raise BadImage(whereabouts(self.dataset, index), bad.why) from None

    def _unequal(self, request: Request, place: int, one: np.ndarray, batch: np.ndarray) -> UserError:
        first, other = (self.dataset.name(request.indices[k]) for k in (0, place))
        sizes = f"{other} gives {one.shape[1]}x{one.shape[0]} pixels, {first} {batch.shape[2]}x{batch.shape[1]}"
        return UserError(f"the pictures of a batch differ in size ({sizes}): set patch_size, or batch_size = 1")
