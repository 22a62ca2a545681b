"""One update of the generator, and the discriminator's that go with it. No component is known here by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from srkit.assembly import Assembly, wants_views
from srkit.contracts import GeneratorOutput, Views
from srkit.data.loader import Batch
from srkit.data.lr_images import to_float
from srkit.draws import SampleDraws, StreamKey, derived_seed
from srkit.errors import SrkitError
from srkit.training.ema import Ema
from srkit.training.opponent import Opponent, draw_offset
from srkit.training.precision import autocast
from srkit.training.timeline import Span
from srkit.training.updater import Updater

Terms = dict[str, Tensor]


@dataclass
class Part:
    """The share of a batch that is worked through at once.

    Attributes:
        lr, hr: the pair, float, channels_last.
        slots: the samples' numbers in the batch.
        fake: the generator's picture, without graph.
    """

    lr: Tensor
    hr: Tensor
    slots: tuple[int, ...]
    fake: Tensor | None = None


class Stepper:
    """Everything that changes while training: networks, losses, optimizers.

    Args:
        assembly: the live objects, already on the device.
        device: where they are.
        generator_updater, discriminator_updater: their optimizers.
        ema: the averaged generator, or None.
        losses_updater: the optimizer of parameters that losses hold, where it is not the generator's.
        attempt: the attempt's number, part of every random key.
    """

    def __init__(
        self,
        assembly: Assembly,
        device: torch.device,
        generator_updater: Updater,
        discriminator_updater: Updater | None,
        ema: Ema | None = None,
        losses_updater: Updater | None = None,
        attempt: int = 0,
    ) -> None:
        self.assembly = assembly
        self.device = device
        self.generator = assembly.generator
        self.discriminator = assembly.discriminator
        self.updater = generator_updater
        self.discriminator_updater = discriminator_updater
        self.ema = ema
        self.losses_updater = losses_updater
        self.seed = assembly.plan.experiment.seed
        self.scale = assembly.plan.experiment.scale
        self.attempt = attempt
        self.parts = assembly.plan.experiment.optimizer.accumulation
        adversarial = assembly.plan.experiment.adversarial_loss
        self.adversarial_name = adversarial.name if adversarial is not None else ""
        self.room = adversarial.shift_crop - 1 if adversarial is not None else 0
        self.wants_views = {name: wants_views(loss) for name, loss in assembly.losses.items()}

    def __call__(self, step: int, span: Span, next_batch: Callable[[], Batch], watch: Callable[[Terms], None]) -> None:
        """Update the generator once and the discriminator as often as the stage says.

        Args:
            step: the update's number, from 1.
            span: its stage.
            next_batch: gives the step's batches in order.
            watch: is handed every term before the weights change; may raise to prevent that.
        """
        # dropout and whatever else draws from torch's global stream
        torch.manual_seed(derived_seed(self.seed, self.attempt, step, "global"))
        parts = self._pairs(next_batch(), span)
        self._generator_step(step, span, parts, watch)
        if self.ema is not None:
            self.ema.update(step)
        for substep in range(span.discriminator_steps):
            if substep and span.batches > 1:
                parts = self._pairs(next_batch(), span)
                self._fill_fakes(span, parts)
            self._discriminator_step(step, substep, span, parts, watch)

    def updaters(self) -> dict[str, Updater]:
        """The optimizers there are, by role."""
        found = {
            "generator": self.updater,
            "discriminator": self.discriminator_updater,
            "losses": self.losses_updater,
        }
        return {role: updater for role, updater in found.items() if updater is not None}

    def learning_rates(self) -> dict[str, float]:
        """What the last update's learning rates were, by role."""
        return {role: updater.lr for role, updater in self.updaters().items()}

    def _pairs(self, batch: Batch, span: Span) -> list[Part]:
        """The batch as (lr, hr) pairs on the device, in as many parts as gradients are accumulated over."""
        request = batch.request
        key = StreamKey(self.seed, self.attempt, request.step, request.substep)
        hr = to_float(batch.hr, self.device)
        shrunk = to_float(batch.lr, self.device) if batch.lr is not None else None
        lr = self.assembly.lr_makers[span.number](hr, lambda name: SampleDraws(key, request.slots, name), shrunk)
        lr = lr.contiguous(memory_format=torch.channels_last)
        size = len(request.slots) // self.parts
        cuts = [slice(start, start + size) for start in range(0, size * self.parts, size)]
        return [Part(lr[cut], hr[cut], request.slots[cut]) for cut in cuts]

    def _generate(self, lr: Tensor) -> GeneratorOutput:
        output = self.generator(lr)
        if isinstance(output, Tensor):
            output = GeneratorOutput(output)
        wanted = (*lr.shape[:2], *(side * self.scale for side in lr.shape[2:]))
        if output.sr.shape != wanted:
            raise SrkitError(f"the generator made {tuple(output.sr.shape)} of {tuple(lr.shape)}, expected {wanted}")
        return GeneratorOutput(output.sr.float(), output.extras)

    @torch.no_grad()
    def _fill_fakes(self, span: Span, parts: list[Part]) -> None:
        for part in parts:
            with autocast(self.device, span.precision):
                part.fake = self._generate(part.lr).sr

    def _views(self, part: Part, output: GeneratorOutput, step: int, substep: int, *, frozen: bool) -> Views:
        key = StreamKey(self.seed, self.attempt, step, substep)
        shrink = self.assembly.lr_makers[0].shrink
        views = Views(
            sr=output.sr,
            hr=part.hr,
            lr=part.lr,
            step=step,
            draws=SampleDraws(key, part.slots, "loss"),
            extras=output.extras,
            # streams of the same key as the LR image's, so that a downscaler that draws draws the same again
            downscale=lambda image: shrink(image, SampleDraws(key, part.slots, "downscaler")),
        )
        if self.discriminator is not None:
            # one shift for the whole batch, however many parts it is worked through in
            offset = draw_offset(SampleDraws(key, (0,), "discriminator/shift"), self.room)
            original = part.hr if frozen else None
            views.discriminator = Opponent(self.discriminator, part.lr, offset, self.room, original)
        if self.ema is not None:
            views.make_ema_sr = _Once(self.ema.network, part.lr)
        return views

    # --- the generator ----------------------------------------------------------------------------------------------

    def _generator_step(self, step: int, span: Span, parts: list[Part], watch: Callable[[Terms], None]) -> None:
        collected: list[Terms] = []
        with _Frozen(self.discriminator):
            for part in parts:
                with autocast(self.device, span.precision):
                    output = self._generate(part.lr)
                    views = self._views(part, output, step, 0, frozen=True)
                    total, terms = self._generator_terms(views, span)
                part.fake = output.sr.detach()
                collected.append(terms)
                self.updater.backward(total / len(parts), span.precision)
        watch(_mean(collected))
        if self.losses_updater is not None:
            self.losses_updater.step(step, span.lr["losses"], span.precision)
        self.updater.step(step, span.lr["generator"], span.precision)

    def _generator_terms(self, views: Views, span: Span) -> tuple[Tensor, Terms]:
        """The weighted sum of all losses, and each one before its weight, parts before sums."""
        terms: Terms = {}
        total = torch.zeros((), device=self.device)
        for name, loss in self.assembly.losses.items():
            weight = span.weights[name]
            if weight == 0:
                continue
            own = replace(views, draws=views.draws.child(name), notes={})
            value = loss(own) if self.wants_views[name] else loss(views.sr, views.hr)
            total = total + weight * _record(terms, name, value, own)
        if self.assembly.adversarial is not None and span.adversarial_weight:
            name = self.adversarial_name
            own = replace(views, draws=views.draws.child(name), notes={})
            value = self.assembly.adversarial.generator_term(own)
            total = total + span.adversarial_weight * _record(terms, name, value, own)
        if not total.requires_grad:
            raise SrkitError(
                f"step {views.step}: no loss of stage {span.number + 1} depends on the generator "
                "(a weight of 0 leaves a loss out)"
            )
        terms["loss"] = total.detach()
        return total, terms

    # --- the discriminator ------------------------------------------------------------------------------------------

    def _discriminator_step(
        self, step: int, substep: int, span: Span, parts: list[Part], watch: Callable[[Terms], None]
    ) -> None:
        assert self.discriminator_updater is not None and self.assembly.adversarial is not None
        collected: list[Terms] = []
        for part in parts:
            assert part.fake is not None
            with autocast(self.device, span.precision):
                views = self._views(part, GeneratorOutput(part.fake), step, substep, frozen=False)
                own = replace(views, draws=views.draws.child(self.adversarial_name), notes={})
                terms: Terms = {}
                total = _record(terms, "discriminator", self.assembly.adversarial.discriminator_term(own), own)
            collected.append(terms)
            self.discriminator_updater.backward(total / len(parts), span.precision)
        watch(_mean(collected))
        self.discriminator_updater.step(step, span.lr["discriminator"], span.precision)


