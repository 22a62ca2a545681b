"""From the loader's batch to what one update sees: LR, original and changed original, in parts, on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from srkit.assembly import Assembly
from srkit.assembly.untouched import Untouched
from srkit.contracts import Draws
from srkit.data.loader import Batch
from srkit.data.lr_images import to_float
from srkit.data.mixing import Mixing, Pool
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import SrkitError
from srkit.layout import training_layout
from srkit.training.distributed import ALONE, Processes
from srkit.training.timeline import Span


@dataclass
class Part:
    """The share of a batch that is worked through at once.

    Attributes:
        lr, hr: the pair, float, in the layout that the device trains fastest in.
        slots: the samples' numbers in the batch.
        changed: the original as `[target]` changes it; None without that table.
        changed_for: the losses that see the changed one.
        fake: the generator's picture, without graph.
    """

    lr: Tensor
    hr: Tensor
    slots: tuple[int, ...]
    changed: Tensor | None = None
    changed_for: frozenset[str] = frozenset()
    fake: Tensor | None = None

    def original_for(self, loss: str) -> Tensor:
        """The original that a loss compares with."""
        return self.changed if self.changed is not None and loss in self.changed_for else self.hr

    def originals(self) -> list[Tensor]:
        """All forms of the original that some loss may see."""
        return [self.hr] if self.changed is None else [self.hr, self.changed]


class Pairing:
    """Makes the parts of a batch.

    Args:
        assembly: the live objects.
        device: where they are.
        processes: those that share each batch.
    """

    def __init__(self, assembly: Assembly, device: torch.device, processes: Processes = ALONE) -> None:
        experiment = assembly.plan.experiment
        self.processes = processes
        self.assembly = assembly
        self.device = device
        self.layout = training_layout(device)
        self.seed = experiment.seed
        self.parts = experiment.optimizer.accumulation
        self.mixing = Mixing.of(experiment.augment, experiment.scale)
        losses = experiment.target.losses if experiment.target is not None else None
        self.changed_for = frozenset(losses or ())

    def __call__(
        self,
        batch: Batch,
        span: Span,
        attempt: int,
        streams: Callable[[StreamKey, Sequence[int], str], SampleDraws] = SampleDraws,
        *,
        looks_closely: bool = False,
    ) -> list[Part]:
        """The batch in as many parts as gradients are accumulated over; all that is drawn belongs to the samples.

        `streams` makes the draws: those that keep a record where somebody wants to know. `looks_closely`: whether
        writes into the original are looked for that no tensor's version shows.
        """
        request = batch.request
        key = StreamKey(self.seed, attempt, request.step, request.substep)

        def draws(name: str) -> SampleDraws:
            return streams(key, request.slots, name)

        hr = to_float(batch.hr, self.device)
        shrunk = to_float(batch.lr, self.device) if batch.lr is not None else None
        untouched = Untouched(looks_closely, hr=hr)
        lr = self.assembly.lr_makers[span.number](hr, draws, shrunk, untouched.after)
        changed = self._changed(hr, draws)
        untouched.after("[target]")
        untouched.settle()
        if self.mixing is not None:
            pool = self._pool(request.slots, lr, hr, changed) if self.mixing.has_partners else None
            lr, hr, changed = self.mixing(lr, hr, changed, draws("mixing"), request.slots, span.batch_size, pool)
        lr, hr = (one.contiguous(memory_format=self.layout) for one in (lr, hr))
        size = len(request.slots) // self.parts
        cuts = [slice(start, start + size) for start in range(0, size * self.parts, size)]
        return [
            Part(lr[cut], hr[cut], request.slots[cut], None if changed is None else changed[cut], self.changed_for)
            for cut in cuts
        ]

    def _pool(self, slots: Sequence[int], lr: Tensor, hr: Tensor, changed: Tensor | None) -> Pool:
        """The whole batch, also where each of several processes has a share."""
        together = self.processes.together
        numbers = together(torch.tensor(slots, device=self.device)).tolist()
        return Pool(numbers, together(lr), together(hr), None if changed is None else together(changed))

    @torch.no_grad()
    def _changed(self, hr: Tensor, draws: Callable[[str], Draws]) -> Tensor | None:
        """The original as `[target]` changes it."""
        if self.assembly.target is None:
            return None
        changed = self.assembly.target(hr, draws("target"))
        if changed.shape != hr.shape:
            raise SrkitError(f"[target] made {tuple(changed.shape)} of {tuple(hr.shape)}; it may not change the size")
        return changed.contiguous(memory_format=self.layout)
