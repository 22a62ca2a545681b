"""What lives in the cluster: an actor for each run, which starts its process, and lets it save before it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from srkit_ray.parcel import News, Parcel, Stamps, news_of

WORKER = "srkit.components.launchers.local_worker"
"""`python -m srkit`, but for saving and ending when standard input ends, as it does when this actor is gone."""


@dataclass(frozen=True)
class Order:
    """A run to execute.

    Attributes:
        arguments: of `python -m srkit`.
        log: what is printed goes to the end of this file; of a run whose files travel, to one beside them.
        environment: variables of the study's own environment.
        folder: where the study stands; the run stands there too where that exists.
        parcel: the run's files, where the machines do not share them.
    """

    arguments: tuple[str, ...]
    log: str
    environment: Mapping[str, str]
    folder: str
    parcel: Parcel | None = None


class Executor:
    """One run, and after it nothing more."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_stopped = False
        self._place: Path | None = None
        self._has_unpacked = threading.Event()

    def is_there(self) -> bool:
        """Answers once the cluster has room for the run."""
        return True

    def execute(self, order: Order) -> int:
        """Start the run and wait for its end; gives its exit code, which is negative where a signal ended it."""
        log, arguments = Path(order.log), order.arguments
        if order.parcel is not None:
            self._place = Path(tempfile.mkdtemp(prefix="srkit-ray-"))
            log, arguments = order.parcel.unpack(self._place, arguments)
            self._has_unpacked.set()
        with log.open("ab") as file:
            with self._lock:
                if self._is_stopped:
                    return 130
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", WORKER, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **order.environment, "PYTHONUNBUFFERED": "1"},
                    cwd=order.folder if Path(order.folder).is_dir() else None,
                )
            return self._process.wait()

    def stop(self) -> None:
        """Let the run save and end."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def news(self, known: Stamps, told: int) -> News | None:
        """What is new in the run's folder and its log; None while there is no such folder."""
        if self._place is None or not self._has_unpacked.is_set():
            return None
        return news_of(self._place, known, told)

    def clear(self) -> None:
        """Remove the run's files from this machine."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