class _Frozen:
    """While inside, a network's weights take no gradient; its train mode stays, so batch norm uses each batch's own
    statistics, for the real and the fake pictures separately."""

    def __init__(self, network: nn.Module | None) -> None:
        self.parameters = [one for one in network.parameters() if one.requires_grad] if network is not None else []

    def __enter__(self) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(True)


class _Once:
    """The averaged generator's picture, computed when first asked for."""

    def __init__(self, network: nn.Module, lr: Tensor) -> None:
        self.network, self.lr = network, lr
        self._sr: Tensor | None = None

    @torch.no_grad()
    def __call__(self) -> Tensor:
        if self._sr is None:
            output = self.network(self.lr)
            self._sr = (output if isinstance(output, Tensor) else output.sr).float()
        return self._sr


def _record(terms: Terms, name: str, value: Tensor | dict[str, Tensor], views: Views) -> Tensor:
    """Keep a loss, its named parts and its notes; gives the loss."""
    if isinstance(value, dict):
        for part, one in value.items():
            terms[f"{name}/{part}"] = _number(f"{name}/{part}", one).detach()
        value = torch.stack([one.float().reshape(()) for one in value.values()]).sum()
    terms[name] = _number(name, value).detach()
    for note, number in views.notes.items():
        terms[f"{name}/{note}"] = _number(f"{name}/{note}", number).detach()
    return value.reshape(())


def _number(name: str, value: Tensor) -> Tensor:
    """The value, if it is what the contract promises."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value
    shape = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise SrkitError(f"{name!r}: a loss gave {shape}, expected a tensor of one number")


def _mean(collected: list[Terms]) -> Terms:
    if len(collected) == 1:
        return collected[0]
    return {name: torch.stack([terms[name].float() for terms in collected]).mean() for name in collected[0]}
