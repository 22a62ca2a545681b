"""One experiment from its plan to its table: what `srkit run` does, without printing a word."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from srkit.assembly import Assembly
from srkit.data.contents import completed, record_contents
from srkit.data.patience import patiently
from srkit.errors import BadImage, SrkitError, UserError
from srkit.evaluation.judging import Judge, count_parameters, make_judge
from srkit.evaluation.rows import Model, Photo, Row
from srkit.evaluation.scores_file import BASELINE, write_scores
from srkit.evaluation.strips import SampleStrip, StripWriter
from srkit.experiment import Plan
from srkit.experiment.fingerprint import fingerprint_of
from srkit.experiment.resolved import resolve
from srkit.experiment.written import read_written
from srkit.hooks import HookCaller
from srkit.links import folder_inside
from srkit.locks import held
from srkit.machine.signals import PATIENCE, asked_to_end
from srkit.places import shown
from srkit.readiness import Notice, Prepared, blame_tables, make_ready, make_run
from srkit.registry import KINDS, Registry
from srkit.registry.discovery import not_installed
from srkit.training import checkpoint
from srkit.training.binding import as_saved, require_own
from srkit.training.distributed import ALONE, Processes
from srkit.training.failure import LIGHTER_PHOTOS, ComponentFailed, told
from srkit.training.folder import (
    DATA_MEMORY,
    EXPERIMENT,
    LOCK,
    folder_to_resume,
    new_folder,
    record,
    require_same,
    write_experiment,
    write_manifest,
)
from srkit.training.loop import train
from srkit.training.memory import bounded
from srkit.training.observers.balance import Balance
from srkit.training.observers.metrics_file import MetricsFile
from srkit.training.observers.pictures import SamplePictures
from srkit.training.observers.retention import Retention
from srkit.training.observers.rollbacks import Rollbacks
from srkit.training.observers.tensorboard import TensorBoard
from srkit.training.observers.waiting import Waiting
from srkit.training.results import RESULTS, write_results
from srkit.training.run import INTERRUPTED, Run

TO_LET_GO = 10.0
"""Seconds that loader processes of a run that was killed may take until they are gone too."""

SHOWN = 5
"""Names in a warning before the rest is counted."""

TO_END = PATIENCE
"""Seconds after Ctrl-C in which a step, a validation or a plugin should have come to its end."""
_STILL_AT_IT = "ending after what is going on (a step, a validation, a plugin); Ctrl-C once more ends it at once"


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


def execute(
    plan: Plan,
    registry: Registry,
    *,
    out: Path | None = None,
    resume: bool = False,
    device: str | None = None,
    observers: Mapping[str, Any] | None = None,
    notice: Notice = lambda _: None,
    processes: Processes = ALONE,
) -> Outcome:
    """Train an experiment, or go on with it, and judge the result.

    Args:
        out: the run folder; by default `runs/NAME`.
        observers: further implementations of hooks, by name.
        notice: is handed every sentence the user should read.
        processes: those that train together, each in a call of its own; the first one reports and judges.

    Raises:
        SrkitError: with the one message there is to show.
    """
    if not processes.is_first:
        notice = lambda _: None  # noqa: E731  (what the first process says is enough)
    folder, begins = processes.from_first(lambda: _folder(plan, out, resume=resume))
    folder = folder.absolute()  # before any component of the run is built: one may change the current folder
    with _alone_in(folder) if processes.is_first else nullcontext():
        return _execute(plan, registry, folder, begins, resume, device, observers or {}, notice, processes)


def _execute(
    plan: Plan,
    registry: Registry,
    folder: Path,
    begins: bool,
    resume: bool,
    device: str | None,
    observers: Mapping[str, Any],
    notice: Notice,
    processes: Processes,
) -> Outcome:
    """The run in its folder, which no other process has."""
    ready = make_ready(plan, device, folder / DATA_MEMORY, notice, begins=begins, processes=processes)
    resolved = resolve(plan, ready.outcomes)
    found = processes.from_first(lambda: _to_go_on_from(folder, plan, resolved, ready, registry)) if resume else None
    plugins, left_out = _plugins(registry)
    ready.facts["plugins"] = {name: version for name, (_, version) in plugins.items()}
    ready.facts["warnings"] += left_out
    upscale = baseline(plan.experiment.scale, registry).to(ready.device)
    with told(ready.assembly, ready.device, "while the validation photos were made ready", processes, LIGHTER_PHOTOS):
        judge = make_judge(ready.assembly, ready.device)
    watching = {name: plugin for name, (plugin, _) in plugins.items()}
    watching |= {**observers, **_own_observers(ready.assembly, folder, upscale), "rollbacks": Rollbacks(notice)}
    run = make_run(ready, folder, judge, watching)
    run.warnings = list(ready.facts["warnings"])
    run.on_warning = partial(_warn, run, ready.facts["warnings"], notice)
    changes = []
    if processes.is_first:
        changes = write_manifest(folder, ready.facts)
        write_experiment(folder, plan, resolved)
        registry.trust.record_code(folder)
        run.experiment_saved = as_saved(fingerprint_of(read_written(folder / EXPERIMENT), registry, folder))
    for warning in [*run.warnings, *changes, *(judge.notes if judge is not None else ())]:
        notice(f"warning: {warning}")
    if found is not None:
        _restore(run, *found, notice)
    if processes.is_first and run.step < run.total_steps:
        with suppress(OSError):
            (folder / RESULTS).unlink()  # of the run before it was made longer
    with _interruptible(run, notice), bounded(ready.device):
        if judge is not None and begins:
            # what is too large shows before the training, and not after it
            with told(ready.assembly, ready.device, "while the largest photo was tried", processes, LIGHTER_PHOTOS):
                judge.try_largest(run.model, run.name)
        _train(run)
    outcome = Outcome(run)
    if judge is None:
        notice("there is no data.validate and no validation.photos: nothing judges this run, and there is no table")
    elif processes.is_first and not outcome.interrupted:
        _judge(outcome, judge, upscale, notice)
    if processes.is_first and not outcome.interrupted:
        _write_results(run, ready, registry, judged=judge is not None, notice=notice)
    return outcome


def _write_results(run: Run, ready: Prepared, registry: Registry, *, judged: bool, notice: Notice) -> None:
    """`results.json`, and in `data.json` the files that the run saw."""
    experiment = fingerprint_of(read_written(run.folder / EXPERIMENT), registry, run.folder).sha256
    contents, changed = completed(ready.contents, patiently("taking the data files' SHA-256", notice))
    if changed:
        notice(
            f"warning: changed while the run went on: {', '.join(changed[:SHOWN])}"
            f"{f' and {len(changed) - SHOWN} more' if len(changed) > SHOWN else ''}; results.json says so"
        )
    try:
        record_contents(run.folder / DATA_MEMORY, contents)
        write_results(
            run.folder,
            step=run.step,
            experiment=experiment,
            data=contents,
            baseline=BASELINE,
            judged=judged,
            changed=changed,
        )
    except OSError as error:
        raise SrkitError(f"{run.folder / RESULTS}: cannot be written: {error.strerror or error}") from error


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """While inside, no other process may train there: two would write over each other."""
    return held(folder / LOCK, f"{folder} is being trained by another process", patience=TO_LET_GO)


def _warn(run: Run, earlier: list[str], notice: Notice, sentence: str) -> None:
    """Say a warning that is given while the run lasts, and keep it beside those it began with."""
    notice(f"warning: {sentence}")
    record(run.folder, "warnings", list(dict.fromkeys([*earlier, *run.warnings])))


def _folder(plan: Plan, out: Path | None, *, resume: bool) -> tuple[Path, bool]:
    """The run's folder, and whether the run begins there: nothing was saved yet."""
    folder = folder_to_resume(plan, out) if resume else new_folder(plan, out)
    if folder.resolve().name == BASELINE:
        raise UserError(f"{folder}: {BASELINE!r} is the baseline's name in the table; give the run another --out")
    return folder, not resume or not checkpoint.checkpoints(folder / "checkpoints")


