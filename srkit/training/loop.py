"""The loop: steps, validations and checkpoints as they are due, until the end or a wish to stop. Prints nothing."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any

from srkit.data.loader import Batch
from srkit.errors import SrkitError
from srkit.hooks import HookFailed, HookInterrupted
from srkit.places import shown
from srkit.training.failure import explain
from srkit.training.ledger import NotFinite
from srkit.training.run import Run
from srkit.training.terms import with_shares


class NoBatch(Exception):
    """The run is asked to stop, and its workers are gone before the step began: who ends a job may end all of it."""


def train(run: Run) -> None:
    """Train to the end, or until something asks to stop; `run.stop_reason` says which.

    Raises:
        SrkitError: a loss that is not finite, memory or disk that ran out, a component or a plugin that failed. The
            last checkpoint stands; where the state was still good it was saved.
    """
    batches = run.batches(run.step + 1)
    try:
        run.hooks.call("srkit_run_start", run=run)
        if run.resumed_from and run.validation_is_due() and run.validated_step < run.step:
            _validate(run)  # a plugin failed before it came to that
        if run.experiment.on_nan is not None and run.saved_step < 0:
            run.request_checkpoint()  # to go back to before the first is due
        while True:
            try:
                _to_the_end(run, batches)
                break
            except NotFinite as error:
                batches.close()
                run.roll_back(error)
                batches = run.batches(run.step + 1)
                run.hooks.call("srkit_rolled_back", run=run, step=run.step, reason=str(run.rollbacks[-1]))
    except BaseException as error:
        batches.close()
        told = explain(error, run)
        _end_after(run, told)
        if told is error:
            raise
        raise told from error
    batches.close()
    for updater in run.stepper.updaters().values():
        updater.rest()  # the final table is made of these weights
    run.hooks.call("srkit_run_end", run=run, reason=run.stop_reason or "done")


def _to_the_end(run: Run, batches: Generator[Batch, None, None]) -> None:
    """Steps, validations and checkpoints as they are due, until the last step or a wish to stop."""
    while True:
        run.agree()
        if run.checkpoint_is_due():
            _checkpoint(run)
        if run.is_over:
            break
        try:
            metrics = _one_step(run, batches)
        except NoBatch:
            continue
        run.hooks.call("srkit_step_end", run=run, step=run.step, metrics=metrics)
        if run.validation_is_due():
            _validate(run)


def _one_step(run: Run, batches: Generator[Batch, None, None]) -> dict[str, Any] | None:
    """One update; gives the means since the last log step where one is due."""
    begun = time.perf_counter()
    step = run.step + 1
    span = run.timeline.at(step)
    first = [_first_batch(run, batches)]

    def next_batch() -> Batch:
        asked = time.perf_counter()
        batch = first.pop() if first else next(batches)
        run.clock.waiting += time.perf_counter() - asked
        return batch

    run.clock.waiting += time.perf_counter() - begun
    is_logged = step % run.experiment.log.every == 0 or step == run.total_steps
    run.stepper(step, span, next_batch, lambda terms: run.ledger.add(step, terms), measure=is_logged)
    run.step = step
    means = with_shares(run.ledger.read()) | run.stepper.readings() if is_logged else {}
    run.clock.steps += time.perf_counter() - begun
    run.clock.images += span.batch_size
    return {"lr": run.stepper.learning_rates()} | means | run.clock.read() if is_logged else None


def _first_batch(run: Run, batches: Generator[Batch, None, None]) -> Batch:
    """A step's first batch, known to be there for all processes before any of them begins the step."""
    batch = None
    try:
        batch = next(batches)
    except SrkitError:
        if not run.wish:
            raise
    if run.processes.any(batch is None)[0]:
        raise NoBatch
    assert batch is not None
    return batch


def _validate(run: Run) -> None:
    assert run.validate is not None
    run.ledger.check()
    with run.at_rest():
        run.require_finite_weights()
        scores, pictures = run.validate(run.model, run.step)
    run.validated_step = run.step
    _tell_schedules(run, scores)
    run.hooks.call("srkit_validation_end", run=run, step=run.step, scores=scores, pictures=pictures)


def _tell_schedules(run: Run, scores: Mapping[str, float]) -> None:
    """Hand the metric that a schedule observes to it, at the validations that do not depend on where the run ends."""
    every = run.experiment.validation.every
    if every is None or run.step % every:
        return
    for updater in run.stepper.updaters().values():
        name = getattr(updater.schedule, "observes", "")
        if name:
            name = run.experiment.validation.called(name)
            higher = run.assembly.metrics[name].higher_is_better
            updater.schedule.observe(scores[name], higher)  # type: ignore[attr-defined]


def _checkpoint(run: Run) -> None:
    path = run.save()
    run.hooks.call("srkit_checkpoint_saved", run=run, step=run.step, path=path)


def _end_after(run: Run, error: BaseException) -> None:
    """Tell the plugins that the run ends; where a plugin was at fault the training state is good, and saved."""
    try:
        if isinstance(error, (HookFailed, HookInterrupted)) and run.step != run.saved_step and run.step > 0:
            run.save()
        if isinstance(error, HookInterrupted):
            error.add_note(f"the checkpoint is saved. Go on with: srkit run {shown(run.folder)} --resume")
        elif isinstance(error, HookFailed) and run.saved_step > 0:
            error.add_note(
                f"the checkpoint is saved. Once the plugin is mended: srkit run {shown(run.folder)} --resume"
            )
    except SrkitError as second:
        error.add_note(str(second))
    try:
        run.hooks.call("srkit_run_end", run=run, reason=f"error: {error}")
    except SrkitError as second:
        error.add_note(str(second))
