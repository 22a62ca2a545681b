"""The search: trials one after another until as many are done as were asked for, whoever does them."""

from __future__ import annotations

import time
import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from srkit.cli.console import messages
from srkit.cli.failures import INTERRUPTED
from srkit.errors import SrkitError
from srkit_optuna.announcer import Announcer
from srkit_optuna.question import Question
from srkit_optuna.standing import SURPLUS, counts, is_unchanged, run_name, standing
from srkit_optuna.study import again, open_study
from srkit_optuna.trial import LOOK_EVERY, Interrupted, TrialFailed, run_trial, values_of


class _OneTooMany(Exception):
    """Another process began the last trial at the same moment."""


class SearchInterrupted(SrkitError):
    """The search was asked to stop; everything is saved."""

    exit_code = INTERRUPTED


def tune(question: Question, url: str | None) -> optuna.Study:
    """Search until the trials asked for are done; what is left of earlier processes is gone on with.

    Raises:
        UserError: the database cannot be used.
        SearchInterrupted: Ctrl-C, or a termination.
        SrkitError: no trial came to a score.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of the heartbeat
        return _searched(question, open_study(question, url), Announcer(messages()))


def _searched(question: Question, study: optuna.Study, announcer: Announcer) -> optuna.Study:
    announcer.begin(question)
    is_waiting = False
    while True:
        optuna.storages.fail_stale_trials(study)
        trials = study.get_trials(deepcopy=False)
        if _is_left(question, trials):
            is_waiting = False
            _one(question, study, announcer)
            continue
        running = [run_name(one) for one in trials if standing(one) == "running"]
        if not running:
            break
        if not is_waiting:
            announcer.waits(running)
            is_waiting = True
        _wait(question)
    _require_a_score(trials)
    return study


def _is_left(question: Question, trials: list[FrozenTrial]) -> bool:
    """Whether there is a trial to begin: one that was interrupted, the first ones, or not enough were."""
    if any(one.state == TrialState.WAITING for one in trials):
        return True
    return not trials or sum(map(counts, trials)) < question.trials


def _wait(question: Question) -> None:
    try:
        time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        raise _interrupted(question) from None


def _one(question: Question, study: optuna.Study, announcer: Announcer) -> None:
    """Run one trial, and leave in the study what became of it."""
    begun: list[optuna.Trial] = []

    def objective(trial: optuna.Trial) -> float:
        begun.append(trial)
        values = values_of(question, trial)
        if values is not None and _is_surplus(question, study, trial):
            trial.set_user_attr(SURPLUS, True)
            raise _OneTooMany
        return run_trial(question, trial, values, announcer)

    try:
        study.optimize(objective, n_trials=1, catch=(TrialFailed, _OneTooMany), gc_after_trial=True)
    except (Interrupted, KeyboardInterrupt):
        # the next process takes it up at once, and not only when it has been silent for long enough
        if begun:
            again(study, study.trials[begun[0].number])
        raise _interrupted(question) from None
    frozen = study.trials[begun[0].number]
    if frozen.state == TrialState.COMPLETE:
        announcer.done(run_name(frozen), question, float(frozen.value or 0.0), run_name(study.best_trial))


def _is_surplus(question: Question, study: optuna.Study, trial: optuna.Trial) -> bool:
    """Whether as many trials as were asked for came before this one."""
    earlier = [one for one in study.get_trials(deepcopy=False) if one.number < trial.number]
    return sum(map(counts, earlier)) >= question.trials


def _interrupted(question: Question) -> SearchInterrupted:
    return SearchInterrupted(f"interrupted; {question.out} holds everything, and the same command goes on with it")


def _require_a_score(trials: list[FrozenTrial]) -> None:
    if not any(standing(one) == "done" and not is_unchanged(one) for one in trials):
        failed = [one for one in trials if standing(one) == "failed"]
        why = f"; {run_name(failed[0])}: {failed[0].user_attrs['error']}" if failed else ""
        raise SrkitError(f"none of the trials came to its end{why}")
