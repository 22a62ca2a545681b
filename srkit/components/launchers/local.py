"""Runs as processes of this machine."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Literal

import torch

from srkit.contracts import Job, JobState, Provenance
from srkit.errors import OptionError
from srkit.links import open_no_follow

__all__ = ["Local"]

WORKER = "srkit.components.launchers.local_worker"
INTERRUPTED = 130


class Local:
    """Processes on this machine, some at a time, among which its threads are shared out.

    Several CUDA cards are taken in turns. A process ends by itself, its checkpoint saved, when the one that started it
    is gone.

    Args:
        jobs: how many runs at a time.
        threads: CPU threads of each; "auto": torch's own number divided by `jobs`, kept when a study goes on.
    """

    def __init__(self, jobs: int = 1, threads: int | Literal["auto"] = "auto") -> None:
        if jobs < 1:
            raise OptionError("jobs", f"it must be 1 or more, got {jobs}.")
        if threads != "auto" and threads < 1:
            raise OptionError("threads", f"it must be 1 or more, got {threads}.")
        self.jobs = jobs
        self.threads = max(1, torch.get_num_threads() // jobs) if threads == "auto" else threads
        self.provenance = Provenance(resolved={"threads": self.threads})
        self._entries: dict[str, _Entry] = {}
        self._waiting: queue.SimpleQueue[_Entry] = queue.SimpleQueue()

    def submit(self, job: Job) -> str:
        """Queue a run; gives the name to ask for it by."""
        name = f"{job.name}/{len(self._entries) + 1}"
        self._entries[name] = _Entry(job)
        self._waiting.put(self._entries[name])
        if len(self._entries) <= self.jobs:  # as many as are needed; not before the first run, and never more
            threading.Thread(target=self._work, args=(len(self._entries) - 1,), daemon=True).start()
        return name

    def state(self, job: str) -> JobState:
        """In what state a run is."""
        return self._entries[job].state if job in self._entries else "lost"

    def cancel(self, job: str) -> None:
        """Let a run save and end."""
        if job in self._entries:
            self._entries[job].cancel()

    def _work(self, place: int) -> None:
        """Execute one run after another, whatever happens to them."""
        while True:
            entry = self._waiting.get()
            try:
                entry.execute(self._environment(entry.job, place))
            except OSError as error:
                entry.fail(f"error: the run's process cannot be started: {error}")

    def _environment(self, job: Job, place: int) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        # what is printed is to be read while the run lasts
        return {**os.environ, "PYTHONUNBUFFERED": "1", **threads, **_card(job, place)}


def _card(job: Job, place: int) -> dict[str, str]:
    """What lets a run see one of several CUDA cards; nothing where its device was named or there is one at most."""
    count = torch.cuda.device_count() if job.device is None else 0
    if count < 2:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    names = visible if len(visible) == count else [str(card) for card in range(count)]
    return {"CUDA_VISIBLE_DEVICES": names[place % count]}


@dataclass
class _Entry:
    """A run in the queue, then its process."""

    job: Job
    state: JobState = "waiting"
    process: subprocess.Popen[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def execute(self, environment: dict[str, str]) -> None:
        """Start the process and wait for its end."""
        with self.lock:
            if self.state != "waiting":
                return  # cancelled while it waited
            with open_no_follow(self.job.log, "ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", "-m", WORKER, *self.job.arguments],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    # Ctrl-C in the terminal is for the study alone, which tells its runs
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
            self.state = "running"
        code = self.process.wait()
        with self.lock:
            self._close()
            self.state = "done" if code == 0 else "failed" if 0 < code < 128 else "lost"

    def fail(self, message: str) -> None:
        with self.lock:
            self.state = "failed"
        with open_no_follow(self.job.log, "a", encoding="utf-8") as log:
            log.write(f"{message}\n")

    def cancel(self) -> None:
        with self.lock:
            if self.state == "waiting":
                self.state = "lost"
            elif self.state == "running":
                self._close()

    def _close(self) -> None:
        """Close the pipe that the worker watches; that ends it on every system, in its own time."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
