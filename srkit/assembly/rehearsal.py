"""Trying an experiment without computing: everything is built on torch's meta device, so contradictions show early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly.borrowed import lend
from srkit.assembly.fitting import (
    NO_FACTOR,
    find_unlearned,
    find_unmatched,
    find_unmatched_losses,
    find_unobserved,
    find_unshifted,
    is_factor,
)
from srkit.assembly.multiples import generated, multiple_of
from srkit.assembly.optimizers import find_scaled, require_groups, wants_closure
from srkit.assembly.parts import SharedParts, as_module, option_problem, takes_lr, wants_views
from srkit.assembly.shrinking_again import Downscale, NoGradient, needs_downscale
from srkit.contracts import DiscriminatorOutput, GeneratorOutput, Views
from srkit.data.lr_images import LrMaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import FAILURES, OptionError, SrkitError, UserError, in_short, value_in_short
from srkit.experiment import Pick, Plan
from srkit.experiment.tree import TreePath
from srkit.layer_outputs import layer_outputs, needed_layers, require_layers
from srkit.uncompiled import compiler_left_out

NOT_BUILT_HERE = ("metrics",)
"""Kinds whose building may be expensive (a metric's network) and tells nothing about the experiment."""

REAL_HERE = ("datasets", "optimizers", "schedules")
"""Kinds that hold no weights: they are built as in a run."""

MUST_HAVE = {
    "adversarial_losses": ("generator_term", "discriminator_term"),
    "downscalers": ("works_on",),
    "datasets": ("__len__", "__getitem__", "name"),
    "optimizers": ("param_groups", "step", "zero_grad"),
    "schedules": ("factor",),
}
"""What each kind is asked for beside being called."""

LOSSES = ("pixel_loss", "feature_loss", "adversarial_loss")

FACTORS = 200
"""Stretches of a run at whose ends a schedule is asked for its factor."""

LARGE = {"meta": 512, "cpu": 192}
"""The side of a picture that is large enough for anything, by device."""


UNKNOWN_STEPS = 10**9


@dataclass(frozen=True)
class _Part:
    """A component as it was built, on which device."""

    pick: Pick
    value: Any
    device: str

    def zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self.device)


class _StandIns(Mapping[str, Any]):
    """In place of the generator's extras, and of the discriminator: a loss that asked for them cannot be blamed."""

    def __init__(self) -> None:
        self.asked = False

    def discriminator(self, image: Tensor) -> DiscriminatorOutput:
        self.asked = True
        return DiscriminatorOutput([image[:, :1]])

    def __getitem__(self, name: str) -> Any:
        self.asked = True
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        self.asked = True
        return iter(())

    def __len__(self) -> int:
        self.asked = True
        return 0


