"""From an assembly to a run that can begin: data behind a cache, networks on the device, optimizers, timeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from srkit.assembly import Assembly, SharedParts, build_pick
from srkit.assembly.fitting import (
    find_unlearned,
    find_unmatched,
    find_unmatched_losses,
    find_unobserved,
    find_unshifted,
)
from srkit.assembly.groups import parameter_groups
from srkit.assembly.optimizers import find_scaled, require_groups, wants_closure
from srkit.contracts import Dataset, Draws, Schedule
from srkit.data.cache import Cached
from srkit.data.order import SampleOrder
from srkit.data.patches import PatchTaker
from srkit.errors import ExperimentError, UserError
from srkit.experiment import Experiment
from srkit.experiment.schema import OtherOptimizer
from srkit.experiment.tree import TreePath
from srkit.layout import training_layout
from srkit.training.distributed import ALONE, Processes
from srkit.training.ema import Ema
from srkit.training.precision import best_precision
from srkit.training.step import Stepper
from srkit.training.timeline import Timeline
from srkit.training.updater import Updater

GIGABYTE = 10**9


@dataclass(frozen=True)
class Prepare:
    """What the loader does with a decoded picture: cut a patch, shrink it where the downscaler works on pictures."""

    take: PatchTaker
    downscaler: Any = None

    def __call__(
        self, image: np.ndarray | tuple[np.ndarray, np.ndarray], draws: Draws
    ) -> tuple[np.ndarray, np.ndarray | None]:
        hr, lr = self.take(image, draws)
        if lr is None and self.downscaler is not None:
            lr = np.ascontiguousarray(self.downscaler(hr.copy()))  # which it may write into
        return hr, lr


def patch_preparation(assembly: Assembly) -> Prepare:
    """How training patches are made of this experiment's pictures."""
    experiment = assembly.plan.experiment
    augment = experiment.augment
    take = PatchTaker(
        experiment.data.patch_size,
        experiment.scale,
        flip=augment.flip,
        rotate=augment.rotate,
        channel_shuffle=augment.channel_shuffle,
    )
    makers = assembly.lr_makers
    in_workers = all(maker.shrinks_decoded_images for maker in makers)
    return Prepare(take, makers[0].downscaler if in_workers else None)


def cached(dataset: Dataset, experiment: Experiment) -> Cached:
    """The data set behind the memory cache the file asks for."""
    return Cached(dataset, int(experiment.data.cache * GIGABYTE))


SAMPLES_LOOKED_AT = 8


def warm(data: Cached, progress: Callable[[int, int], None]) -> None:
    """Decode everything into the cache if, judging by the first pictures, all of it fits.

    Args:
        progress: called with (pictures decoded, pictures in all).
    """
    if data.is_complete:
        return
    sizes = []
    for index in range(min(SAMPLES_LOOKED_AT, len(data))):
        sample = data[index]
        sizes.append(sum(one.nbytes for one in (sample if isinstance(sample, tuple) else (sample,))))
    if sum(sizes) / len(sizes) * len(data) <= data.limit_bytes * 0.9:
        for index in range(len(data)):
            data[index]
            progress(index + 1, len(data))


def choose_workers(experiment: Experiment, data: Cached) -> int:
    """The number of loader processes: what the file says; "auto" is none where all pictures are in the cache.

    A warm cache gives a batch in under a millisecond, and a worker would take a core away from the step.
    """
    if experiment.data.workers != "auto":
        return experiment.data.workers
    return 0 if data.is_complete else max(1, min(8, (os.cpu_count() or 1) - 1))


def move(assembly: Assembly, device: torch.device) -> None:
    """Networks and losses to the device; the weights in the layout that it trains fastest in."""
    for module in [assembly.generator, assembly.discriminator, assembly.adversarial, *assembly.losses.values()]:
        if isinstance(module, nn.Module):  # a game need be none
            module.to(device, memory_format=training_layout(device))  # type: ignore[call-overload]
    for metric in assembly.metrics.values():
        if isinstance(metric, nn.Module):
            metric.to(device)
    if isinstance(assembly.target, nn.Module):
        assembly.target.to(device)
    for maker in assembly.lr_makers:
        for part in [maker.downscaler, maker.pipeline, *(step.degrade for step in (*maker.before, *maker.after))]:
            if isinstance(part, nn.Module):
                part.to(device)


def build_timeline(assembly: Assembly, samples: int, device: torch.device) -> Timeline:
    """The stages in steps."""
    epoch = samples * assembly.plan.experiment.data.repeat
    return Timeline(assembly.plan.stages, epoch, best_precision(device)[0])


