"""A run while it lasts: what hooks are handed, and what is saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly import Assembly
from srkit.data.loader import Batch
from srkit.data.order import SampleOrder
from srkit.data.sameness import is_same_data
from srkit.errors import SrkitError, UserError, in_short
from srkit.experiment import Experiment
from srkit.hooks import HookCaller
from srkit.json_files import DAMAGED
from srkit.training import checkpoint
from srkit.training.distributed import ALONE, Processes
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


@dataclass(frozen=True)
class Rollback:
    """One return to a checkpoint.

    Attributes:
        step: the update in which something was not finite.
        back_to: the checkpoint's step.
        fact: what was not finite.
    """

    step: int
    back_to: int
    fact: str

    def __str__(self) -> str:
        return f"step {self.step}: {self.fact}; went back to step {self.back_to} and on with other random numbers"


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
        saved_step: the step of the newest checkpoint; -1 for none.
        warnings: sentences about fallbacks, for tables.
        rollbacks: how often, and why, it went back to a checkpoint; each makes the next attempt.
        processes: those that train together.
        data: the fingerprints of the sets, by role; saved with every checkpoint.
        experiment_saved: the fingerprint of the experiment, which every checkpoint keeps.
        on_warning: is told each warning that is given while the run lasts.
        on_judged: is told of how many validation images the scores are known, and of how many there will be.
        wish: why this process would end the run; it is the reason once all know of it.
        stop_reason: why the run ends before its last step.
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
    saved_step: int = -1
    warnings: list[str] = field(default_factory=list)
    rollbacks: list[Rollback] = field(default_factory=list)
    processes: Processes = ALONE
    data: Mapping[str, str] = field(default_factory=dict)
    experiment_saved: Mapping[str, Any] | None = None
    on_warning: Callable[[str], None] = lambda _: None
    on_judged: Callable[[int, int], None] = lambda *_: None
    wish: str = ""
    stop_reason: str = ""
    clock: Clock = field(default_factory=Clock)
    _wants_checkpoint: bool = False

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
        periodic = self.step > 0 and self.step % self.experiment.checkpoint.every == 0
        return self._wants_checkpoint or (self.step != self.saved_step and (periodic or self.is_over))

    @property
    def is_over(self) -> bool:
        """Whether no step comes after the last one done."""
        return self.step == self.total_steps or bool(self.stop_reason)

    def request_stop(self, reason: str) -> None:
        """End the run after the current step, with a checkpoint."""
        self.wish = self.wish or reason

    def agree(self) -> None:
        """Make what one process asks for what all do."""
        stop, self._wants_checkpoint = self.processes.any(bool(self.wish), self._wants_checkpoint)
        if stop and not self.stop_reason:
            self.stop_reason = next(filter(None, self.processes.gather(self.wish)))

    def warn(self, sentence: str) -> None:
        """Tell the user something, once; it stands in manifest and tables too."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            self.on_warning(sentence)

    def request_checkpoint(self) -> None:
        """Save a checkpoint after the current step, whether one is due or not."""
        self._wants_checkpoint = True

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While inside, the networks hold the weights that are judged and kept; see `Updater.rest`."""
        moving = [updater for updater in self.stepper.updaters().values() if not updater.is_resting]
        for updater in moving:
            updater.rest()
        try:
            yield
        finally:
            for updater in moving:
                updater.resume()

    # --- saving and loading -----------------------------------------------------------------------------------------

    def save(self) -> Path:
        """Write a checkpoint of the current step.

        Raises:
            NotFinite: a loss since the last look, or a weight, is not finite: the state is not worth keeping.
            SrkitError: it could not be written.
        """
        self.ledger.check()
        with self.at_rest():
            self.require_finite_weights()
            path = self._write_checkpoint() if self.processes.is_first else self.folder / "checkpoints"
        self.saved_step = self.step
        self._wants_checkpoint = False
        return path

    def _write_checkpoint(self) -> Path:
        stepper = self.stepper
        modules: dict[str, Mapping[str, Tensor]] = {"generator": self.assembly.generator.state_dict()}
        if self.assembly.discriminator is not None:
            modules["discriminator"] = self.assembly.discriminator.state_dict()
        if stepper.ema is not None:
            modules["ema"] = stepper.ema.network.state_dict()
        state: dict[str, Any] = {
            "step": self.step,
            "data": dict(self.data),
            "attempt": stepper.attempt,
            "rollbacks": [asdict(one) for one in self.rollbacks],
            "validated_step": self.validated_step,
            "losses": {name: loss.state_dict() for name, loss in self._loss_modules().items()},
            "updaters": {name: updater.state_dict() for name, updater in stepper.updaters().items()},
            "ledger": self.ledger.state_dict(),
            "hooks": self.hooks.states(),
        }
        return checkpoint.save(self.folder / "checkpoints", self.step, modules, state, self.experiment_saved)

    def require_finite_weights(self) -> None:
        """A gradient can overflow though the loss was finite; the next loss would tell, but this state would stay."""
        networks = {"generator": self.assembly.generator, "discriminator": self.assembly.discriminator}
        for role, network in (networks | self._loss_modules()).items():
            for name, weight in network.named_parameters() if network is not None else ():
                if not bool(torch.isfinite(weight).all()):
                    raise NotFinite(self.step, f"{role}'s weight {name!r} is not finite")

    def restore(self, saved: checkpoint.Saved) -> None:
        """Continue from a checkpoint.

        Raises:
            SrkitError: it was trained on other pictures, or for other networks.
            UserError: its state is none that this experiment's run writes.
        """
        before = saved.state.get("data") or self.data
        if self.data and (not isinstance(before, Mapping) or not is_same_data(before, self.data, "train")):
            raise SrkitError(
                f"the checkpoint of step {saved.state.get('step')} in {self.folder} was trained on other pictures"
            )
        self.data = {**self.data, **before} if isinstance(before, Mapping) else self.data  # as the run began
        _load(self.assembly.generator, saved.modules, "generator")
        if self.assembly.discriminator is not None:
            _load(self.assembly.discriminator, saved.modules, "discriminator")
        if self.stepper.ema is not None:
            _load(self.stepper.ema.network, saved.modules, "ema")
        try:
            self._restore_state(saved.state)
        except DAMAGED as error:
            raise UserError(
                f"the checkpoint of step {saved.state.get('step')} in {self.folder} holds a state that is none of this "
                f"experiment's ({in_short(error)})"
            ) from error

    def _restore_state(self, state: Mapping[str, Any]) -> None:
        for what, own in (("losses", self._loss_modules()), ("updaters", self.stepper.updaters())):
            if set(state[what]) != set(own):
                raise KeyError(f"{what} {', '.join(state[what])} in place of {', '.join(own)}")
        for name, loss in self._loss_modules().items():
            loss.load_state_dict(state["losses"][name])
        for name, updater in self.stepper.updaters().items():
            updater.load_state_dict(state["updaters"][name])
        self.ledger.load_state_dict(state["ledger"])
        self.hooks.load_states(state["hooks"])
        self.stepper.attempt = state["attempt"]
        self.rollbacks = [Rollback(**one) for one in state.get("rollbacks", [])]
        self.validated_step = state["validated_step"]
        self.step = self.resumed_from = self.saved_step = state["step"]

    def roll_back(self, error: NotFinite) -> None:
        """Go back to the last good checkpoint, to go on from there with other random numbers.

        What led here is a function of that checkpoint, so a run that is killed from here on and resumed comes the same
        way again: no checkpoint has to know of the rollback before the next one is due.

        Raises:
            NotFinite: that one, where the experiment does not ask for it, or as often as it asks it was done.
        """
        rule = self.experiment.on_nan
        if rule is None or len(self.rollbacks) >= rule.rollback:
            raise error
        found = self.processes.from_first(lambda: checkpoint.newest_whole(self.folder / "checkpoints"))
        if found is None:
            raise error
        done = self.rollbacks
        self.restore(found[1])
        self.rollbacks = [*done, Rollback(error.step, self.step, error.fact)]
        self.stepper.attempt = len(self.rollbacks)
        self._wants_checkpoint = False

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
