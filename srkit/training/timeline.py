"""Which step belongs to which stage, and which samples it sees: everything a function of the step alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srkit.data.loader import Request
from srkit.data.order import SampleOrder
from srkit.errors import UserError
from srkit.experiment import StagePlan


@dataclass(frozen=True)
class Span:
    """One stage with its place in the run.

    Attributes:
        number: which stage, from 0.
        first, last: its steps, from 1, both included.
        start: how many samples the run has seen before it.
        batch_size: samples a batch.
        batches: batches a step: one, and one for each discriminator step that wants fresh pictures.
        weights: what each pixel and feature loss is multiplied with.
        adversarial_weight: likewise.
        discriminator_steps: updates of the discriminator a step; none where the adversarial loss has no weight.
        precision: "fp32", "bf16" or "fp16".
        lr: learning rate by role.
        forgets: whether the optimizers start anew at its first step.
    """

    number: int
    first: int
    last: int
    start: int
    batch_size: int
    batches: int
    weights: dict[str, float]
    adversarial_weight: float
    discriminator_steps: int
    precision: str
    lr: dict[str, float]
    forgets: bool = False

    def position(self, step: int) -> int:
        """The samples the run has seen before this step of the span."""
        return self.start + (step - self.first) * self.batch_size * self.batches


class Timeline:
    """All spans of a run.

    Args:
        stages: the plan's stages.
        epoch: samples an epoch.
        precision: what "auto" means on this device.
    """

    def __init__(self, stages: Sequence[StagePlan], epoch: int, precision: str) -> None:
        self.spans: list[Span] = []
        for number, stage in enumerate(stages):
            self.spans.append(self._span(number, stage, epoch, precision))

    def _span(self, number: int, stage: StagePlan, epoch: int, auto: str) -> Span:
        experiment = stage.experiment
        batch = experiment.data.batch_size
        before = self.spans[-1] if self.spans else None
        adversarial = experiment.adversarial_loss
        # at weight 0 the whole game is left out: the generator trains alone, at the cost of that
        opposed = adversarial.discriminator_steps if adversarial is not None and adversarial.weight else 0
        fresh = adversarial is not None and adversarial.discriminator_batch == "fresh"
        batches = max(1, opposed) if fresh else 1
        steps = stage.steps or max(1, round((stage.epochs or 0) * epoch / (batch * batches)))
        own = experiment.optimizer.losses.lr if experiment.optimizer.losses is not None else None
        losses = [*experiment.pixel_loss, *experiment.feature_loss]
        rates = {"losses": own if own is not None else stage.lr["generator"], **stage.lr}
        first = before.last + 1 if before else 1
        return Span(
            number=number,
            first=first,
            last=first + steps - 1,
            start=before.position(before.last + 1) if before else 0,
            batch_size=batch,
            batches=batches,
            weights={loss.name: loss.weight for loss in losses},
            adversarial_weight=adversarial.weight if adversarial is not None else 0.0,
            discriminator_steps=opposed,
            precision=auto if experiment.precision == "auto" else experiment.precision,
            lr={role: rate * (batch if stage.per_sample else 1) for role, rate in rates.items()},
            forgets=stage.forgets,
        )

    @property
    def total(self) -> int:
        return self.spans[-1].last

    def at(self, step: int) -> Span:
        """The span a step (from 1) belongs to."""
        if not 1 <= step <= self.total:
            raise UserError(f"there is no step {step}; the run has {self.total}")
        return self.spans[bisect_left([span.last for span in self.spans], step)]

    def requests(self, step: int, order: SampleOrder) -> list[Request]:
        """The batches of one step, by the numbers of their samples in the data set."""
        span = self.at(step)
        position = span.position(step)
        requests = []
        for substep in range(span.batches):
            start = position + substep * span.batch_size
            indices = tuple(order.index(one) for one in range(start, start + span.batch_size))
            requests.append(Request(step, substep, tuple(range(span.batch_size)), indices))
        return requests

    def all_requests(self, first: int, order: SampleOrder) -> Iterator[Request]:
        """The batches from a step to the end of the run."""
        for step in range(first, self.total + 1):
            yield from self.requests(step, order)