def require_fitting(assembly: Assembly, steps: int) -> None:
    """Refuse parameter groups that match nothing, a schedule that is never told of the metric it goes by, and a shift
    that a discriminator cannot follow.

    Raises:
        ExperimentError: with file, line and key of each.
    """
    plan = assembly.plan
    networks = {"generator": assembly.generator, "discriminator": assembly.discriminator}
    if assembly.discriminator is not None:
        find_unshifted(plan, assembly.discriminator)
    find_unlearned(plan)
    find_unmatched(plan, {role: one for role, one in networks.items() if one is not None})
    find_unmatched_losses(plan, _named_losses(assembly))
    find_unobserved(plan, _schedule(assembly, steps))
    if plan.problems:
        raise ExperimentError(plan.problems)


def build_order(assembly: Assembly, samples: int) -> SampleOrder:
    return SampleOrder(samples, assembly.plan.experiment.seed)


def build_stepper(
    assembly: Assembly, device: torch.device, steps: int, attempt: int, processes: Processes = ALONE
) -> Stepper:
    """Optimizers, schedule and average around the networks."""
    experiment = assembly.plan.experiment
    optimizer = experiment.optimizer
    groups = parameter_groups(assembly.generator, optimizer.group)
    if not groups:
        raise UserError("the generator has no parameters that train")
    own_losses = _loss_groups(assembly)
    if optimizer.losses is None:
        groups += own_losses
    generator_updater = _updater(assembly, ("optimizer",), optimizer, groups, device, steps)
    extra = None
    if optimizer.losses is not None and own_losses:
        extra = _updater(assembly, ("optimizer", "losses"), optimizer.losses, own_losses, device, steps)
        extra.scaler, extra.owns_scaler = generator_updater.scaler, False
    discriminator_updater = None
    if assembly.discriminator is not None:
        table: OtherOptimizer = optimizer.discriminator or optimizer
        path: TreePath = ("optimizer", "discriminator") if optimizer.discriminator else ("optimizer",)
        own = parameter_groups(assembly.discriminator, optimizer.discriminator.group if optimizer.discriminator else [])
        discriminator_updater = _updater(assembly, path, table, own, device, steps)
    ema = Ema(assembly.generator, experiment.ema.decay) if experiment.ema is not None else None
    return Stepper(assembly, device, generator_updater, discriminator_updater, ema, extra, attempt, processes)


def _loss_groups(assembly: Assembly) -> list[dict[str, Any]]:
    """What losses hold that trains; a part that two of them share is there once."""
    table = assembly.plan.experiment.optimizer.losses
    return parameter_groups(_Together(_named_losses(assembly)), table.group if table is not None else [])


def _named_losses(assembly: Assembly) -> dict[str, nn.Module]:
    losses = dict(assembly.losses)
    if isinstance(assembly.adversarial, nn.Module):
        losses[assembly.plan.experiment.adversarial_loss.name] = assembly.adversarial  # type: ignore[union-attr]
    return losses


def _schedule(assembly: Assembly, steps: int) -> Schedule:
    """A schedule of its own for each optimizer: it may have a state."""
    plan = assembly.plan
    pick, seed = plan.picks[("schedule",)], plan.experiment.seed
    schedule: Schedule = build_pick(plan, pick, seed=seed, steps=steps, shared=SharedParts())
    return schedule


class _Together(nn.Module):
    """Several modules as one, whose parameters are called `<module's name>.<parameter's name>`, dots allowed."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._modules.update(modules)


def _updater(
    assembly: Assembly,
    path: TreePath,
    table: OtherOptimizer,
    groups: list[dict[str, Any]],
    device: torch.device,
    steps: int,
) -> Updater:
    plan, seed = assembly.plan, assembly.plan.experiment.seed
    weights = [weight for group in groups for weight in group["params"]]
    for group in groups:
        group["lr"] = 0.0  # the trainer sets it before every update

    def build(groups: list[dict[str, Any]]) -> Any:
        return build_pick(plan, plan.picks[path], seed=seed, parameters=groups, shared=SharedParts())

    optimizer = build(groups)
    require_groups(optimizer, weights, f"the optimizer {table.use!r}")
    closure = wants_closure(optimizer, build)
    if closure:
        find_scaled(plan, table.use)
        if plan.problems:
            raise ExperimentError(plan.problems)
    schedule, used = _schedule(assembly, steps), plan.experiment.schedule
    scaling = plan.experiment.loss_scaling
    name = used.use if used is not None else ""
    return Updater(optimizer, schedule, table.clip_norm, device, scaling, name, closure)