def _to_go_on_from(
    folder: Path, plan: Plan, resolved: dict[str, Any], ready: Prepared, registry: Registry
) -> tuple[Path, checkpoint.Saved, list[str]] | None:
    """The newest whole checkpoint of the same experiment's run; None where it has none."""
    require_same(folder, plan, resolved, ready.facts, registry)
    found = checkpoint.newest_whole(folder / "checkpoints")
    if found is not None:
        require_own(found[0], found[1].experiment, registry)
    return found


def _restore(run: Run, path: Path, saved: checkpoint.Saved, complaints: list[str], notice: Notice) -> None:
    for complaint in complaints:
        notice(f"warning: {complaint}; using {path.name} instead")
    if saved.experiment is None:
        notice(
            f"warning: {path.name} is of an earlier srkit and does not say which experiment it was trained with; it "
            "was compared as far as its files go, and the checkpoints from here on say it"
        )
    run.restore(saved)
    notice(f"resuming {shown(run.folder)} after step {run.step} of {run.total_steps}")


def _plugins(registry: Registry) -> tuple[dict[str, tuple[Any, str]], list[str]]:
    """The installed plugins with their distribution and version, and a sentence for each that had to be left out."""
    kind = KINDS["plugins"]
    plugins: dict[str, tuple[Any, str]] = {}
    left_out = not_installed()
    for entry in registry.entries(kind):
        try:
            found = registry.find(kind, entry.qualified, Path.cwd())
            HookCaller({entry.qualified: found.factory})  # refuses one that does not fit the hooks
        except SrkitError as error:
            reason = str(error).rstrip(".")
            left_out.append(f"a plugin is left out: {reason}. SRKIT_LOAD_PLUGINS names those to load, where it is set")
            continue
        plugins[entry.qualified] = found.factory, f"{found.distribution} {found.version}"
    return plugins, left_out


