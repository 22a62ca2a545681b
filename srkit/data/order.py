"""Which sample stands at a position of the endless training stream, without having walked there."""

from __future__ import annotations

import numpy as np
import torch

from srkit.draws import derived_seed


class SampleOrder:
    """The stream of a data set, epoch after epoch, each in an order that depends on (seed, epoch) and nothing else.

    Args:
        length: samples in the set.
        seed: the run's seed.

    Raises:
        ValueError: an empty set has no stream.
    """

    def __init__(self, length: int, seed: int) -> None:
        if length < 1:
            raise ValueError(f"a stream needs at least one sample, not {length}")
        self.length = length
        self.seed = seed
        self._epochs: dict[int, np.ndarray] = {}

    def index(self, position: int) -> int:
        """The sample at this position, from 0; the epoch is `position // length`."""
        epoch, place = divmod(position, self.length)
        return int(self._epoch(epoch)[place])

    def _epoch(self, epoch: int) -> np.ndarray:
        found = self._epochs.get(epoch)
        if found is None:
            stream = torch.Generator().manual_seed(derived_seed(self.seed, "order", epoch))
            found = torch.randperm(self.length, generator=stream).numpy()
            # Two are kept: a batch may straddle the border of an epoch, and workers are served ahead of the step.
            while len(self._epochs) > 1:
                del self._epochs[next(iter(self._epochs))]
            self._epochs[epoch] = found
        return found
