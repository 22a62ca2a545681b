"""The study behind a search: its database, which several processes and machines may share."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from srkit.errors import UserError
from srkit.links import refuse_links
from srkit_optuna.question import Question
from srkit_optuna.sampling import Sampler

DATABASE = "study.db"
BEGUN = "begun_with"

HEARTBEAT, SILENCE = 5, 60
"""Seconds between the signs of life of a trial's process, and after how many without one it is held to be gone."""

PATIENCE = 60
"""Seconds to wait for a database that another process writes to."""

ATTEMPTS = 4

FIRST_TO_FINISH = 5
"""No trial is pruned before this many are done."""

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ExperimentalWarning)  # which the heartbeat is since 2021
    again = RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)
"""Has a trial that was interrupted begun again, by whichever process comes next."""


def open_study(question: Question, url: str | None) -> optuna.Study:
    """The study of the search's folder, begun or gone on with.

    Args:
        url: a database as SQLAlchemy writes it; None for a file in the folder.

    Raises:
        UserError: the database cannot be opened, or it has a study of that name that is another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    where = url or f"sqlite:///{(_made(question.out) / DATABASE).resolve().as_posix()}"
    try:
        study = optuna.create_study(
            storage=_storage(where),
            study_name=question.out.resolve().name,
            direction="maximize" if question.higher_is_better else "minimize",
            sampler=Sampler(question.space, question.plan.experiment.seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TO_FINISH),
            load_if_exists=True,
        )
        _made(question.out)
        _require_same(study, question, where)
    except (SQLAlchemyError, ImportError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = " ".join(str(error).split("\n(Background")[0].split())
        raise UserError(f"the database {_shown(where)} cannot be used: {reason}") from error
    return study


def _storage(url: str) -> RDBStorage:
    """The database. Its tables may be made by several processes that begin at the same moment: then one is in time."""
    is_file = url.startswith("sqlite")
    for left in reversed(range(ATTEMPTS)):
        try:
            return RDBStorage(
                url,
                engine_kwargs={"connect_args": {"timeout": PATIENCE}} if is_file else {"pool_pre_ping": True},
                heartbeat_interval=HEARTBEAT,
                grace_period=SILENCE,
                heartbeat_stale_trial_callback=again,
            )
        except DBAPIError:
            if not left:
                raise
            time.sleep(0.5)
    raise AssertionError("the last attempt returns or raises")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be made: {error.strerror}") from None
    return folder


def _require_same(study: optuna.Study, question: Question, where: str) -> None:
    """A search goes on as it was begun: otherwise its scores are no answer to one question."""
    now = question.begun_with()
    # looked at in this order, since another process may begin the same search at this moment
    left, trials = _runs(question.out), study.get_trials(deepcopy=False)
    before: dict[str, Any] = study.user_attrs.get(BEGUN, {})
    if not before:
        if trials:
            raise UserError(f"{_shown(where)} has a study {study.study_name!r} that srkit tune did not begin")
        if left:
            raise UserError(f"{question.out} has runs of another search ({left[0]}) that the database does not know")
        study.set_user_attr(BEGUN, now)
        return
    lines = [
        f"  {key}: {before.get(key, '(absent)')} -> {now.get(key, '(absent)')}"
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key)
    ]
    if lines:
        raise UserError(
            f"{question.out} is another search; one goes on with the same experiment, parameters and metric:",
            *lines,
            "Choose another --out",
        )


def _runs(folder: Path) -> list[str]:
    return sorted(one.parent.name for one in folder.glob("[!.]*/experiment.toml"))


def _shown(url: str) -> str:
    """A database's address without its password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...@{tail}" if at else url
