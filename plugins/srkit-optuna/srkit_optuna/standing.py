"""How a trial stands, in the search's words: Optuna's states, and what became of those that Optuna calls failed."""

from __future__ import annotations

from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

UNCHANGED = "unchanged"
RUN, ERROR, SURPLUS, ROWS = "run", "error", "surplus", "rows"
"""Optuna's user attributes that hold the run's name, why it failed, that it was one too many, its scores."""

Standing = Literal["waiting", "running", "done", "pruned", "failed", "lost", "surplus"]


def standing(trial: FrozenTrial) -> Standing:
    """How a trial stands; `lost` is one that was interrupted, and begun again as another one of the same name."""
    if trial.state == TrialState.FAIL:
        return "failed" if ERROR in trial.user_attrs else "surplus" if SURPLUS in trial.user_attrs else "lost"
    return _STANDINGS[trial.state]


_STANDINGS: dict[TrialState, Standing] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
}


def counts(trial: FrozenTrial) -> bool:
    """Whether it is one of those that were asked for; the unchanged experiment is none."""
    return not is_unchanged(trial) and standing(trial) not in ("lost", "surplus")


def is_unchanged(trial: FrozenTrial) -> bool:
    """Whether it is the experiment as it is: the search's first run."""
    return run_name(trial) == UNCHANGED


def run_name(trial: Any) -> str:
    """The name of a trial's run, which it keeps when it is begun again."""
    first = UNCHANGED if trial.number == 0 else f"trial-{trial.number:04}"
    return str(trial.user_attrs.get(RUN, first))
