"""Trying an experiment without computing: everything is built on torch's meta device, so contradictions show early."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly.groups import unmatched_groups
from srkit.assembly.parts import SharedParts, as_module, option_problem, wants_views
from srkit.contracts import DiscriminatorOutput, GeneratorOutput, Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, SrkitError
from srkit.experiment import Pick, Plan
from srkit.experiment.tree import TreePath

NOT_BUILT_HERE = ("metrics",)
"""Kinds whose building may be expensive (a metric's network) and tells nothing about the experiment."""


class Rehearsal:
    """One rehearsal of a plan; what is wrong joins the plan's problems."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.typing = plan.typing
        self.shared = SharedParts()

    def run(self) -> None:
        parts = {path: self._build(pick) for path, pick in self.plan.picks.items()}
        for stage in self.plan.stages:
            for pick in stage.degradations:
                if pick.path not in self.plan.picks or self.plan.picks[pick.path] != pick:
                    self._build(pick)
        self._generator_enlarges(parts.get(("generator",)))
        self._patches_are_large_enough(parts)
        self._groups_match(parts)

    def _build(self, pick: Pick) -> Any:
        kind = pick.component.kind
        if kind.plural in NOT_BUILT_HERE or self.typing.is_faulty(pick.path):
            return None
        given: dict[str, Any] = {"shared": self.shared, "steps": self.plan.experiment.steps or 1000}
        if "scale" in kind.given:
            if self.plan.experiment.scale is None:
                return None
            given["scale"] = self.plan.experiment.scale
        if "parameters" in kind.given:
            given["parameters"] = [{"params": [nn.Parameter(torch.zeros(1))], "lr": 1e-3}]
        try:
            if kind.plural in ("datasets", "optimizers", "schedules"):
                return pick.build(**given)
            with torch.device("meta"):
                return pick.build(**given)
        except OptionError as error:
            problem = option_problem(self.plan, pick, error)
            self.typing.problems.append(problem)
            self.typing.faulty.add(pick.path)
        except SrkitError as error:
            self.typing.add(pick.path, str(error))
        except Exception as error:
            # a component that cannot be built on the meta device is built for real before it is blamed
            self._build_for_real(pick, given, error)
        return None

    def _build_for_real(self, pick: Pick, given: dict[str, Any], first: Exception) -> None:
        try:
            pick.build(**{**given, "shared": SharedParts()})
        except OptionError as error:
            self.typing.problems.append(option_problem(self.plan, pick, error))
        except Exception as error:
            name = pick.component.use
            self.typing.add(pick.path, f"{name} could not be built: {type(error).__name__}: {error}")

    def _generator_enlarges(self, generator: nn.Module | None) -> None:
        experiment = self.plan.experiment
        if generator is None or self.typing.is_faulty(("scale",)):
            return
        if not any(True for _ in generator.parameters()):
            self.typing.add(
                ("generator", "use"),
                f"{experiment.generator.use!r} has no parameters: there is nothing to train.",
                "It serves as a baseline.",
            )
            return
        side = 16
        try:
            with torch.no_grad():
                output = generator(torch.zeros(1, 3, side, side, device="meta"))
        except Exception:
            return  # not runnable without data; the first step will tell
        sr = output.sr if isinstance(output, GeneratorOutput) else output
        wanted = (1, 3, side * experiment.scale, side * experiment.scale)
        if tuple(sr.shape) != wanted:
            self.typing.add(
                ("generator", "use"),
                f"it makes {tuple(sr.shape)} of {(1, 3, side, side)} at scale {experiment.scale}, expected {wanted}.",
            )

    def _patches_are_large_enough(self, parts: dict[TreePath, Any]) -> None:
        """Run discriminator and losses on one patch; what fails there and not on a large one is the patch's fault."""
        experiment = self.plan.experiment
        if experiment.data is None or self.typing.is_faulty(("data", "patch_size")):
            return
        patch = experiment.data.patch_size
        for path, part in parts.items():
            if part is None or path[0] not in ("discriminator", "pixel_loss", "feature_loss"):
                continue
            shift = experiment.adversarial_loss.shift_crop - 1 if experiment.adversarial_loss else 0
            side = patch - (shift if path[0] == "discriminator" else 0)
            if self._runs(part, path, side) is None or self._runs(part, path, 512) is not None:
                continue
            least = next((one for one in range(side, 513) if self._runs(part, path, one) is None), 512)
            name = self.plan.picks[path].component.name
            self.typing.add(
                ("data", "patch_size"),
                f"{patch} is too small for {path[0]} {name!r}.",
                f"It needs at least {least + (patch - side)}.",
            )

    def _runs(self, part: Any, path: TreePath, side: int) -> Exception | None:
        if side < 1:
            return ValueError("nothing is left of the patch")
        image = torch.zeros(2, 3, side, side, device="meta")
        try:
            with torch.no_grad():
                _call(part, image, is_loss=path[0] != "discriminator")
        except Exception as error:
            return error
        return None

    def _groups_match(self, parts: dict[TreePath, Any]) -> None:
        optimizer = self.plan.experiment.optimizer
        generator, discriminator = parts.get(("generator",)), parts.get(("discriminator",))
        checks = [(("optimizer",), optimizer.group, generator)]
        if optimizer.discriminator is not None:
            checks.append((("optimizer", "discriminator"), optimizer.discriminator.group, discriminator))  # type: ignore[arg-type]
        for path, groups, network in checks:
            if network is None:
                continue
            names = [name for name, _ in network.named_parameters()]
            for index in unmatched_groups(groups, names):
                some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
                self.typing.add((*path, "group", index, "match"), "no parameter has such a name.", f"There are: {some}")


def _call(part: Any, image: Tensor, *, is_loss: bool) -> Any:
    if not is_loss:
        return part(image)
    loss = as_module(part)
    if not wants_views(loss):
        return loss(image, image)
    draws = SampleDraws(StreamKey(0, 0, 1), [0, 1], "rehearsal")
    views = Views(sr=image, hr=image, lr=image, step=1, draws=draws, downscale=lambda one: one)
    views.discriminator = lambda one: DiscriminatorOutput([one[:, :1]])
    return loss(views)


def rehearse(plan: Plan) -> None:
    """Build the plan's parts on the meta device; add to its problems what cannot work."""
    Rehearsal(plan).run()
