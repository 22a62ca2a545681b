"""The stream of training batches: the same pictures, places and turns whatever the number of workers."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import Dataset
from srkit.data.cache import Cached
from srkit.data.sampling import Prepare, Request, Sampler
from srkit.data.workers import WorkerPool

__all__ = ["Batch", "Prepare", "Request", "load"]


@dataclass(frozen=True)
class Batch:
    """What the trainer receives.

    Attributes:
        request: what was asked for.
        names: the samples' names.
        hr: uint8 (B, 3, P, P), channels_last in memory.
        lr: uint8 (B, 3, p, p), channels_last in memory; None where the LR images are made on the device.
    """

    request: Request
    names: tuple[str, ...]
    hr: Tensor
    lr: Tensor | None


def load(
    dataset: Dataset,
    requests: Iterable[Request],
    *,
    prepare: Prepare,
    seed: int,
    attempt: int,
    workers: int = 0,
    timeout: float = 45.0,
    context: str | None = None,
) -> Generator[Batch, None, None]:
    """Batches for the requests, in their order; each sample's draws are those of (seed, attempt, step, substep, slot).

    Work begins at the first `next`; `close()` ends the workers at once. `requests` may be endless: they are read as
    batches are taken, with workers two ahead for each.

    Args:
        dataset: where samples come from; a `Cached` one's bound is divided between the workers.
        requests: what to make.
        prepare: cuts and shrinks one sample; pickles where there are workers.
        seed: the run's seed.
        attempt: how often the run was rolled back.
        workers: processes beside this one; 0 makes the batches here, the fastest with two cores and a warm cache.
        timeout: seconds a worker may spend on one sample before it counts as hanging.
        context: how workers start, "fork", "spawn" or "forkserver"; by default as the platform does.

    Raises:
        BadImage: a picture that cannot be used, with its path; the same from a worker.
        SrkitError: a worker died, hangs or failed; names the sample it was at.
    """
    if workers < 0:
        raise ValueError(f"{workers} workers")
    sampler = Sampler(dataset, prepare, seed, attempt)
    if workers == 0:
        for request in requests:
            yield _batch(dataset, request, *sampler.pictures(request))
        return
    share = dataset.divided(workers) if isinstance(dataset, Cached) else dataset
    pool = WorkerPool(Sampler(share, prepare, seed, attempt), workers, timeout=timeout, context=context)
    try:
        for request, hr, lr in pool.answers(requests):
            yield _batch(dataset, request, hr, lr)
    finally:
        pool.close()


def _batch(dataset: Dataset, request: Request, hr: np.ndarray, lr: np.ndarray | None) -> Batch:
    names = tuple(dataset.name(index) for index in request.indices)
    return Batch(request, names, _channels_last(hr), None if lr is None else _channels_last(lr))


def _channels_last(pictures: np.ndarray) -> Tensor:
    # (B, H, W, 3) in memory is (B, 3, H, W) in channels_last: no copy.
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)
