"""The cluster: connected to when it is first needed, and asked what it has room for."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import ray

from srkit.errors import UserError

AUTO, LOCAL = "auto", "local"
PATIENCE = 10
"""Seconds to wait for an answer from a cluster's first machine."""


def connect(address: str) -> None:
    """Connect this process to a cluster, once; it may be connected already, as in a notebook.

    Args:
        address: "auto" for the one of RAY_ADDRESS or of this machine, else one that lasts as long as this process;
            "local" for such a one in any case; or where a cluster is.

    Raises:
        UserError: there is none.
    """
    if ray.is_initialized():
        return
    # a cluster that is started here has no page that others could reach
    given: dict[str, Any] = {"include_dashboard": False} | ({} if address == AUTO else {"address": address})
    try:
        _require_answer(os.environ.get("RAY_ADDRESS", "") if address == AUTO else address)
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **given)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"Ray cannot be reached at {address!r}: {reason}. `ray status` shows a cluster, "
            f'`ray start --head` begins one, and address = "{LOCAL}" needs none'
        ) from error


def _require_answer(address: str) -> None:
    """Knock where a cluster should be: Ray itself would try for minutes, deaf to Ctrl-C.

    Raises:
        OSError: nobody answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def require_room(cpus: int, gpus: float) -> None:
    """Refuse what no machine of the cluster has: such a run would wait for ever.

    Raises:
        UserError: naming what there is.
    """
    machines = [one["Resources"] for one in ray.nodes() if one["Alive"]]
    if any(one.get("CPU", 0) >= cpus and one.get("GPU", 0) >= gpus for one in machines):
        return
    there = ", ".join(f"{one.get('CPU', 0):g} cores and {one.get('GPU', 0):g} GPUs" for one in machines)
    raise UserError(
        f"no machine of the Ray cluster has the {cpus} cores and {gpus:g} GPUs of a run; they have: {there}"
    )


def has_gpus() -> bool:
    """Whether any machine has a GPU."""
    return any(one["Resources"].get("GPU", 0) > 0 for one in ray.nodes() if one["Alive"])
