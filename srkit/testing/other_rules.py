"""Rules for data sets, optimizers, schedules, launchers, commands and hook plugins."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from srkit.assembly.fitting import is_factor
from srkit.assembly.optimizers import require_groups, wants_closure
from srkit.contracts import Job, JobState
from srkit.errors import UserError, value_in_short
from srkit.testing.rule import Broken, NotTried, Rule, sent_to_a_worker
from srkit.testing.subject import LEARNING_RATE, STEPS, Subject

__all__ = ["DATASETS", "LAUNCHERS", "OPTIMIZERS", "SCHEDULES"]


def _has(*names: str) -> Rule:
    def probe(subject: Subject) -> None:
        built = subject.build()
        missing = [name for name in names if not hasattr(built, name)]
        if missing:
            contract = subject.pick.component.kind.contract
            assert contract is not None
            raise Broken(
                f"It has no {' and no '.join(missing)}.", f"srkit.contracts.{contract.__name__} says what it must have."
            )

    return Rule("runs", f"it has {', '.join(names)}", probe, ("builds",))


# --- data sets ------------------------------------------------------------------------------------------------------


def _items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _gives_pictures(subject: Subject) -> None:
    built = subject.build()
    if len(built) < 1:
        raise Broken("It holds no picture.", "Raise OptionError where there is nothing, so that nobody trains on it.")
    for value in _items(built[0]):
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
            found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
            raise Broken(f"Its first sample is {found}.", "Give uint8 RGB (H, W, 3), or a pair (lr, hr) of such.")


def _repeats_itself(subject: Subject) -> None:
    one, other = subject.build(), subject.build()
    last = len(one) - 1
    pairs = [(one[0], one[0]), (one[0], other[0]), (one[last], other[last])]
    if any(not np.array_equal(a, b) for left, right in pairs for a, b in zip(_items(left), _items(right), strict=True)):
        raise Broken(
            "A sample is another one when it is asked for again.",
            "A sample is a function of its index; cutting and flipping are the loader's.",
        )


def _has_names(subject: Subject) -> None:
    built = subject.build()
    if not isinstance(built.name(0), str) or not built.name(0):
        raise Broken(f"The name of its first sample is {built.name(0)!r}.", "Give its path or title.")
    files = getattr(built, "files", None)
    if files is not None and (len(files()) != len(built) or not all(isinstance(one, Path) for one in files())):
        raise Broken(f"It has {len(built)} samples and files() names {len(files())}.", "One Path a sample.")


def _goes_to_workers(subject: Subject) -> None:
    built = subject.build()
    copy = sent_to_a_worker(built, "Open files when a sample is asked for, and hold no lambda.")
    if len(copy) != len(built):
        raise Broken("After pickling it has another length.")


DATASETS = (
    _has("__len__", "__getitem__", "name"),
    Rule("pictures", "its samples are uint8 RGB pictures, or pairs of them", _gives_pictures),
    Rule("repeatable", "a sample is a function of its index", _repeats_itself, ("runs", "pictures")),
    Rule("names", "each sample has a name, and a file where it names files", _has_names, ("runs", "pictures")),
    Rule("pickles", "it can be sent to another process", _goes_to_workers, ("runs", "pictures")),
)


# --- optimizers -----------------------------------------------------------------------------------------------------


def _groups(subject: Subject, weights: torch.nn.Parameter) -> Any:
    return subject.build(parameters=[{"params": [weights], "lr": LEARNING_RATE, "lr_scale": 1.0}])


def _fresh() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))


def _train(subject: Subject, optimizer: Any, weights: torch.nn.Parameter, updates: int) -> None:
    def loss() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.enable_grad():
            value = weights.square().sum()
            value.backward()
        return value

    closure = wants_closure(optimizer, lambda groups: subject.build(parameters=groups))
    if hasattr(optimizer, "train"):
        optimizer.train()
    for _ in range(updates):
        loss()
        optimizer.step(loss) if closure else optimizer.step()
    if hasattr(optimizer, "eval"):
        optimizer.eval()  # a run is judged and saved so


def _goes_down(subject: Subject) -> None:
    weights = _fresh()
    optimizer = _groups(subject, weights)
    _train(subject, optimizer, weights, 60)
    if not float(weights.detach().square().sum()) < 0.9 * 14:
        raise Broken(
            f"After 60 updates on x**2 at a rate of {LEARNING_RATE} it is no lower.", "Step against the gradient."
        )


def _keeps_rates(subject: Subject) -> None:
    optimizer = _groups(subject, _fresh())
    rates = [group.get("lr") for group in optimizer.param_groups]
    if [float(rate) if rate is not None else None for rate in rates] != [LEARNING_RATE]:
        raise Broken(
            f"Handed a group with lr = {LEARNING_RATE}, its param_groups have {rates}.",
            "Pass `parameters` on as they are: the run sets each group's lr.",
        )
    weights = [_fresh(), _fresh()]
    groups = [{"params": weights, "lr": LEARNING_RATE, "lr_scale": 0.5}]
    try:
        require_groups(subject.build(parameters=groups), weights, "It")
    except UserError as error:
        raise Broken(f"{error}.") from None


def _resumes(subject: Subject) -> None:
    whole, halves = _fresh(), _fresh()
    one = _groups(subject, whole)
    _train(subject, one, whole, 10)
    first = _groups(subject, halves)
    _train(subject, first, halves, 5)
    second = _groups(subject, halves)
    second.load_state_dict(first.state_dict())
    _train(subject, second, halves, 5)
    if not torch.allclose(whole, halves, rtol=1e-5, atol=1e-6):
        raise Broken("Ten updates are not the same as five, saved, loaded, and five more.", "Keep all in self.state.")


OPTIMIZERS = (
    _has("param_groups", "step", "zero_grad", "state_dict", "load_state_dict"),
    Rule("descends", "it goes down a simple slope", _goes_down),
    Rule("rates", "it keeps the learning rates it is handed", _keeps_rates),
    Rule("resumes", "saved and loaded it goes on as if nothing had happened", _resumes),
)


# --- schedules ------------------------------------------------------------------------------------------------------


def _gives_factors(subject: Subject) -> None:
    built = subject.build()
    for step in (1, 2, STEPS // 2, STEPS, STEPS + 10):
        factor = built.factor(step)
        if not is_factor(factor):
            raise Broken(
                f"At update {step} its factor is {value_in_short(factor)}.", "A number from 0, for any step from 1."
            )


def _forgets_steps(subject: Subject) -> None:
    one, other = subject.build(), subject.build()
    for step in range(1, STEPS):
        one.factor(step)
    if [one.factor(step) for step in (7, STEPS)] != [other.factor(step) for step in (7, STEPS)]:
        raise Broken(
            "The factor at a step depends on which steps were asked for before, so a resumed run would differ.",
            "Compute it from `step` alone; what it learns in `observe` belongs into state_dict.",
        )


def _resumes_observing(subject: Subject) -> None:
    built = subject.build()
    if not hasattr(built, "observe"):
        raise NotTried("it observes nothing")
    for value in (20.0, 21.0, 20.5, 20.4, 20.3, 20.2, 20.1, 20.0, 19.9):
        built.observe(value, True)
    copy = subject.build()
    try:
        copy.load_state_dict(built.state_dict())
    except AttributeError as error:
        raise Broken(f"It observes a metric and cannot save what it saw: {error}.") from None
    if [copy.factor(step) for step in (5, 50)] != [built.factor(step) for step in (5, 50)]:
        raise Broken("Saved and loaded, it gives another factor.", "Put all that it remembers into state_dict.")


SCHEDULES = (
    _has("factor"),
    Rule("factors", "it gives a factor from 0 for each step", _gives_factors),
    Rule("history", "a factor is a function of the step", _forgets_steps, ("runs", "factors")),
    Rule("resumes", "what it observed survives saving and loading", _resumes_observing, ("runs", "factors")),
)


# --- launchers ------------------------------------------------------------------------------------------------------


STATES = get_args(JobState)
PATIENCE = 60.0
"""Seconds in which a command that does next to nothing has to come to its end."""


def _knows_no_stranger(subject: Subject) -> None:
    state = subject.build().state("no-such-job")
    if state != "lost":
        raise Broken(f"The state of a job it never started is {state!r}.", '"lost": the study then submits it again.')


def _submitted(subject: Subject, name: str, *arguments: str) -> tuple[Any, str, Job]:
    """A launcher that was handed a command of srkit, and what it calls it."""
    launcher = subject.build()
    job = Job(name, arguments, subject.folder / f"{name}.txt")
    try:
        return launcher, launcher.submit(job), job
    except UserError as error:
        raise NotTried(f"it cannot reach what executes the runs: {error}") from None


def _ended(launcher: Any, job: str) -> str:
    """The state in which a job ends."""
    until = time.monotonic() + PATIENCE
    while (state := launcher.state(job)) in ("waiting", "running"):
        if time.monotonic() > until:
            raise Broken(f"After {PATIENCE:.0f} seconds `srkit --version` is still {state!r}.")
        time.sleep(0.05)
    if state not in STATES:
        raise Broken(f"The state of a job is {state!r}.", f"One of {', '.join(STATES)}.")
    return str(state)


def _executes(subject: Subject) -> None:
    launcher, name, job = _submitted(subject, "version", "--version")
    state = _ended(launcher, name)
    said = job.log.read_text(encoding="utf-8") if job.log.is_file() else ""
    if state != "done":
        raise Broken(f"`srkit --version` ends {state!r}: {said.strip() or 'its log is empty'}.", "Exit code 0 is done.")
    if "srkit" not in said:
        raise Broken("What the command printed is not in job.log.", "Append its standard output and error there.")
    launcher.cancel(name)
    if launcher.state(name) != "done":
        raise Broken("Cancelled after its end, a job is no longer done.", "`cancel` then does nothing.")


def _tells_failures(subject: Subject) -> None:
    launcher, name, _ = _submitted(subject, "failing", "run", str(subject.folder / "no-such-file.toml"))
    state = _ended(launcher, name)
    if state != "failed":
        raise Broken(f"A command that ends with exit code 2 is {state!r}.", "1 to 127 are failed, 0 is done.")


LAUNCHERS = (
    _has("submit", "state", "cancel"),
    Rule("states", "a job it does not know is lost", _knows_no_stranger),
    Rule("executes", "it executes a command, and what that prints is in the log", _executes, ("runs", "states")),
    Rule("failures", "a command that fails is failed", _tells_failures, ("runs", "states", "executes")),
)