class Rehearsal:
    """One rehearsal of a plan; what is wrong joins the plan's problems."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.typing = plan.typing
        self.shared = {"meta": SharedParts(), "cpu": SharedParts()}
        self.downscale: Downscale | None = None
        self.stand_ins = _StandIns()
        self.generator: _Part | None = None

    def run(self) -> None:
        with compiler_left_out(), torch.random.fork_rng(devices=[]), torch.no_grad():
            built = {path: self._build(pick) for path, pick in self.plan.picks.items()}
            for stage in self.plan.stages:
                for pick in stage.degradations:
                    if self.plan.picks.get(pick.path) != pick:
                        self._build_on(pick, "meta")
            parts = {path: part for path, part in built.items() if part is not None}
            self.generator = parts.get(("generator",))
            self._generator_enlarges(self.generator)
            for path, part in parts.items():
                if path[0] in LOSSES and needs_downscale(part.value) and not self._shrinks_again(path, part):
                    continue
                if path[0] in LOSSES and not self._layers_are_there(path, part):
                    continue
                if path[0] in ("discriminator", "pixel_loss", "feature_loss"):
                    self._patch_is_large_enough(path, part)
            self._groups_match(parts)
            self._groups_of_losses_match(parts)
            if ("discriminator",) in parts:
                find_unshifted(self.plan, parts[("discriminator",)].value)
            find_unlearned(self.plan)
            self._target_keeps_size(parts.get(("target",)))
            for path, part in parts.items():
                if path[0] == "optimizer":
                    self._optimizer_fits(path, part)
            if ("schedule",) in parts:
                find_unobserved(self.plan, parts[("schedule",)].value)
                self._factors_are_numbers(parts[("schedule",)])

    def _optimizer_fits(self, path: TreePath, part: _Part) -> None:
        """Its groups can be told their rates, and where it computes losses by itself it can be let."""

        def build(groups: list[dict[str, Any]]) -> Any:
            return part.pick.build(parameters=groups, shared=SharedParts())

        name, weight = part.pick.component.name, nn.Parameter(torch.zeros(2, 3))
        try:
            optimizer = build([{"params": [weight], "lr": 1e-3, "lr_scale": 0.5}])
            require_groups(optimizer, [weight], f"the optimizer {name!r}")
        except SrkitError as error:
            self.typing.add((*path, "use"), f"{error}.")
            return
        if wants_closure(optimizer, build):
            find_scaled(self.plan, name)

    def _factors_are_numbers(self, part: _Part) -> None:
        """Ask the schedule for its factors all over the run."""
        steps, name = self._steps(), part.pick.component.name
        for step in dict.fromkeys(max(1, steps * number // FACTORS) for number in range(FACTORS + 1)):
            factor = self._tried(part, lambda one, step=step: one.value.factor(step))
            if isinstance(factor, FAILURES):
                self.typing.add(("schedule", "use"), f"{name!r} fails at step {step}: {_said(factor)}.")
                return
            if not is_factor(factor):
                message = f"{name!r} has the factor {value_in_short(factor)} at step {step}."
                self.typing.add(("schedule", "use"), message, NO_FACTOR)
                return

    def _build(self, pick: Pick) -> _Part | None:
        kind = pick.component.kind
        if kind.plural in NOT_BUILT_HERE or self.typing.is_faulty(pick.path):
            return None
        if "scale" in kind.given and self.plan.experiment.scale is None:
            return None
        if kind.plural in REAL_HERE:
            return self._build_on(pick, "cpu")
        return self._build_on(pick, "meta")

    def _build_on(self, pick: Pick, device: str) -> _Part | None:
        given: dict[str, Any] = {"shared": self.shared[device], "steps": self._steps()}
        given["scale"] = self.plan.experiment.scale
        given["parameters"] = [{"params": [nn.Parameter(torch.zeros(1))], "lr": 1e-3}]
        try:
            with torch.device(device):
                value = pick.build(**given)
            lend(value, pick.component.kind)
        except OptionError as error:
            self.typing.report(pick.path, option_problem(self.plan, pick, error))
        except SrkitError as error:
            self.typing.add(pick.path, str(error))
        except FAILURES as error:
            # a component that cannot be built on the meta device is built for real before it is blamed
            if device == "meta":
                return self._build_on(pick, "cpu")
            self.typing.add(pick.path, f"{pick.component.use} could not be built: {_said(error)}.")
        else:
            if self._is_complete(pick, value):
                return _Part(pick, value, device)
        return None

    def _steps(self) -> int:
        """The run's length; more than any where stages are counted in epochs, whose length only the data tells."""
        if self.plan.experiment.steps is not None:
            return self.plan.experiment.steps
        lengths = [stage.steps for stage in self.plan.stages]
        return sum(filter(None, lengths)) if lengths and all(lengths) else UNKNOWN_STEPS

    def _is_complete(self, pick: Pick, value: Any) -> bool:
        kind = pick.component.kind
        wanted = MUST_HAVE.get(kind.plural, ("__call__",))
        missing = [name for name in wanted if not hasattr(value, name)]
        if missing:
            contract = kind.contract.__name__ if kind.contract is not None else ""
            self.typing.add(
                (*pick.path, "use"),
                f"the {kind.singular} {pick.component.name!r} has no {' and no '.join(missing)}.",
                f"srkit.contracts.{contract} says what it must have.",
            )
        return not missing

    def _generator_enlarges(self, part: _Part | None) -> None:
        experiment = self.plan.experiment
        if part is None or self.typing.is_faulty(("scale",)):
            return
        path, name = ("generator", "use"), part.pick.component.name
        if not any(True for _ in part.value.parameters()):
            message = f"{name!r} has no parameters: there is nothing to train."
            self.typing.add(path, message, "It serves as a baseline.")
            return
        side = self._patch(experiment.scale)
        if not self._patch_is_a_multiple(part, side):
            return
        output = self._tried(part, lambda one: one.value(one.zeros(2, 3, side, side)))
        if isinstance(output, FAILURES):
            self.typing.add(path, f"{name!r} fails on an LR patch of {side} x {side} pixels: {_said(output)}.")
            return
        sr = output.sr if isinstance(output, GeneratorOutput) else output
        wanted = (2, 3, side * experiment.scale, side * experiment.scale)
        if not isinstance(sr, Tensor):
            message = f"{name!r} gives a {type(sr).__name__}, expected a tensor or a GeneratorOutput."
            self.typing.add(path, message)
        elif tuple(sr.shape) != wanted:
            given = f"{tuple(sr.shape)} of {(2, 3, side, side)} at scale {experiment.scale}"
            self.typing.add(path, f"{name!r} makes {given}, expected {wanted}.")

    def _patch_is_a_multiple(self, part: _Part, side: int) -> bool:
        """Whether LR patches have sides that the generator takes, where it takes multiples alone."""
        scale, name = self.plan.experiment.scale, part.pick.component.name
        try:
            multiple = multiple_of(part.value)
        except SrkitError as error:
            self.typing.add(("generator", "use"), f"{name!r}: {error}.")
            return False
        if side % multiple == 0 or self.typing.is_faulty(("data", "patch_size")):
            return True
        below, above = side // multiple * multiple * scale, -(-side // multiple) * multiple * scale
        ways = " or ".join(str(one) for one in (below, above) if one)
        message = f"LR patches of {side} pixels, and {name!r} takes multiples of {multiple}."
        self.typing.contradict(("data", "patch_size"), message, f"Write {ways}.")
        return False

    def _patch(self, scale: int) -> int:
        """The side of an LR patch."""
        data = self.plan.experiment.data
        if data is None or self.typing.is_faulty(("data", "patch_size")):
            return 16
        return max(1, data.patch_size // scale)

    def _tried(self, part: _Part, call: Any) -> Any:
        """What a call of the part gives, or the exception that it ends with where the part is real."""
        try:
            return call(part)
        except FAILURES as error:
            if part.device == "cpu" or isinstance(error, SrkitError):
                return error
        # what cannot run without numbers (a branch on a value, numpy) is run with some
        real = self._build_on(part.pick, "cpu")
        return None if real is None else self._tried(real, call)

    def _patch_is_large_enough(self, path: TreePath, part: _Part) -> None:
        """Run discriminator or loss on one patch; what fails there and not on a large one is the patch's fault."""
        experiment = self.plan.experiment
        if experiment.data is None or self.typing.is_faulty(("data", "patch_size")):
            return
        patch = experiment.data.patch_size
        shift = experiment.adversarial_loss.shift_crop - 1 if experiment.adversarial_loss else 0
        shift = shift if path[0] == "discriminator" else 0
        table, name = path[0], part.pick.component.name
        output = self._runs(part, patch - shift)
        large = LARGE[part.device]
        if not isinstance(output, FAILURES):
            self._check_output(path, part, output)
        elif not isinstance(self._runs(part, large), FAILURES):
            sides = range(max(1, patch - shift), large + 1)
            least = next(one for one in sides if not isinstance(self._runs(part, one), FAILURES))
            self.typing.contradict(
                ("data", "patch_size"),
                f"{patch} is too small for {table} {name!r}.",
                f"It needs at least {least + shift}.",
            )
        else:
            failure = self._tried(part, lambda one: self._call(one, patch - shift))
            on_views = table != "discriminator" and wants_views(as_module(part.value))
            if isinstance(failure, OptionError):
                self.typing.report(path, option_problem(self.plan, part.pick, failure))
            elif isinstance(failure, NoGradient) or (
                isinstance(failure, SrkitError) and on_views and not self.stand_ins.asked
            ):
                self.typing.add((*path, "use"), f"{failure}".rstrip(".") + ".")
            elif isinstance(failure, FAILURES) and not on_views:  # which may need what only a run has
                self.typing.add((*path, "use"), f"{table} {name!r} fails on a patch: {_said(failure)}.")

    def _runs(self, part: _Part, side: int) -> Any:
        if side < 1:
            return ValueError("nothing is left of the patch")
        try:
            return self._call(part, side)
        except FAILURES as error:
            return error

    def _call(self, part: _Part, side: int) -> Any:
        """The discriminator's logits or the loss of a batch of two patches."""
        image, small = part.zeros(2, 3, side, side), max(1, side // (self.plan.experiment.scale or 1))
        lr = part.zeros(2, 3, small, small)
        if part.pick.component.kind.plural == "discriminators":
            return part.value(image, lr=lr) if takes_lr(part.value) else part.value(image)
        loss = as_module(part.value)
        if not wants_views(loss):
            return loss(image, image)
        with torch.enable_grad():
            views = self._views(part.pick.component.name, image.requires_grad_(), lr)
            views.layers = self._layers(part.value, lr)
            return loss(views)

    def _shrinks_again(self, path: TreePath, part: _Part) -> bool:
        """Whether a loss that needs gradients through the downscaler gets them."""
        who = f"the loss {part.pick.component.name!r}"
        if self.plan.experiment.lr_pipeline is not None:
            message = f"{who} shrinks the image again, and an lr_pipeline has no downscaler."
            hint = "Leave one of the two out, or write [downscaler] and [[degradation]] in the pipeline's place."
            self.typing.add((*path, "use"), message, hint)
            return False
        try:
            self._require_gradients(who)
        except NoGradient as error:
            self.typing.add((*path, "use"), f"{error}.")
            return False
        return True

    def _layers_are_there(self, path: TreePath, part: _Part) -> bool:
        """Whether the generator has the layers that a loss looks at."""
        key = "use"
        try:
            for name in needed_layers([part.value]):
                key = next((key for key, value in part.pick.options.items() if _names(value, name)), "use")
                if self.generator is not None:
                    require_layers(self.generator.value, [name])
        except UserError as error:
            self.typing.add((*path, key), f"the loss {part.pick.component.name!r} looks at the generator: {error}")
            return False
        return True

    def _layers(self, loss: Any, lr: Tensor) -> Mapping[str, Tensor]:
        """What the loss asks of the generator's layers; a stand-in where the generator is not to be had."""
        names = needed_layers([loss])
        if not names:
            return {}
        if self.generator is None or self.generator.device != lr.device.type:
            return self.stand_ins
        with layer_outputs(self.generator.value, names) as seen:
            generated(self.generator.value, lr)
        return seen

    def _require_gradients(self, who: str) -> None:
        """Raises NoGradient where the experiment's downscaler has none; it is built for real to be tried."""
        pick, scale = self.plan.picks.get(("downscaler",)), self.plan.experiment.scale
        if pick is None or scale is None or self.typing.is_faulty(("downscaler",)):
            return
        if self.downscale is None:
            part = self._build_on(pick, "cpu")
            if part is None:
                return
            self.downscale = Downscale(LrMaker(part.value), scale, pick.component.name)
        try:
            self.downscale.require(who, torch.device("cpu"))
        except NoGradient:
            raise
        except FAILURES as error:
            self.typing.add((*pick.path, "use"), f"{pick.component.name!r} fails on an image: {_said(error)}.")

    def _views(self, name: str, sr: Tensor, lr: Tensor) -> Views:
        """Views as the experiment will have them; for what only the trained networks give there are stand-ins."""
        experiment = self.plan.experiment
        draws = SampleDraws(StreamKey(0, 0, 1), [0, 1], "rehearsal")
        self.stand_ins = _StandIns()
        views = Views(sr=sr, hr=sr.detach(), lr=lr, step=1, draws=draws, extras=self.stand_ins)
        height, width = lr.shape[-2:]

        def downscale(image: Tensor) -> Tensor:
            if image.requires_grad and torch.is_grad_enabled():
                self._require_gradients(f"the loss {name!r}")
            return F.adaptive_avg_pool2d(image, (height, width))

        if experiment.lr_pipeline is None:
            views.downscale = downscale
        if experiment.ema is not None:
            views.make_ema_sr = sr.detach
        if experiment.discriminator is not None:
            views.discriminator = self.stand_ins.discriminator
        return views

    def _check_output(self, path: TreePath, part: _Part, output: Any) -> None:
        name = part.pick.component.name
        if path[0] == "discriminator":
            if not isinstance(output, (Tensor, DiscriminatorOutput)):
                message = f"{name!r} gives a {type(output).__name__}, expected logits or a DiscriminatorOutput."
                self.typing.add((*path, "use"), message)
                return
            for logits in [output] if isinstance(output, Tensor) else output.logits:
                if logits.dim() not in (2, 4) or tuple(logits.shape[:2]) != (2, 1):
                    message = (
                        f"{name!r} gives logits {tuple(logits.shape)} for 2 pictures, expected (2, 1) or (2, 1, h, w)."
                    )
                    self.typing.add((*path, "use"), message)
            return
        values = list(output.values()) if isinstance(output, dict) else [output]
        odd = [one for one in values if not isinstance(one, Tensor) or one.numel() != 1]
        if odd:
            shown = f"a tensor {tuple(odd[0].shape)}" if isinstance(odd[0], Tensor) else f"a {type(odd[0]).__name__}"
            message = f"the loss {name!r} gives {shown}, expected a scalar tensor or a dict of them."
            self.typing.add((*path, "use"), message)

    def _groups_match(self, parts: dict[TreePath, _Part]) -> None:
        roles = ("generator", "discriminator")
        find_unmatched(self.plan, {role: parts[(role,)].value for role in roles if (role,) in parts})

    def _groups_of_losses_match(self, parts: dict[TreePath, _Part]) -> None:
        experiment = self.plan.experiment
        entries: list[tuple[TreePath, str]] = [
            ((table, index), loss.name)
            for table in ("pixel_loss", "feature_loss")
            for index, loss in enumerate(getattr(experiment, table))
        ]
        if experiment.adversarial_loss is not None:
            entries.append((("adversarial_loss",), experiment.adversarial_loss.name))
        if all(path in parts for path, _ in entries):
            find_unmatched_losses(self.plan, {name: parts[path].value for path, name in entries})

    def _target_keeps_size(self, part: _Part | None) -> None:
        """Losses compare what `[target]` makes with SR, place by place."""
        if part is None:
            return
        side = self._patch(1)
        draws = SampleDraws(StreamKey(0, 0, 1), [0], "rehearsal")
        output = self._tried(part, lambda one: one.value(one.zeros(1, 3, side, side), draws))
        name, path = part.pick.component.name, ("target", "use")
        if isinstance(output, FAILURES):
            self.typing.add(path, f"{name!r} fails on a patch: {_said(output)}.")
        elif isinstance(output, Tensor) and tuple(output.shape) != (1, 3, side, side):
            shapes = f"{tuple(output.shape)} of {(1, 3, side, side)}"
            self.typing.add(path, f"{name!r} makes {shapes}; a target may not change the size.")


def _names(value: Any, name: str) -> bool:
    """Whether an option's value is the name, or holds it."""
    return value == name or (isinstance(value, (Mapping, tuple, list)) and name in value)


def _said(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, SrkitError):
        return str(error)
    return in_short(error).rstrip(".")


def rehearse(plan: Plan) -> None:
    """Build the plan's parts on the meta device; add to its problems what cannot work."""
    Rehearsal(plan).run()
