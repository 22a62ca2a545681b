"""A run while it lasts: what hooks are handed, what is saved, and the loop that drives it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly import Assembly
from srkit.data.loader import Batch
from srkit.data.order import SampleOrder
from srkit.errors import SrkitError
from srkit.experiment import Experiment
from srkit.hooks import HookCaller, HookFailed
from srkit.training import checkpoint
from srkit.training.ledger import Ledger, NotFinite
from srkit.training.memory import explain_out_of_memory, is_out_of_memory
from srkit.training.step import Stepper, Terms
from srkit.training.timeline import Timeline

Pictures = Mapping[str, Mapping[str, Tensor]]
Validate = Callable[[nn.Module, int], tuple[Mapping[str, float], Pictures]]
INTERRUPTED = "interrupted"


@dataclass
class Clock:
    """Seconds spent in steps, and of these waiting for data, since they were last read."""

    steps: float = 0.0
    waiting: float = 0.0
    images: int = 0

    def read(self) -> dict[str, float]:
        """Images a second and the share of the time the step waited for its data; starts anew."""
        seconds = max(self.steps, 1e-9)
        numbers = {"images_per_second": self.images / seconds, "waiting": self.waiting / seconds}
        self.steps = self.waiting = 0.0
        self.images = 0
        return numbers


@dataclass
class Run:
    """One run of one experiment.

    Attributes:
        name: what it is called in tables.
        folder: its folder; holds `experiment.toml`, `checkpoints`, ...
        assembly: the live objects.
        stepper: networks, optimizers, averages.
        timeline: which step belongs to which stage.
        order: which sample stands where in the stream.
        batches: gives the batches from a step on; closed when the run ends.
        validate: judges a generator; None where there is nothing to judge on.
        hooks: the plugins that watch.
        step: updates done so far.
        resumed_from: the step of the checkpoint this process began with; 0 for a fresh run.
        warnings: sentences about fallbacks, for tables.
    """

    name: str
    folder: Path
    assembly: Assembly
    stepper: Stepper
    timeline: Timeline
    order: SampleOrder
    batches: Callable[[int], Generator[Batch, None, None]]
    validate: Validate | None
    hooks: HookCaller
    device: torch.device
    step: int = 0
    resumed_from: int = 0
    warnings: list[str] = field(default_factory=list)
    stop_reason: str = ""
    clock: Clock = field(default_factory=Clock)
    _wants_checkpoint: bool = False
    _saved_step: int = -1

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.device)
        self.started = time.monotonic()

    @property
    def experiment(self) -> Experiment:
        return self.assembly.plan.experiment

    @property
    def total_steps(self) -> int:
        return self.timeline.total

    @property
    def model(self) -> nn.Module:
        """The generator that is judged and exported: the averaged one where there is one."""
        return self.stepper.ema.network if self.stepper.ema is not None else self.assembly.generator

    def request_stop(self, reason: str) -> None:
        """End the run after the current step, with a checkpoint."""
        self.stop_reason = self.stop_reason or reason

    def request_checkpoint(self) -> None:
        """Save a checkpoint after the current step, whether one is due or not."""
        self._wants_checkpoint = True

    # --- saving and loading -----------------------------------------------------------------------------------------

    def save(self) -> Path:
        """Write a checkpoint of the current step.

        Raises:
            NotFinite: a loss since the last look was not finite: the weights are not worth keeping.
            SrkitError: it could not be written.
        """
        self.ledger.check()
        stepper = self.stepper
        modules: dict[str, Mapping[str, Tensor]] = {"generator": self.assembly.generator.state_dict()}
        if self.assembly.discriminator is not None:
            modules["discriminator"] = self.assembly.discriminator.state_dict()
        if stepper.ema is not None:
            modules["ema"] = stepper.ema.network.state_dict()
        state: dict[str, Any] = {
            "step": self.step,
            "attempt": stepper.attempt,
            "losses": {name: loss.state_dict() for name, loss in self._loss_modules().items()},
            "updaters": {name: updater.state_dict() for name, updater in stepper.updaters().items()},
            "ledger": self.ledger.state_dict(),
            "hooks": self.hooks.states(),
        }
        path = checkpoint.save(self.folder / "checkpoints", self.step, modules, state)
        self._saved_step = self.step
        return path

    def restore(self, saved: checkpoint.Saved) -> None:
        """Continue from a checkpoint."""
        _load(self.assembly.generator, saved.modules, "generator")
        if self.assembly.discriminator is not None:
            _load(self.assembly.discriminator, saved.modules, "discriminator")
        if self.stepper.ema is not None:
            _load(self.stepper.ema.network, saved.modules, "ema")
        state = saved.state
        for name, loss in self._loss_modules().items():
            loss.load_state_dict(state["losses"].get(name, {}))
        for name, updater in self.stepper.updaters().items():
            updater.load_state_dict(state["updaters"][name])
        self.ledger.load_state_dict(state["ledger"])
        self.hooks.load_states(state["hooks"])
        self.stepper.attempt = state["attempt"]
        self.step = self.resumed_from = self._saved_step = state["step"]

    def _loss_modules(self) -> dict[str, nn.Module]:
        losses = dict(self.assembly.losses)
        if isinstance(self.assembly.adversarial, nn.Module):
            losses[self.stepper.adversarial_name] = self.assembly.adversarial
        return losses

    def sample_names(self, step: int) -> list[str]:
        """The samples a step's batches hold."""
        requests = self.timeline.requests(step, self.order)
        return list(dict.fromkeys(self.assembly.train.name(one) for request in requests for one in request.indices))


