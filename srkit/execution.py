"""One experiment from its plan to its table: what `srkit run` does, without printing a word."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srkit.assembly import Assembly, assemble, rehearse
from srkit.data.audit import find_broken_samples, fingerprint
from srkit.data.cache import Cached, Subset
from srkit.data.loader import Batch, load
from srkit.errors import ExperimentError, SrkitError, UserError
from srkit.evaluation.judging import Judge, count_parameters, make_judge
from srkit.evaluation.rows import Model, Row
from srkit.evaluation.scores_file import write_scores
from srkit.evaluation.strips import StripWriter
from srkit.experiment import Plan
from srkit.experiment.resolved import resolve
from srkit.hooks import HookCaller
from srkit.registry import KINDS, Registry
from srkit.training import checkpoint, setup
from srkit.training.device import choose_device, describe, prepare
from srkit.training.folder import folder_to_resume, new_folder, require_same, write_experiment, write_manifest
from srkit.training.observers.metrics_file import MetricsFile
from srkit.training.observers.pictures import SamplePictures
from srkit.training.observers.retention import Retention
from srkit.training.observers.tensorboard import TensorBoard
from srkit.training.precision import best_precision
from srkit.training.run import INTERRUPTED, Pictures, Run, train

BASELINE = "bicubic"
Notice = Callable[[str], None]


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        run: the run, at its last step.
        rows: the final table, the baseline first; empty where the run was interrupted or nothing judges it.
        strips: the pictures original | bicubic | srkit, one a photo.
    """

    run: Run
    rows: list[Row] = field(default_factory=list)
    strips: list[Path] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        return self.run.stop_reason == INTERRUPTED


@dataclass
class Prepared:
    """Everything that stands before the first step."""

    assembly: Assembly
    device: torch.device
    data: Cached
    outcomes: dict[tuple[str | int, ...], Any]
    facts: dict[str, Any]
    workers: int


def execute(
    plan: Plan,
    registry: Registry,
    *,
    out: Path | None = None,
    resume: bool = False,
    device: str | None = None,
    observers: Mapping[str, Any] | None = None,
    notice: Notice = lambda _: None,
) -> Outcome:
    """Train an experiment, or go on with it, and judge the result.

    Args:
        out: the run folder; by default `runs/NAME`.
        observers: further implementations of hooks, by name.
        notice: is handed every sentence the user should read.

    Raises:
        SrkitError: with the one message there is to show.
    """
    folder = folder_to_resume(plan, out) if resume else new_folder(plan, out)
    ready = make_ready(plan, device, folder / "data.json", notice)
    resolved = resolve(plan, ready.outcomes)
    found = None
    if resume:
        require_same(folder, plan, resolved)
        found = checkpoint.newest_whole(folder / "checkpoints")
    write_experiment(folder, plan, resolved)
    write_manifest(folder, ready.facts)
    judge = make_judge(ready.assembly, ready.device)
    run = make_run(ready, folder, judge, _observers(ready.assembly, registry, observers or {}))
    run.warnings = ready.assembly.warnings()
    for warning in run.warnings:
        notice(f"warning: {warning}")
    if found is not None:
        path, saved, complaints = found
        for complaint in complaints:
            notice(f"warning: {complaint}; using {path.name} instead")
        run.restore(saved)
        notice(f"resuming {folder} after step {run.step} of {run.total_steps}")
    with _interruptible(run):
        _train(run)
    outcome = Outcome(run)
    if not run.stop_reason and judge is not None:
        _judge(outcome, judge, registry)
    return outcome


def make_ready(plan: Plan, device_name: str | None, memory: Path | None, notice: Notice) -> Prepared:
    """Build everything, look at the data, move to the device.

    Raises:
        UserError: pictures that cannot be used, a device that is not there, a component that cannot do what is asked.
    """
    device = choose_device(device_name)
    experiment = plan.experiment
    prepare(device, deterministic=experiment.deterministic)
    assembly = _assembled(plan)
    skipped = _without_broken(assembly, memory)
    data = setup.cached(assembly.train, experiment)
    assembly.train = data
    setup.warm(data)
    workers = setup.choose_workers(experiment, data)
    setup.move(assembly, device)
    precision, why = best_precision(device)
    if experiment.precision == "auto":
        notice(f"precision {precision}: {why}")
    timeline = setup.build_timeline(assembly, len(data), device)
    outcomes = assembly.outcomes()
    outcomes[("data", "workers")] = workers
    outcomes[("steps",)] = timeline.total
    if experiment.precision == "auto":
        outcomes[("precision",)] = precision
    for number, stage in enumerate(plan.stages):
        if stage.epochs is not None:
            span = timeline.spans[number]
            outcomes[("stage", number, "steps")] = span.last - span.first + 1
            outcomes[("stage", number, "epochs")] = None
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
    return Prepared(assembly, device, data, outcomes, facts, workers)


