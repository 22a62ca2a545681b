"""What went wrong in a run, in the run's words: which loss, which component, what to do about it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from srkit.assembly import Assembly
from srkit.errors import FAILURES, SrkitError, in_short
from srkit.out_of_memory import is_out_of_memory
from srkit.training import checkpoint
from srkit.training.distributed import ALONE, Processes, is_of_connections, peer_lost
from srkit.training.ledger import NotFinite
from srkit.training.lighter import explain_out_of_memory, own_words

if TYPE_CHECKING:
    from srkit.training.run import Run


LIGHTER_PHOTOS = "What helps: smaller validation photos, or fewer (validation.images)"
LIGHTER_CACHE = "What helps: a smaller data.cache"


class ComponentFailed(SrkitError):
    """A component raised something of its own; the message names it, the cause and the line."""


def explain(error: BaseException, run: Run) -> BaseException:
    """The error to end the run with: what is told already, and what is none of the run's business, stay as they are."""
    if isinstance(error, NotFinite):
        return _with_samples(error, run)
    return in_words(error, run.assembly, run.device, f"after step {run.step}", run.processes, others=_updating(run))


def in_words(
    error: BaseException,
    assembly: Assembly,
    device: torch.device,
    when: str,
    processes: Processes = ALONE,
    relief: str = "",
    others: Iterable[tuple[str, Any]] = (),
) -> BaseException:
    """An exception out of torch or a component as an `SrkitError`; anything else as it is.

    Args:
        when: what was going on, such as "after step 12".
        processes: those that train together.
        relief: what helps where memory ran out; by default what makes a training step lighter.
        others: what may be to blame beside the assembly's components, in words and itself.
    """
    if isinstance(error, SrkitError) or not isinstance(error, FAILURES):
        return error
    if is_out_of_memory(error) and relief:
        return SrkitError(f"out of memory on {device} {when}. {relief} ({own_words(error)})")
    if is_out_of_memory(error):
        return explain_out_of_memory(error, assembly.plan, device, processes.size)
    if isinstance(error, RuntimeError) and is_of_connections(error):
        return peer_lost(error)  # met while a loss exchanged something with the others; it is not to blame
    culprit = blamed(error, assembly, others)
    if culprit is None and isinstance(error, OSError):
        return error
    who = f"{culprit} failed" if culprit is not None else "the run failed"
    return ComponentFailed(f"{who} {when}: {in_short(error)}{_place(error)}")


@contextmanager
def told(
    assembly: Assembly, device: torch.device, when: str, processes: Processes = ALONE, relief: str = ""
) -> Iterator[None]:
    """What torch or a component raises inside, in words; arguments as for `in_words`."""
    try:
        yield
    except FAILURES as error:
        known = in_words(error, assembly, device, when, processes, relief)
        if known is error:
            raise
        raise known from error


def _with_samples(error: NotFinite, run: Run) -> SrkitError:
    """The message about something that is not finite, with the batch and the way out."""
    names = run.sample_names(error.step)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    rule = run.experiment.on_nan
    again = f" It went back {len(run.rollbacks)} times before, as on_nan allows." if rule is not None else ""
    kept = checkpoint.checkpoints(run.folder / "checkpoints")
    good = f"The last good checkpoint is {kept[-1]}" if kept else "There is no checkpoint yet"
    return SrkitError(
        f"step {error.step}: {error.fact}. The batch held: {shown}.{again} {good}. "
        'A lower learning rate, optimizer.clip_norm = 1.0 or precision = "fp32" often helps'
    )


def _updating(run: Run) -> Iterator[tuple[str, Any]]:
    """Optimizers and schedules in words."""
    own = run.experiment.optimizer
    for role, updater in run.stepper.updaters().items():
        yield f"the optimizer {(getattr(own, role, None) or own).use!r}", updater.optimizer
        yield f"the schedule {updater.schedule_name!r}", updater.schedule


def blamed(error: BaseException, assembly: Assembly, others: Iterable[tuple[str, Any]] = ()) -> str | None:
    """The component out of which an exception came, in words; the innermost where one calls another."""
    parts = [*_components(assembly), *others]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        for name, part in parts:
            if _is_of(frame, part):
                return name
    return None


def _is_of(frame: FrameType, part: Any) -> bool:
    """Whether a call is one of the component's: of a method, or of the function that it is."""
    return frame.f_locals.get("self") is part or getattr(part, "__code__", None) is frame.f_code


def _components(assembly: Assembly) -> Iterator[tuple[str, Any]]:
    experiment = assembly.plan.experiment
    yield f"the generator {experiment.generator.use!r}", assembly.generator
    if experiment.discriminator is not None:
        yield f"the discriminator {experiment.discriminator.use!r}", assembly.discriminator
    if experiment.adversarial_loss is not None:
        yield f"the adversarial loss {experiment.adversarial_loss.name!r}", assembly.adversarial
    for name, loss in assembly.losses.items():
        yield f"the loss {name!r}", getattr(loss, "function", loss)
        yield f"the loss {name!r}", loss
    for name, metric in assembly.metrics.items():
        yield f"the metric {name!r}", metric
    for maker in [*assembly.lr_makers, assembly.lr_maker]:
        if maker.downscaler is not None:
            yield f"the downscaler {experiment.downscaler.use!r}", maker.downscaler  # type: ignore[union-attr]
        if maker.pipeline is not None:
            yield f"the lr_pipeline {experiment.lr_pipeline.use!r}", maker.pipeline  # type: ignore[union-attr]
        for step in (*maker.before, *maker.after):
            yield f"the degradation {step.name!r}", step.degrade
    if experiment.target is not None:
        yield f"the target {experiment.target.use!r}", assembly.target
    for role, dataset in (("data.train", assembly.train), ("data.validate", assembly.validate)):
        while dataset is not None:
            yield f"the data set {role}", dataset
            dataset = getattr(dataset, "dataset", None)


def _place(error: BaseException) -> str:
    """File and line of the innermost call outside of torch."""
    inside = str(Path(torch.__file__).parent)
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(inside)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
