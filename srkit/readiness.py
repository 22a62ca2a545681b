"""Everything that has to stand before the first step: parts assembled, pictures looked at, the device chosen."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from srkit.assembly import Assembly, assemble, rehearse
from srkit.data.audit import find_broken_samples, fingerprint
from srkit.data.cache import Cached, Subset
from srkit.data.loader import Batch, load
from srkit.errors import ExperimentError, SrkitError, UserError
from srkit.evaluation.judging import Judge
from srkit.experiment import Plan
from srkit.experiment.tree import TreePath
from srkit.hooks import HookCaller
from srkit.training import setup
from srkit.training.device import choose_device, describe, prepare
from srkit.training.failure import told
from srkit.training.precision import best_precision
from srkit.training.run import Run
from srkit.training.timeline import Timeline

Notice = Callable[[str], None]
Outcomes = dict[TreePath, Any]
"""What a value of the file came to be ("auto", epochs), by its path; None where the resolved file leaves it out."""


@dataclass
class Prepared:
    """Everything that stands before the first step."""

    assembly: Assembly
    device: torch.device
    data: Cached
    timeline: Timeline
    outcomes: Outcomes
    facts: dict[str, Any]
    workers: int


def make_ready(plan: Plan, device_name: str | None, memory: Path | None, notice: Notice) -> Prepared:
    """Build everything, look at the data, move to the device.

    Raises:
        UserError: pictures that cannot be used, a device that is not there, a component that cannot do what is asked.
    """
    device = choose_device(device_name)
    experiment = plan.experiment
    prepare(device, deterministic=experiment.deterministic)
    assembly = _assembled(plan)
    with told(assembly, device, "while the pictures were looked at"):
        data, skipped = _without_broken(assembly, memory)
        assembly.train = data
        setup.warm(data)
    workers = setup.choose_workers(experiment, data)
    setup.move(assembly, device)
    timeline = setup.build_timeline(assembly, len(data), device)
    _require_equal_lengths(plan, timeline)
    outcomes = assembly.outcomes() | _lengths(plan, timeline) | _precisions(plan, device, notice)
    outcomes[("data", "workers")] = workers
    facts: dict[str, Any] = {
        "seed": experiment.seed,
        "device": describe(device),
        "data": {"train": _fingerprint(plan, "train", data), "samples": len(data), "skipped": skipped},
        "components": _components(plan),
        "facts": assembly.facts(),
        "warnings": assembly.warnings(),
    }
    if assembly.validate is not None:
        facts["data"]["validate"] = _fingerprint(plan, "validate", assembly.validate)
    return Prepared(assembly, device, data, timeline, outcomes, facts, workers)


def _require_equal_lengths(plan: Plan, timeline: Timeline) -> None:
    """`steps` beside stages in epochs: only now, that the data is counted, can the two be compared."""
    steps = plan.experiment.steps
    if steps is not None and plan.experiment.stage and steps != timeline.total:
        lengths = ", ".join(str(span.last - span.first + 1) for span in timeline.spans)
        message = f"steps = {steps}, and the stages come to {timeline.total} with this data ({lengths})."
        plan.typing.contradict(("steps",), message, "Leave steps out, or write their sum.")
        raise ExperimentError(plan.problems)


def _lengths(plan: Plan, timeline: Timeline) -> Outcomes:
    """The run's length, and that of stages in epochs, in steps."""
    outcomes: Outcomes = {("steps",): timeline.total}
    for number, stage in enumerate(plan.stages):
        if stage.epochs is not None:
            span = timeline.spans[number]
            outcomes[("stage", number, "steps")] = span.last - span.first + 1
            outcomes[("stage", number, "epochs")] = None
    return outcomes


def _precisions(plan: Plan, device: torch.device, notice: Notice) -> Outcomes:
    """What `precision = "auto"` means here, at the top and where a stage sets it."""
    auto: list[TreePath] = [("precision",)] if plan.experiment.precision == "auto" else []
    for number, stage in enumerate(plan.experiment.stage):
        if stage.set.get("precision") == "auto":
            auto.append(("stage", number, "set", "precision"))
    precision, why = best_precision(device)
    if auto:
        notice(f"precision {precision}: {why}")
    return dict.fromkeys(auto, precision)


