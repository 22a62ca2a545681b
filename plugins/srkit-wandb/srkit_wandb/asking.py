"""How tracking is asked for: by the environment, so that an installed plugin stays silent until somebody wants it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from srkit.errors import UserError

ASKS = "SRKIT_WANDB"
YES, NO = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")
PROJECT = "srkit"
"""The project where nobody names one."""


@dataclass(frozen=True)
class Place:
    """Where a run is tracked: a project, and whose; None for what wandb itself takes by default."""

    project: str
    entity: str | None = None


def asked_for() -> Place | None:
    """The place that `SRKIT_WANDB` names: `PROJECT`, `ENTITY/PROJECT`, or `1` for that of `WANDB_PROJECT`.

    Raises:
        UserError: it names none.
    """
    value = os.environ.get(ASKS, "").strip()
    if value.lower() in NO:
        return None
    if value.lower() in YES:
        return Place(os.environ.get("WANDB_PROJECT") or PROJECT)
    entity, slash, project = value.rpartition("/")
    if not project or "/" in entity or (slash and not entity):
        raise UserError(
            f"{ASKS}={value}: expected PROJECT or ENTITY/PROJECT, 1 for WANDB_PROJECT, or 0 for no tracking"
        )
    return Place(project, entity or None)
