"""`init`: networks that begin with the weights of a run or a file, and what is wrong where these do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srkit.assembly import Assembly, SharedParts, build_pick
from srkit.errors import FAILURES, ExperimentError, SrkitError, UserError
from srkit.experiment import Plan
from srkit.inference.weights import Weights, any_weights, require_finite

SHOWN = 6


@dataclass(frozen=True)
class Fit:
    """How a file's weights go with a network's, by name.

    Attributes:
        missing: what the network has and the file has not.
        left_over: what the file has and the network has not.
        misshaped: what both have in different shapes, with these.
    """

    missing: Sequence[str]
    left_over: Sequence[str]
    misshaped: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.left_over or self.misshaped)

    def __str__(self) -> str:
        shapes = [f"{name} ({how})" for name, how in self.misshaped.items()]
        parts = [
            ("not in the file", self.missing),
            ("not in the network", self.left_over),
            ("of another shape", shapes),
        ]
        return "; ".join(f"{len(names)} {what}: {_shown(names)}" for what, names in parts if names)


@dataclass(frozen=True)
class Initial:
    """What a network began with.

    Attributes:
        fact: for the manifest: file, hash, and the names that were left out.
        notice: a sentence for the user.
    """

    fact: dict[str, object]
    notice: str


def initialise(assembly: Assembly) -> dict[str, Initial]:
    """Load what the experiment's `init` names into the networks; gives what was loaded, by role.

    Raises:
        ExperimentError: a path leads nowhere, or less than everything fits and `partial` is not set; for each role.
    """
    plan, done, loaded = assembly.plan, {}, {}
    networks = {"generator": assembly.generator, "discriminator": assembly.discriminator}
    for role, path in _sources(plan):
        network = networks[role]
        assert network is not None  # a contradiction otherwise
        loaded[role] = network, _matched(plan, role, path, network.state_dict())
    for role, (network, found) in loaded.items():
        if found is None:
            raise ExperimentError(plan.problems)
        weights, fit = found
        own = network.state_dict()
        fitting = {name: value for name, value in weights.tensors.items() if name in own and name not in fit.misshaped}
        network.load_state_dict(own | fitting)
        done[role] = _told(role, weights, fit, len(fitting), len(own))
    return done


def check_initial(plan: Plan) -> None:
    """Add to the plan's problems what `initialise` would refuse; networks are built on the meta device."""
    if plan.typing.is_faulty(("init",)):
        return
    for role, path in _sources(plan):
        if plan.typing.is_faulty((role,)) or (role,) not in plan.picks:
            continue
        try:
            with torch.device("meta"):
                network = build_pick(
                    plan, plan.picks[(role,)], seed=0, scale=plan.experiment.scale, shared=SharedParts()
                )
        except FAILURES:  # the rehearsal says what is the matter with the network
            continue
        if isinstance(network, nn.Module):
            _matched(plan, role, path, network.state_dict())


def _sources(plan: Plan) -> Iterator[tuple[str, Path]]:
    init = plan.experiment.init
    if init is not None:
        for role, path in (("generator", init.generator), ("discriminator", init.discriminator)):
            if path is not None:
                yield role, path


def _matched(plan: Plan, role: str, path: Path, own: Mapping[str, Tensor]) -> tuple[Weights, Fit] | None:
    """The weights and how they fit; None where they cannot be used, which joins the plan's problems."""
    where = ("init", role)
    try:
        weights = any_weights(path, role)
    except SrkitError as error:
        plan.typing.add(where, str(error), "" if path.exists() else "Train it first, or correct the path.")
        return None
    fit = compared(own, weights.tensors)
    init = plan.experiment.init
    if len(fit.missing) + len(fit.misshaped) == len(own):
        message = f"nothing in {weights.file} fits the {role}: {fit}."
        plan.typing.add(
            where, message, "Is it of another network? A file of another program goes through srkit import first."
        )
        return None
    if not fit.is_whole and init is not None and not init.partial:
        hint = f"To take what fits: init = {{ {role} = ..., partial = true }}."
        plan.typing.add(where, f"{weights.file} does not fit the {role}: {fit}.", hint)
        return None
    try:
        return require_finite(weights), fit
    except UserError as error:
        plan.typing.add(where, str(error))
        return None


def compared(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Fit:
    """Compare names, shapes, and whether whole numbers stand where fractions belong, as in a quantised file."""
    shapes = {
        name: f"{_shape(given[name])} in the file, {_shape(one)} here"
        for name, one in own.items()
        if name in given and given[name].shape != one.shape
    }
    shapes |= {
        name: f"{_dtype(given[name])} in the file, {_dtype(one)} here"
        for name, one in own.items()
        if name in given and one.is_floating_point() and not given[name].is_floating_point()
    }
    return Fit([name for name in own if name not in given], [name for name in given if name not in own], shapes)


def _told(role: str, weights: Weights, fit: Fit, loaded: int, of: int) -> Initial:
    fact: dict[str, object] = {"file": str(weights.file), "sha256": weights.sha256}
    notice = f"the {role} begins with {weights.file}"
    if not fit.is_whole:
        fact |= {"missing": list(fit.missing), "left_over": list(fit.left_over), "misshaped": dict(fit.misshaped)}
        notice = f"warning: {notice}, {loaded} of its {of} weights; {fit}"
    for complaint in weights.complaints:
        notice = f"warning: {complaint}; {notice}"
    return Initial(fact, notice)


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