def _load(network: nn.Module, modules: Mapping[str, Mapping[str, Tensor]], role: str) -> None:
    if role not in modules:
        raise SrkitError(f"the checkpoint holds no {role}; it belongs to another experiment")
    try:
        network.load_state_dict(modules[role])
    except RuntimeError as error:
        raise SrkitError(f"the checkpoint's {role} does not fit the experiment's: {error}") from error


# --- the loop -------------------------------------------------------------------------------------------------------


def train(run: Run) -> None:
    """Train to the end, or until something asks to stop; `run.stop_reason` says which.

    Raises:
        SrkitError: a loss that is not finite, memory or disk that ran out, a plugin that failed. The last checkpoint
            stands; where the state was still good it was saved.
    """
    run.hooks.call("srkit_run_start", run=run)
    batches = run.batches(run.step + 1)
    reason = "error"
    try:
        while run.step < run.total_steps and not run.stop_reason:
            _one_step(run, batches)
        reason = run.stop_reason or "done"
        if run.step != run._saved_step:
            _checkpoint(run)
    except BaseException as error:
        batches.close()
        _end_after(run, error)
        raise
    batches.close()
    run.hooks.call("srkit_run_end", run=run, reason=reason)


def _one_step(run: Run, batches: Generator[Batch, None, None]) -> None:
    begun = time.perf_counter()
    step = run.step + 1
    span = run.timeline.at(step)

    def next_batch() -> Batch:
        asked = time.perf_counter()
        batch = next(batches)
        run.clock.waiting += time.perf_counter() - asked
        return batch

    def watch(terms: Terms) -> None:
        run.ledger.add(step, terms)

    try:
        run.stepper(step, span, next_batch, watch)
        metrics = None
        run.step = step
        last = step == run.total_steps
        if step % run.experiment.log.every == 0 or last:
            means = run.ledger.read()
            run.clock.steps += time.perf_counter() - begun
            run.clock.images += span.batch_size
            metrics = {"lr": run.stepper.learning_rates()} | means | run.clock.read()
        else:
            run.clock.steps += time.perf_counter() - begun
            run.clock.images += span.batch_size
    except NotFinite as error:
        raise _with_samples(run, error) from error
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise explain_out_of_memory(run.experiment, run.device) from error
        raise
    run.hooks.call("srkit_step_end", run=run, step=step, metrics=metrics)
    every = run.experiment.validation.every
    if run.validate is not None and ((every is not None and step % every == 0) or last):
        scores, pictures = run.validate(run.model, step)
        run.hooks.call("srkit_validation_end", run=run, step=step, scores=scores, pictures=pictures)
    if step % run.experiment.checkpoint.every == 0 or last or run._wants_checkpoint:
        _checkpoint(run)


def _checkpoint(run: Run) -> None:
    try:
        path = run.save()
    except NotFinite as error:
        raise _with_samples(run, error) from error
    run._wants_checkpoint = False
    run.hooks.call("srkit_checkpoint_saved", run=run, step=run.step, path=path)


def _with_samples(run: Run, error: NotFinite) -> SrkitError:
    """The message about a loss that is not finite, with the batch and the way out."""
    names = run.sample_names(error.step)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    kept = checkpoint.checkpoints(run.folder / "checkpoints")
    good = f"The last good checkpoint is {kept[-1]}" if kept else "There is no checkpoint yet"
    return SrkitError(
        f"step {error.step}: the loss term {error.term!r} is {error.value}. The batch held: {shown}. {good}. "
        'A lower learning rate, optimizer.clip_norm = 1.0 or precision = "fp32" often helps'
    )


def _end_after(run: Run, error: BaseException) -> None:
    """Tell the plugins that the run ends; where a plugin was at fault the training state is good, and saved."""
    try:
        if isinstance(error, HookFailed) and run.step != run._saved_step and run.step > 0:
            run.save()
        run.hooks.call("srkit_run_end", run=run, reason=f"error: {error}")
    except SrkitError as second:
        error.add_note(str(second))