def _assembled(plan: Plan) -> Assembly:
    """Build; where that fails, a rehearsal finds everything else that is wrong, so that all is said at once."""
    try:
        return assemble(plan)
    except ExperimentError as error:
        rehearse(plan)
        known = {str(problem) for problem in plan.problems}
        plan.problems.extend(one for one in error.problems if str(one) not in known)
        raise ExperimentError(plan.problems) from error


def _without_broken(assembly: Assembly, memory: Path | None) -> list[str]:
    """Refuse broken or too small pictures, or leave them out where the file says so; gives those left out."""
    experiment = assembly.plan.experiment
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
        assembly.train = Subset(assembly.train, [one for one in range(len(data)) if one not in broken])
        if not len(assembly.train):
            raise UserError("no training picture is left: all of them are broken or too small")
    if broken_validate and assembly.validate is not None:
        kept = [one for one in range(len(assembly.validate)) if one not in broken_validate]
        assembly.validate = Subset(assembly.validate, kept)
    return [str(one) for one in found]


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
    timeline = setup.build_timeline(assembly, len(ready.data), ready.device)
    order = setup.build_order(assembly, len(ready.data))
    stepper = setup.build_stepper(assembly, ready.device, timeline.total, attempt=0)
    cut = setup.patch_preparation(assembly)
    name = folder.resolve().name

    def batches(first: int) -> Generator[Batch, None, None]:
        requests = timeline.all_requests(first, order)
        return load(
            ready.data, requests, prepare=cut, seed=experiment.seed, attempt=stepper.attempt, workers=ready.workers
        )

    return Run(
        name=name,
        folder=folder,
        assembly=assembly,
        stepper=stepper,
        timeline=timeline,
        order=order,
        batches=batches,
        validate=(lambda network, _: judge.validate(network, name)) if judge is not None else None,
        hooks=HookCaller(observers),
        device=ready.device,
    )


def _observers(assembly: Assembly, registry: Registry, observers: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own observers and the installed plugins, in the order they are registered; the last is called first."""
    experiment = assembly.plan.experiment
    best = experiment.checkpoint.best
    higher = assembly.metrics[best].higher_is_better if best is not None else True
    plugins: dict[str, Any] = {"retention": Retention(experiment.checkpoint.keep, best, higher)}
    plugins["pictures"] = SamplePictures()
    if experiment.log.tensorboard:
        plugins["tensorboard"] = TensorBoard()
    plugins["metrics-file"] = MetricsFile()
    plugins |= observers
    kind = KINDS["plugins"]
    for entry in registry.entries(kind):
        plugins[entry.qualified] = registry.find(kind, entry.qualified, Path.cwd()).factory
    return plugins


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Ctrl-C and a termination end the run after its step; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> None:
        if run.stop_reason:
            raise KeyboardInterrupt
        run.request_stop(INTERRUPTED)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train(run: Run) -> None:
    """Train; what torch complains about is put into the experiment's words where a rehearsal finds the reason."""
    try:
        train(run)
    except SrkitError:
        raise
    except (RuntimeError, ValueError, TypeError) as error:
        plan = run.assembly.plan
        rehearse(plan)
        if plan.problems:
            raise ExperimentError(plan.problems) from error
        raise


def _judge(outcome: Outcome, judge: Judge, registry: Registry) -> None:
    """The final table against the baseline, `scores.json` and a strip for each photo."""
    run = outcome.run
    strips = StripWriter(run.folder / "strips", BASELINE, run.name)
    models = [
        Model(BASELINE, baseline(run.assembly.plan.experiment.scale, registry).to(run.device)),
        Model(run.name, run.model, parameters=count_parameters(run.model), warnings=run.warnings),
    ]
    outcome.rows = judge.score(models, strips)
    outcome.strips = strips.written
    write_scores(run.folder / "scores.json", outcome.rows)


def baseline(scale: int, registry: Registry) -> nn.Module:
    """What every run is compared with: the bicubic generator."""
    module: nn.Module = registry.find(KINDS["generators"], f"srkit:{BASELINE}", Path.cwd()).factory(scale=scale)
    return module


__all__ = ["Outcome", "Pictures", "execute", "make_ready", "make_run"]
