"""Out of memory, explained with what to change; each change by itself is one that the experiment's checks accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import torch

from srkit.assembly import rehearse
from srkit.errors import FAILURES, SrkitError, text_of
from srkit.experiment import Plan
from srkit.experiment.plan import flat_settings
from srkit.experiment.typed import Typing


def explain_out_of_memory(error: BaseException, plan: Plan, device: torch.device, processes: int) -> SrkitError:
    """What helps, and the error's own words.

    Args:
        processes: how many train together, each an equal share of every batch.
    """
    ways = [*_more_parts(plan, processes), *_smaller_batches(plan, processes), *_smaller_patches(plan)]
    helps = f"What helps, in a new run: {'; '.join(ways) or 'a smaller network'}"
    return SrkitError(f"out of memory on {device}. {helps} ({own_words(error)})")


def own_words(error: BaseException) -> str:
    """What an error says of itself, as far as a line holds it."""
    return text_of(error)[:200] or type(error).__name__


def _more_parts(plan: Plan, processes: int) -> Iterator[str]:
    """The next larger number of equal parts that every stage's batch can be worked through in."""
    batches = {one.data.batch_size for one in (plan.experiment, *(stage.experiment for stage in plan.stages))}
    for parts in range(plan.experiment.optimizer.accumulation + 1, min(batches) + 1):
        if not any(batch % (parts * processes) for batch in batches):
            yield f"--set optimizer.accumulation={parts} (the same batch in more parts, slower)"
            return


def _smaller_batches(plan: Plan, processes: int) -> Iterator[str]:
    """Half the batch or a little less, that of each stage which sets its own by itself."""
    experiment = plan.experiment
    if experiment.steps is not None and any(stage.epochs is not None for stage in plan.stages):
        return  # epochs would come to more steps than the file says
    places: dict[str, int] = {}
    for number, stage in enumerate(plan.stages):
        own = flat_settings(experiment.stage[number].set, ()) if experiment.stage else ()
        where = f" in stage {number + 1}" if any(key == "data.batch_size" for _, key, _ in own) else ""
        places[where] = stage.experiment.data.batch_size
    unit = experiment.optimizer.accumulation * processes
    least = 2 if experiment.augment.mixup or experiment.augment.cutmix else 1
    for where, batch in places.items():
        smaller = batch // unit // 2 * unit
        if smaller >= least:
            yield f"data.batch_size from {batch} to {smaller}{where}"


def _smaller_patches(plan: Plan) -> Iterator[str]:
    """Three quarters of the patch or a little less, where networks and losses take it."""
    experiment = plan.experiment
    patch, scale = experiment.data.patch_size, experiment.scale
    smaller = patch * 3 // 4 // scale * scale
    if not smaller:
        return
    data = msgspec.structs.replace(experiment.data, patch_size=smaller)
    tried = replace(
        plan, experiment=msgspec.structs.replace(experiment, data=data), typing=Typing(plan.typing.tree.copy())
    )
    try:
        rehearse(tried)
    except FAILURES:  # there may be no memory left to try it; what could not be tried is not advised
        return
    if not tried.problems:
        yield f"data.patch_size from {patch} to {smaller}"
