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
from srkit.training.failure import explain
from srkit.training.ledger import Ledger, NotFinite
from srkit.training.step import Stepper
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
        validated_step: the step of the last validation.
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
    validated_step: int = 0
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

    def validation_is_due(self) -> bool:
        """Whether the step just done is one to validate after; the last one always is."""
        every = self.experiment.validation.every
        periodic = every is not None and self.step % every == 0
        return self.validate is not None and (periodic or self.step == self.total_steps)

    def checkpoint_is_due(self) -> bool:
        """Whether the step just done is one to save, or a plugin has asked for it."""
        periodic = self.step % self.experiment.checkpoint.every == 0
        return periodic or self._wants_checkpoint or self.step == self.total_steps

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
            NotFinite: a loss since the last look, or a weight, is not finite: the state is not worth keeping.
            SrkitError: it could not be written.
        """
        self.ledger.check()
        self._require_finite_weights()
        stepper = self.stepper
        modules: dict[str, Mapping[str, Tensor]] = {"generator": self.assembly.generator.state_dict()}
        if self.assembly.discriminator is not None:
            modules["discriminator"] = self.assembly.discriminator.state_dict()
        if stepper.ema is not None:
            modules["ema"] = stepper.ema.network.state_dict()
        state: dict[str, Any] = {
            "step": self.step,
            "attempt": stepper.attempt,
            "validated_step": self.validated_step,
            "losses": {name: loss.state_dict() for name, loss in self._loss_modules().items()},
            "updaters": {name: updater.state_dict() for name, updater in stepper.updaters().items()},
            "ledger": self.ledger.state_dict(),
            "hooks": self.hooks.states(),
        }
        path = checkpoint.save(self.folder / "checkpoints", self.step, modules, state)
        self._saved_step = self.step
        self._wants_checkpoint = False
        return path

    def _require_finite_weights(self) -> None:
        """A gradient can overflow though the loss was finite; the next loss would tell, but this state would stay."""
        networks = {"generator": self.assembly.generator, "discriminator": self.assembly.discriminator}
        for role, network in (networks | self._loss_modules()).items():
            for name, weight in network.named_parameters() if network is not None else ():
                if not bool(torch.isfinite(weight).all()):
                    raise NotFinite(self.step, f"{role}'s weight {name!r} is not finite")

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
        self.validated_step = state["validated_step"]
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
        while run.step < run.total_steps and not run.stop_reason:
            try:
                metrics = _one_step(run, batches)
            except NoBatch:
                break
            run.hooks.call("srkit_step_end", run=run, step=run.step, metrics=metrics)
            if run.validation_is_due():
                _validate(run)
            if run.checkpoint_is_due():
                _checkpoint(run)
        if run.step != run._saved_step:
            _checkpoint(run)
    except BaseException as error:
        batches.close()
        told = explain(error, run)
        _end_after(run, told)
        if told is error:
            raise
        raise told from error
    batches.close()
    run.hooks.call("srkit_run_end", run=run, reason=run.stop_reason or "done")


def _one_step(run: Run, batches: Generator[Batch, None, None]) -> dict[str, Any] | None:
    """One update; gives the means since the last log step where one is due."""
    begun = time.perf_counter()
    step = run.step + 1
    span = run.timeline.at(step)

    taken = 0

    def next_batch() -> Batch:
        nonlocal taken
        asked = time.perf_counter()
        try:
            batch = next(batches)
        except SrkitError as error:
            if run.stop_reason and not taken:
                raise NoBatch from error
            raise
        taken += 1
        run.clock.waiting += time.perf_counter() - asked
        return batch

    run.stepper(step, span, next_batch, lambda terms: run.ledger.add(step, terms))
    run.step = step
    is_logged = step % run.experiment.log.every == 0 or step == run.total_steps
    means = run.ledger.read() if is_logged else {}
    run.clock.steps += time.perf_counter() - begun
    run.clock.images += span.batch_size
    return {"lr": run.stepper.learning_rates()} | means | run.clock.read() if is_logged else None


def _validate(run: Run) -> None:
    assert run.validate is not None
    run.ledger.check()
    scores, pictures = run.validate(run.model, run.step)
    run.validated_step = run.step
    run.hooks.call("srkit_validation_end", run=run, step=run.step, scores=scores, pictures=pictures)


def _checkpoint(run: Run) -> None:
    path = run.save()
    run.hooks.call("srkit_checkpoint_saved", run=run, step=run.step, path=path)


def _end_after(run: Run, error: BaseException) -> None:
    """Tell the plugins that the run ends; where a plugin was at fault the training state is good, and saved."""
    try:
        if isinstance(error, HookFailed) and run.step != run._saved_step and run.step > 0:
            run.save()
    except SrkitError as second:
        error.add_note(str(second))
    try:
        run.hooks.call("srkit_run_end", run=run, reason=f"error: {error}")
    except SrkitError as second:
        error.add_note(str(second))
