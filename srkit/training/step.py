"""One update of the generator, and the discriminator's that go with it. No component is known here by name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace

import torch
from torch import Tensor, nn

from srkit.assembly import Assembly, wants_views
from srkit.assembly.shrinking_again import Downscale, ShrinksAgain
from srkit.assembly.untouched import Untouched
from srkit.contracts import GeneratorOutput, Views
from srkit.data.loader import Batch
from srkit.draws import SampleDraws, StreamKey, derived_seed
from srkit.errors import SrkitError
from srkit.layer_outputs import layer_outputs, needed_layers
from srkit.training.again import Again
from srkit.training.distributed import ALONE, Processes
from srkit.training.ema import Ema
from srkit.training.opponent import Frozen, Opponent, draw_offset
from srkit.training.pairs import Pairing, Part
from srkit.training.precision import autocast
from srkit.training.terms import Terms, mean, record, require_gradient, weigh
from srkit.training.timeline import Span
from srkit.training.updater import Updater


class Stepper:
    """Everything that changes while training: networks, losses, optimizers.

    Args:
        assembly: the live objects, already on the device.
        device: where they are.
        generator_updater, discriminator_updater: their optimizers.
        ema: the averaged generator, or None.
        losses_updater: the optimizer of parameters that losses hold, where it is not the generator's.
        attempt: the attempt's number, part of every random key.
        processes: those that share each batch; gradients and numbers are the mean over them.
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
        processes: Processes = ALONE,
    ) -> None:
        self.assembly = assembly
        self.processes = processes
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
        self.pairing = Pairing(assembly, device, processes)
        self.parts = self.pairing.parts
        adversarial = assembly.plan.experiment.adversarial_loss
        self.adversarial_name = adversarial.name if adversarial is not None else ""
        self.downscale = _downscale(assembly)
        self.room = adversarial.shift_crop - 1 if adversarial is not None else 0
        self.colour_shift: dict[str, Tensor] = {}
        self._is_first = self._looks_closely = True
        self.layers = needed_layers([*assembly.losses.values(), assembly.adversarial])
        self.wants_views = {name: wants_views(loss) for name, loss in assembly.losses.items()}

    def __call__(
        self,
        step: int,
        span: Span,
        next_batch: Callable[[], Batch],
        watch: Callable[[Terms], None],
        *,
        measure: bool = False,
    ) -> None:
        """Update the generator once and the discriminator as often as the stage says.

        Args:
            step: the update's number, from 1.
            span: its stage.
            next_batch: gives the step's batches in order.
            watch: is handed every term before the weights change; may raise to prevent that.
            measure: whether to look at gradients and colours as well, for `readings`.
        """
        self._looks_closely = measure or self._is_first
        self._is_first = False
        for updater in self.updaters().values():
            updater.measures = measure
        if span.forgets and step == span.first:
            for updater in self.updaters().values():
                updater.forget()
        # dropout and whatever else draws from torch's global stream
        own = [self.processes.rank] if self.processes.rank else []
        torch.manual_seed(derived_seed(self.seed, self.attempt, step, "global", *own))
        parts = self.pairing(next_batch(), span, self.attempt, looks_closely=self._looks_closely)
        self._generator_step(step, span, parts, watch)
        if measure:
            self.colour_shift = self.processes.mean_terms(_colour_shift(parts))
        if self.ema is not None:
            self.ema.update(step)
        for substep in range(span.discriminator_steps):
            if substep and span.batches > 1:
                parts = self.pairing(next_batch(), span, self.attempt)
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

    def readings(self) -> dict[str, float]:
        """What the last measured update was like: by role the norm of the gradient, and with fp16 how many updates were
        attempted and skipped since the last reading and the share of the gradient's elements that are 0;
        `colour_shift`, by channel how much brighter SR is than LR in the mean, in levels of 255. Waits for the
        device."""
        found = {f"colour_shift/{colour}": float(shift) for colour, shift in self.colour_shift.items()}
        for role, updater in self.updaters().items():
            found |= {f"{key}/{role}": value for key, value in updater.read().items()}
        return found

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
        views = Views(
            sr=output.sr,
            hr=part.hr,
            lr=part.lr,
            step=step,
            draws=SampleDraws(key, part.slots, "loss"),
            extras=output.extras,
        )
        if self.downscale is not None:
            views.downscale = ShrinksAgain(self.downscale, lambda: SampleDraws(key, part.slots, "downscaler"))
        if self.discriminator is not None:
            # one shift for the whole batch, however many parts it is worked through in
            offset = draw_offset(SampleDraws(key, (0,), "discriminator/shift"), self.room)
            originals = part.originals() if frozen else []
            views.discriminator = Opponent(self.discriminator, part.lr, offset, self.room, originals)
        if self.ema is not None:
            views.make_ema_sr = _Once(self.ema.network, part.lr)
        return views

    @staticmethod
    def _of(name: str, views: Views, part: Part) -> Views:
        """The views of one loss: its own streams and notes, and the original that it is to see."""
        own = replace(views, hr=part.original_for(name), draws=views.draws.child(name), notes={})
        if isinstance(views.downscale, ShrinksAgain):
            own.downscale = replace(views.downscale, who=f"the loss {name!r}")
        return own

    def _agree(self, collected: list[Terms], watch: Callable[[Terms], None], *updaters: Updater | None) -> None:
        """Numbers of all parts to whoever watches, and gradients for the updaters, as means over all processes."""
        watch(self.processes.mean_terms(mean(collected)))
        self.processes.mean_gradients(weight for one in updaters if one is not None for weight in one.weights())

    def _again(self, losses: Callable[[], Iterator[Tensor]], parts: int, *updaters: Updater | None) -> Again | None:
        """The step's loss once more, where an optimizer asks for it."""
        if not any(one is not None and one.wants_closure for one in updaters):
            return None
        found = [self.generator, self.discriminator, self.assembly.adversarial, *self.assembly.losses.values()]
        modules = [one for one in found if isinstance(one, nn.Module)]
        return Again(losses, parts, self.device, self.processes, modules)

    # --- the generator ----------------------------------------------------------------------------------------------

    def _generator_step(self, step: int, span: Span, parts: list[Part], watch: Callable[[Terms], None]) -> None:
        collected: list[Terms] = []
        again = self._again(
            lambda: (total for _, total, _ in self._generator_losses(step, span, parts, looks_closely=False)),
            len(parts),
            self.updater,
            self.losses_updater,
        )
        with closing(self._generator_losses(step, span, parts, looks_closely=self._looks_closely)) as losses:
            for part, (fake, total, terms) in zip(parts, losses, strict=True):
                part.fake = fake
                collected.append(terms)
                self.updater.backward(total / len(parts), span.precision)
        self._agree(collected, watch, self.updater, self.losses_updater)
        if self.losses_updater is not None:
            self.losses_updater.step(step, span.lr["losses"], span.precision, again)
        self.updater.step(step, span.lr["generator"], span.precision, again)

    def _generator_losses(
        self, step: int, span: Span, parts: list[Part], *, looks_closely: bool
    ) -> Generator[tuple[Tensor, Tensor, Terms]]:
        """Of each part SR without graph, the weighted sum of the losses, and their numbers."""
        iterations = PowerIterations(parts, self.generator, self.discriminator)
        with Frozen(self.discriminator):
            for part in parts:
                iterations.begin(part)
                untouched = Untouched(looks_closely, lr=part.lr, hr=part.hr)
                with autocast(self.device, span.precision):
                    with layer_outputs(self.generator, self.layers) as layers:
                        output = self._generate(part.lr)
                    untouched.after("the generator")
                    views = self._views(part, output, step, 0, frozen=True)
                    views.layers = layers
                    total, terms = self._generator_terms(part, views, span, untouched)
                yield output.sr.detach(), total, terms

    def _generator_terms(self, part: Part, views: Views, span: Span, untouched: Untouched) -> tuple[Tensor, Terms]:
        """The weighted sum of all losses, and each one before its weight, parts before sums."""
        terms: Terms = {}
        total = torch.zeros((), device=self.device)
        untouched.add("sr", views.sr)
        for name, loss in self.assembly.losses.items():
            weight = span.weights[name]
            if weight == 0:
                continue
            own = self._of(name, views, part)
            untouched.add("hr", own.hr)
            value = loss(own) if self.wants_views[name] else loss(own.sr, own.hr)
            untouched.after(f"the loss {name!r}")
            total = total + weigh(terms, name, require_gradient(name, record(terms, name, value, own)), weight)
        if self.assembly.adversarial is not None and span.adversarial_weight:
            name = self.adversarial_name
            own = self._of(name, views, part)
            untouched.add("hr", own.hr)
            value = self.assembly.adversarial.generator_term(own)
            untouched.after(f"the adversarial loss {name!r}, or the discriminator,")
            loss_value = require_gradient(name, record(terms, name, value, own))
            total = total + weigh(terms, name, loss_value, span.adversarial_weight)
        untouched.settle()
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
        again = self._again(
            lambda: (total for total, _ in self._discriminator_losses(step, substep, span, parts, looks_closely=False)),
            len(parts),
            self.discriminator_updater,
        )
        looks_closely = self._looks_closely
        with closing(self._discriminator_losses(step, substep, span, parts, looks_closely=looks_closely)) as losses:
            for total, terms in losses:
                collected.append(terms)
                self.discriminator_updater.backward(total / len(parts), span.precision)
        self._agree(collected, watch, self.discriminator_updater)
        self.discriminator_updater.step(step, span.lr["discriminator"], span.precision, again)

    def _discriminator_losses(
        self, step: int, substep: int, span: Span, parts: list[Part], *, looks_closely: bool
    ) -> Generator[tuple[Tensor, Terms]]:
        """Of each part the discriminator's loss and its numbers."""
        # what a loss learns is learned in the generator's step: here it would keep a gradient until then
        iterations = PowerIterations(parts, self.discriminator)
        with Frozen(self.assembly.adversarial):
            for part in parts:
                assert part.fake is not None
                iterations.begin(part)
                with autocast(self.device, span.precision):
                    views = self._views(part, GeneratorOutput(part.fake), step, substep, frozen=False)
                    own = self._of(self.adversarial_name, views, part)
                    terms: Terms = {}
                    untouched = Untouched(looks_closely, lr=part.lr, hr=own.hr, sr=part.fake)
                    value = self.assembly.adversarial.discriminator_term(own)
                    untouched.after(f"the adversarial loss {self.adversarial_name!r}, or the discriminator,")
                    untouched.settle()
                    total = record(terms, "discriminator", value, own)
                if not total.requires_grad:
                    raise SrkitError(
                        f"the adversarial loss {self.adversarial_name!r}: its discriminator_term has no gradient, so "
                        "that the discriminator would learn nothing; compute it of views.discriminator(...), without "
                        "detach()"
                    )
                yield total, terms


