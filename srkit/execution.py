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
from srkit.evaluation.strips import SampleStrip, StripWriter
from srkit.experiment import Plan
from srkit.experiment.resolved import resolve
from srkit.hooks import HookCaller
from srkit.registry import KINDS, Registry
from srkit.training import checkpoint, setup
from srkit.training.device import choose_device, describe, prepare
from srkit.training.failure import ComponentFailed, told
from srkit.training.folder import (
    DATA_MEMORY,
    folder_to_resume,
    new_folder,
    require_same,
    write_experiment,
    write_manifest,
)
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
    if folder.resolve().name == BASELINE:
        raise UserError(f"{folder}: {BASELINE!r} is the baseline's name in the table; give the run another --out")
    ready = make_ready(plan, device, folder / DATA_MEMORY, notice)
    resolved = resolve(plan, ready.outcomes)
    found = None
    if resume:
        require_same(folder, plan, resolved, ready.facts["data"])
        found = checkpoint.newest_whole(folder / "checkpoints")
    plugins = _plugins(registry, notice)
    ready.facts["plugins"] = {name: version for name, (_, version) in plugins.items()}
    upscale = baseline(plan.experiment.scale, registry).to(ready.device)
    with told(ready.assembly, ready.device, "while the validation photos were made ready"):
        judge = make_judge(ready.assembly, ready.device)
    watching = {name: plugin for name, (plugin, _) in plugins.items()}
    watching |= {**(observers or {}), **_own_observers(ready.assembly, upscale)}
    run = make_run(ready, folder, judge, watching)
    changes = write_manifest(folder, ready.facts)
    write_experiment(folder, plan, resolved)
    run.warnings = ready.assembly.warnings()
    for warning in [*run.warnings, *changes]:
        notice(f"warning: {warning}")
    if found is not None:
        _restore(run, *found, notice)
    with _interruptible(run):
        _train(run)
    outcome = Outcome(run)
    if judge is None:
        notice("there is no data.validate and no validation.photos: nothing judges this run, and there is no table")
    elif not outcome.interrupted:
        _judge(outcome, judge, upscale)
    return outcome


def _restore(run: Run, path: Path, saved: checkpoint.Saved, complaints: list[str], notice: Notice) -> None:
    for complaint in complaints:
        notice(f"warning: {complaint}; using {path.name} instead")
    run.restore(saved)
    notice(f"resuming {run.folder} after step {run.step} of {run.total_steps}")


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


def _plugins(registry: Registry, notice: Notice) -> dict[str, tuple[Any, str]]:
    """The installed plugins with their distribution and version; one that cannot be loaded is left out, and named."""
    kind = KINDS["plugins"]
    plugins: dict[str, tuple[Any, str]] = {}
    for entry in registry.entries(kind):
        try:
            found = registry.find(kind, entry.qualified, Path.cwd())
        except UserError as error:
            notice(f"warning: a plugin is left out: {error}")
            continue
        plugins[entry.qualified] = found.factory, f"{found.distribution} {found.version}"
    return plugins


def _own_observers(assembly: Assembly, upscale: nn.Module) -> dict[str, Any]:
    """The run's own observers. The last registered is called first: numbers are on disk before anything can fail."""
    experiment = assembly.plan.experiment
    best = experiment.checkpoint.best
    higher = assembly.metrics[best].higher_is_better if best is not None else True
    own: dict[str, Any] = {"retention": Retention(experiment.checkpoint.keep, best, higher)}
    own["pictures"] = SamplePictures(SampleStrip(BASELINE, upscale))
    if experiment.log.tensorboard:
        own["tensorboard"] = TensorBoard()
    own["metrics-file"] = MetricsFile()
    return own


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
    """Train; where a component failed because tables contradict each other, a rehearsal says so by file and line."""
    try:
        train(run)
    except ComponentFailed as error:
        plan = run.assembly.plan
        rehearse(plan)
        if plan.problems:
            raise ExperimentError(plan.problems) from error
        raise


def _judge(outcome: Outcome, judge: Judge, upscale: nn.Module) -> None:
    """The final table against the baseline, `scores.json` and a strip for each photo."""
    run = outcome.run
    strips = StripWriter(run.folder / "strips", BASELINE, run.name)
    models = [
        Model(BASELINE, upscale),
        Model(run.name, run.model, parameters=count_parameters(run.model), warnings=run.warnings),
    ]
    try:
        with told(run.assembly, run.device, "while the photos were judged"):
            outcome.rows = judge.score(models, strips)
    except KeyboardInterrupt:
        run.stop_reason = INTERRUPTED  # training is done and saved; --resume goes on here
        return
    outcome.strips = strips.written
    write_scores(run.folder / "scores.json", outcome.rows)


def baseline(scale: int, registry: Registry) -> nn.Module:
    """What every run is compared with: the bicubic generator."""
    module: nn.Module = registry.find(KINDS["generators"], f"srkit:{BASELINE}", Path.cwd()).factory(scale=scale)
    return module


__all__ = ["Outcome", "Pictures", "execute", "make_ready", "make_run"]
