"""One trial: an experiment with some values, trained in its folder, given up where others did better."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from srkit.errors import SrkitError
from srkit.evaluation.scores_file import row_to_json
from srkit.execution import Outcome, execute
from srkit.hooks import hookimpl
from srkit.locks import is_held
from srkit.training.folder import LOCK, is_run
from srkit.training.run import Run
from srkit_optuna.question import Question
from srkit_optuna.sampling import distribution
from srkit_optuna.standing import ERROR, ROWS, RUN, UNCHANGED, run_name

if TYPE_CHECKING:
    from srkit_optuna.announcer import Announcer


LOOK_EVERY = 1.0
"""Seconds between two looks at what other processes do."""


class TrialFailed(Exception):
    """A trial that came to no score; why stands with it in the study."""


class Interrupted(Exception):
    """Somebody asked the whole search to stop; the trial's state is saved."""


@dataclass
class Pruning:
    """Tells the study of each validation, and ends the run where it says so.

    Attributes:
        trial: the trial.
        question: the search.
        is_spared: whether the run goes to its end whatever the others reach.
    """

    trial: optuna.Trial
    question: Question
    is_spared: bool
    reason: str = ""

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        """Report the score; stop where the median of the finished trials was better at this step."""
        score = scores[self.question.metric]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of steps done again after an interruption, whose score is there
                self.trial.report(score, step)
            is_behind = self.trial.should_prune()
        except optuna.exceptions.UpdateFinishedTrialError:
            raise SrkitError(f"another process has taken {run.name} over: this one gave no sign of life") from None
        if is_behind and step < run.total_steps and not self.is_spared:
            self.reason = f"{self.question.metric} {score:.4g} at step {step} is worse than the median"
            run.request_stop(f"pruned: {self.reason}")


def values_of(question: Question, trial: optuna.Trial) -> dict[str, Any] | None:
    """The values of a trial's parameters; None for the unchanged experiment."""
    if run_name(trial) == UNCHANGED:
        return None
    labels = {one.key: _suggest(trial, one.key, distribution(one)) for one in question.space}
    return values_from(question, labels)


def values_from(question: Question, labels: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a study's parameters stand for."""
    return {one.key: one.value(labels[one.key]) for one in question.space}


def _suggest(trial: optuna.Trial, key: str, of: Any) -> Any:
    if isinstance(of, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(key, of.choices)
    if isinstance(of, optuna.distributions.IntDistribution):
        return trial.suggest_int(key, of.low, of.high, log=of.log)
    return trial.suggest_float(key, of.low, of.high, log=of.log)


def run_trial(question: Question, trial: optuna.Trial, values: dict[str, Any] | None, announcer: Announcer) -> float:
    """Train and judge; gives the score.

    Raises:
        TrialFailed: something went wrong; the study knows what.
        Interrupted: the run was asked to stop.
        optuna.TrialPruned: it was given up.
    """
    name = run_name(trial)
    trial.set_user_attr(RUN, name)
    announcer.begins(name, values)
    pruning = Pruning(trial, question, is_spared=values is None)
    _wait_for_others(question.out / name, name, announcer)
    try:
        outcome = _executed(question, name, values, pruning, announcer)
        if outcome.interrupted:
            raise Interrupted
        score = _score(question, outcome)
    except (SrkitError, OSError, RuntimeError, ValueError) as error:
        why = str(error).strip() or type(error).__name__
        trial.set_user_attr(ERROR, why)
        announcer.failed(name, why)
        raise TrialFailed(why) from error
    trial.set_user_attr(ROWS, [row_to_json(row) for row in outcome.rows])
    if pruning.reason and outcome.run.step < outcome.run.total_steps:
        announcer.pruned(name, pruning.reason)
        raise optuna.TrialPruned(pruning.reason)
    return score


def _executed(
    question: Question, name: str, values: dict[str, Any] | None, pruning: Pruning, announcer: Announcer
) -> Outcome:
    folder = question.out / name
    return execute(
        question.plan_of(values),
        question.registry,
        out=folder,
        resume=is_run(folder),
        device=question.device,
        observers={"tune": pruning, **announcer.observers()},
        notice=announcer.notice,
    )


def _wait_for_others(folder: Path, name: str, announcer: Announcer) -> None:
    """A process that was silent and still trains there learns at its next validation that it is no longer asked."""
    if is_held(folder / LOCK):
        announcer.in_use(name)
    while is_held(folder / LOCK):
        time.sleep(LOOK_EVERY)


def _score(question: Question, outcome: Outcome) -> float:
    """The run's own score as its final table shows it; an infinite one is None there."""
    own = outcome.rows[-1].metrics[question.metric].shown
    best = math.inf if question.higher_is_better else -math.inf
    return best if own is None else own