class PowerIterations:
    """The vectors of spectral norm, which each pass in train mode moves on: every part of a batch begins with the same.

    So a batch that is worked through in parts moves them on as often as a whole one does.
    """

    def __init__(self, parts: list[Part], *networks: nn.Module | None) -> None:
        buffers = [one for network in networks if network is not None for one in network.named_buffers()]
        self.vectors = [vector for name, vector in buffers if name.endswith(("_u", "_v"))] if len(parts) > 1 else []
        self.begun = [vector.clone() for vector in self.vectors]
        self.first = parts[0]

    @torch.no_grad()
    def begin(self, part: Part) -> None:
        """Called before each part."""
        if part is not self.first:
            for vector, begun in zip(self.vectors, self.begun, strict=True):
                vector.copy_(begun)


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


def _downscale(assembly: Assembly) -> Downscale | None:
    experiment, maker = assembly.plan.experiment, assembly.lr_makers[0]
    if experiment.downscaler is None or maker.downscaler is None:
        return None
    return Downscale(maker, experiment.scale, experiment.downscaler.use)


def _colour_shift(parts: list[Part]) -> dict[str, Tensor]:
    fake = torch.stack([part.fake.mean((0, 2, 3)) for part in parts if part.fake is not None]).mean(0)
    small = torch.stack([part.lr.mean((0, 2, 3)) for part in parts]).mean(0)
    return dict(zip(("red", "green", "blue"), (fake - small) * 255, strict=True))