def _own_observers(assembly: Assembly, folder: Path, upscale: nn.Module) -> dict[str, Any]:
    """The run's own observers. The last registered is called first: numbers are on disk before anything can fail."""
    experiment = assembly.plan.experiment
    best = experiment.checkpoint.best
    best = experiment.validation.called(best) if best is not None else None
    higher = assembly.metrics[best].higher_is_better if best is not None else True
    own: dict[str, Any] = {"retention": Retention(experiment.checkpoint.keep, best, higher)}
    own["balance"] = Balance()
    own["waiting"] = Waiting()
    own["pictures"] = SamplePictures(SampleStrip(BASELINE, upscale))
    if experiment.log.tensorboard:
        own["tensorboard"] = TensorBoard()
    own["metrics-file"] = MetricsFile(folder)
    return own


@contextmanager
def _interruptible(run: Run, notice: Notice) -> Iterator[None]:
    """A signal ends the run after its step; a later one ends it at once, as is said where the step lasts.

    Of several processes each is told by torchrun, which ends them itself where that takes too long.
    """
    reminder = threading.Timer(TO_END, notice, [_STILL_AT_IT])
    reminder.daemon = True
    alone = run.processes.size == 1

    def end() -> None:
        if alone:
            reminder.start()
        run.request_stop(INTERRUPTED)

    try:
        with asked_to_end(end, at_once=alone):
            yield
    finally:
        reminder.cancel()


def _train(run: Run) -> None:
    """Train; where a step fails since tables contradict each other, a rehearsal says so by file and line."""
    try:
        train(run)
    except (ComponentFailed, UserError) as error:
        # tables contradict each other from when their parts first play on: in the first step of a stage
        begins = {run.resumed_from + 1, *(span.first for span in run.timeline.spans)}
        if isinstance(error, BadImage) or run.step + 1 not in begins:
            raise
        blame_tables(run.assembly.plan, error)
        raise


def _judge(outcome: Outcome, judge: Judge, upscale: nn.Module, notice: Notice) -> None:
    """The final table against the baseline, `scores.json` and a strip for each photo."""
    run = outcome.run
    rollbacks = [str(one) for one in run.rollbacks]
    most = run.experiment.validation.samples
    strips = StripWriter(folder_inside(run.folder, "strips"), BASELINE, run.name, most=most)
    tell, number = patiently("judging the validation images", notice), count(1)

    def judged(photo: Photo, pictures: Mapping[str, Tensor], scores: Mapping[str, Mapping[str, float]]) -> None:
        strips(photo, pictures, scores)
        tell(next(number), len(judge.photos))

    models = [
        Model(BASELINE, upscale),
        Model(run.name, run.model, parameters=count_parameters(run.model), warnings=run.warnings + rollbacks),
    ]
    try:
        with told(run.assembly, run.device, "while the photos were judged", run.processes, LIGHTER_PHOTOS):
            outcome.rows = judge.score(models, judged)
    except KeyboardInterrupt:
        run.stop_reason = INTERRUPTED  # training is done and saved; --resume goes on here
        return
    outcome.strips = strips.written
    write_scores(run.folder / "scores.json", outcome.rows)


def baseline(scale: int, registry: Registry) -> nn.Module:
    """What every run is compared with: the bicubic generator."""
    module: nn.Module = registry.find(KINDS["generators"], f"srkit:{BASELINE}", Path.cwd()).factory(scale=scale)
    return module