def _assembled(plan: Plan) -> Assembly:
    """Build; where that fails, a rehearsal finds everything else that is wrong, so that all is said at once."""
    try:
        return assemble(plan)
    except SrkitError as error:
        if not isinstance(error, ExperimentError):
            raise
        rehearse(plan)
        known = {str(problem) for problem in plan.problems}
        plan.problems.extend(one for one in error.problems if str(one) not in known)
        raise ExperimentError(plan.problems) from error
    except Exception as error:
        # a factory raised something of its own; the rehearsal builds each part by itself and says which
        rehearse(plan)
        if plan.problems:
            raise ExperimentError(plan.problems) from error
        raise


def _without_broken(assembly: Assembly, memory: Path | None) -> tuple[Cached, list[str]]:
    """Refuse broken or too small pictures, or leave them out where the file says so.

    Gives the training set behind its cache, warm with what was decoded here, and the pictures left out.
    """
    experiment = assembly.plan.experiment
    for role, dataset in (("train", assembly.train), ("validate", assembly.validate)):
        if dataset is not None and not len(dataset):
            raise UserError(f"data.{role}: the data set holds no picture")
    data = setup.cached(assembly.train, experiment)
    broken = find_broken_samples(data, minimum=experiment.data.patch_size, memory=memory)
    broken_validate = {}
    if assembly.validate is not None:
        broken_validate = find_broken_samples(assembly.validate, minimum=experiment.scale, memory=memory)
    found = [*broken.values(), *broken_validate.values()]
    if found and not experiment.data.skip_broken:
        shown = "\n".join(f"  {one}" for one in found[:20])
        more = f"\n  and {len(found) - 20} more" if len(found) > 20 else ""
        raise UserError(
            f"{len(found)} pictures cannot be used:\n{shown}{more}\n"
            "Remove them, or leave them out with skip_broken = true in [data]"
        )
    if broken:
        kept = [one for one in range(len(data)) if one not in broken]
        if not kept:
            raise UserError("no training picture is left: all of them are broken or too small")
        data = setup.cached(Subset(assembly.train, kept), experiment)
    if broken_validate and assembly.validate is not None:
        if len(broken_validate) == len(assembly.validate):
            raise UserError("no validation picture is left: all of them are broken or too small")
        usable = [one for one in range(len(assembly.validate)) if one not in broken_validate]
        assembly.validate = Subset(assembly.validate, usable)
    return data, [str(one) for one in found]


def _fingerprint(plan: Plan, role: str, dataset: Any) -> str:
    return fingerprint(dataset, plan.picks[("data", role)].all_options())


def _components(plan: Plan) -> dict[str, str]:
    """Which distribution, in which version, each component came from."""
    picks = [one for pick in plan.picks.values() for one in pick.walk()]
    return {one.component.use: f"{one.component.distribution} {one.component.version}" for one in picks}


def make_run(ready: Prepared, folder: Path, judge: Judge | None, observers: Mapping[str, Any]) -> Run:
    """The run with its optimizers, its stream of batches and everything that watches it."""
    assembly = ready.assembly
    experiment = assembly.plan.experiment
    order = setup.build_order(assembly, len(ready.data))
    stepper = setup.build_stepper(assembly, ready.device, ready.timeline.total, attempt=0)
    cut = setup.patch_preparation(assembly)
    name = folder.resolve().name

    def batches(first: int) -> Generator[Batch, None, None]:
        requests = ready.timeline.all_requests(first, order)
        return load(
            ready.data, requests, prepare=cut, seed=experiment.seed, attempt=stepper.attempt, workers=ready.workers
        )

    return Run(
        name=name,
        folder=folder,
        assembly=assembly,
        stepper=stepper,
        timeline=ready.timeline,
        order=order,
        batches=batches,
        validate=(lambda network, _: judge.validate(network, name)) if judge is not None else None,
        hooks=HookCaller(observers),
        device=ready.device,
    )
