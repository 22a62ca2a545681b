"""From a plan to live objects: networks, losses, data, metrics; nothing trained yet, and no component known by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from srkit.assembly.borrowed import lend
from srkit.contracts import Dataset, Metric, Provenance
from srkit.data.lr_images import LrMaker, Step
from srkit.data.picture_files import PictureFiles
from srkit.draws import derived_seed
from srkit.errors import ExperimentError, OptionError, Problem
from srkit.experiment import Experiment, Pick, Plan
from srkit.experiment.tree import Tree, TreePath
from srkit.experiment.typed import dotted


class SharedParts:
    """`contracts.Shared`: what several components of one run use together is built once."""

    def __init__(self) -> None:
        self._parts: dict[Any, Any] = {}

    def __call__(self, key: Any, build: Callable[[], Any]) -> Any:
        if key not in self._parts:
            self._parts[key] = build()
        return self._parts[key]


@dataclass
class Assembly:
    """The live objects of one experiment.

    Attributes:
        plan: what they were built from.
        generator, discriminator: the networks; discriminator None where no GAN is trained.
        losses: pixel and feature losses by name, as modules.
        adversarial: the adversarial loss, or None.
        train, validate: the data sets.
        photos: pictures without an original, upscaled at each validation, or None.
        lr_makers: how LR images are made, one for each stage.
        lr_maker: how they are made for judging: what the file says, whatever a stage sets.
        metrics: what is measured, by name.
        loss_paths: where each loss stands in the file.
        target: what changes the original for some losses, or None.
    """

    plan: Plan
    generator: nn.Module
    discriminator: nn.Module | None
    losses: dict[str, nn.Module]
    adversarial: Any
    train: Dataset
    validate: Dataset | None
    lr_makers: list[LrMaker]
    lr_maker: LrMaker
    metrics: dict[str, Metric]
    loss_paths: dict[str, TreePath] = field(default_factory=dict)
    target: Any = None
    photos: Dataset | None = None

    def provenance(self) -> Iterator[tuple[TreePath, Provenance]]:
        """What components settled by themselves (weights used, outcomes of "auto"), with where they stand."""
        parts: list[tuple[TreePath, Any]] = [(("generator",), self.generator)]
        parts += [(("discriminator",), self.discriminator), (("adversarial_loss",), self.adversarial)]
        parts += [(self.loss_paths[name], module) for name, module in self.losses.items()]
        parts += [(("data", "train"), self.train), (("data", "validate"), self.validate)]
        for path, part in parts:
            provenance = getattr(part, "provenance", None)
            if isinstance(provenance, Provenance):
                yield path, provenance

    def outcomes(self) -> dict[TreePath, Any]:
        """The outcome of every "auto" that a component settled, by path."""
        return {(*path, key): value for path, one in self.provenance() for key, value in one.resolved.items()}

    def warnings(self) -> list[str]:
        """One sentence for each thing that was substituted, each sentence once."""
        return list(dict.fromkeys(one.warning for _, one in self.provenance() if one.warning))

    def facts(self) -> dict[str, dict[str, str]]:
        """What the manifest keeps of the components, by dotted path."""
        tree = self.plan.typing.tree
        return {dotted(path, tree): dict(one.facts) for path, one in self.provenance() if one.facts}


def assemble(plan: Plan) -> Assembly:
    """Build everything on the CPU; initial weights are a function of the seed and the part.

    Raises:
        ExperimentError: a component cannot do what it is asked.
    """
    experiment = plan.experiment
    shared = SharedParts()

    def build(path: TreePath, **given: Any) -> Any:
        return build_pick(plan, plan.picks[path], seed=experiment.seed, shared=shared, **given)

    losses: dict[str, nn.Module] = {}
    loss_paths: dict[str, TreePath] = {}
    for table in ("pixel_loss", "feature_loss"):
        for index, entry in enumerate(getattr(experiment, table)):
            losses[entry.name] = as_module(build((table, index)))
            loss_paths[entry.name] = (table, index)
    metrics = {name: build(("validation", "metrics", n)) for n, name in enumerate(experiment.validation.measured)}
    return Assembly(
        plan,
        generator=build(("generator",), scale=experiment.scale),
        discriminator=build(("discriminator",)) if experiment.discriminator else None,
        losses=losses,
        adversarial=build(("adversarial_loss",)) if experiment.adversarial_loss else None,
        train=build(("data", "train")),
        validate=build(("data", "validate")) if experiment.data.validate else None,
        lr_makers=[make_lr_maker(plan, stage.experiment, stage.degradations, shared) for stage in plan.stages],
        lr_maker=make_lr_maker(plan, experiment, plan.degradations, shared),
        metrics=metrics,
        loss_paths=loss_paths,
        target=build(("target",)) if experiment.target else None,
        photos=_photos(plan),
    )


def _photos(plan: Plan) -> Dataset | None:
    """The pictures of `validation.photos`.

    Raises:
        ExperimentError: the folder is not there, or holds no picture.
    """
    folder = plan.experiment.validation.photos
    if folder is None:
        return None
    photos = PictureFiles(folder)
    if not len(photos):
        what = f"{folder} holds no picture." if folder.is_dir() else f"there is no folder {folder}."
        plan.typing.contradict(("validation", "photos"), what)
        raise ExperimentError(plan.problems)
    return photos


def build_pick(plan: Plan, pick: Pick, *, seed: int, **given: Any) -> Any:
    """Build one component from its own random seed, leaving torch's global stream as it was.

    Raises:
        ExperimentError: naming the key that cannot be met.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "weights", *map(str, pick.path)))
        try:
            built = pick.build(**given)
        except OptionError as error:
            raise ExperimentError([option_problem(plan, pick, error)]) from error
    lend(built, pick.component.kind)
    return built


def option_problem(plan: Plan, pick: Pick, error: OptionError) -> Problem:
    """A factory's refusal as a problem with file, line and key."""
    refusing = error.pick or pick
    component = refusing.component
    tree = _tree_of(plan, pick)
    path, why = (*refusing.path, error.key), error.why
    if error.key in component.kind.given:
        path = ("scale",) if error.key == "scale" else (*refusing.path, "use")
        why = f"the {component.kind.singular} {component.name!r} cannot do this: {error.why}"
    origin = tree.origin(path)
    return Problem(why, dotted(path, tree), origin.file, origin.line)


def _tree_of(plan: Plan, pick: Pick) -> Tree:
    """Where a pick was written: a stage may have degradations of its own."""
    trees = (stage.tree for stage in plan.stages if any(one is pick for one in stage.degradations))
    return next(trees, plan.typing.tree)


def make_lr_maker(plan: Plan, experiment: Experiment, degradations: list[Pick], shared: SharedParts) -> LrMaker:
    """Downscaler and degradations of the experiment or one stage of it, or the pipeline in their place."""
    seed = experiment.seed
    if experiment.lr_pipeline is not None:
        pick = plan.picks[("lr_pipeline",)]
        return LrMaker(pipeline=build_pick(plan, pick, seed=seed, scale=experiment.scale, shared=shared))
    downscaler = build_pick(plan, plan.picks[("downscaler",)], seed=seed, scale=experiment.scale, shared=shared)
    steps: dict[str, list[Step]] = {"before": [], "after": []}
    for entry, pick in zip(experiment.degradation, degradations, strict=True):
        steps[entry.when].append(Step(entry.name, build_pick(plan, pick, seed=seed, shared=shared)))
    return LrMaker(downscaler, tuple(steps["before"]), tuple(steps["after"]))


def as_module(loss: Any) -> nn.Module:
    """A loss that is a plain function, as a module; modules are left alone."""
    return loss if isinstance(loss, nn.Module) else _FunctionLoss(loss)


class _FunctionLoss(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.__signature__ = inspect.signature(function)

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def takes_lr(discriminator: Any) -> bool:
    """Whether a discriminator's call asks for the LR image beside the picture."""
    call = discriminator.forward if isinstance(discriminator, nn.Module) else discriminator
    return "lr" in inspect.signature(call).parameters


def wants_views(loss: Any) -> bool:
    """Whether a loss or metric is called with `(views)` rather than `(sr, hr)`: its one parameter is `views`."""
    target = loss.function if isinstance(loss, _FunctionLoss) else loss
    call = target.forward if isinstance(target, nn.Module) else target
    names = [one.name for one in inspect.signature(call).parameters.values() if one.default is one.empty]
    return names == ["views"]
