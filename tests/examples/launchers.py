"""A launcher that executes one run at a time."""

from __future__ import annotations

import subprocess
import sys

from srkit.contracts import Job, JobState


class OneByOne:
    """Runs in the order in which they were submitted, each in a process of its own on this machine."""

    def __init__(self) -> None:
        self.queue: list[Job] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, job: Job) -> str:
        """Queue a run; the first begins at once."""
        name = f"{job.name}#{len(self.queue) + len(self.processes)}"
        self.queue.append(Job(name, job.arguments, job.log, job.device))
        self._begin_next()
        return name

    def state(self, job: str) -> JobState:
        """Looks after the queue as well: a study asks often."""
        self._begin_next()
        if any(one.name == job for one in self.queue):
            return "waiting"
        if job not in self.processes:
            return "lost"
        code = self.processes[job].poll()
        if code is None:
            return "running"
        return "done" if code == 0 else "failed" if 0 < code < 128 else "lost"

    def cancel(self, job: str) -> None:
        """A run that waits is taken out of the queue; one that runs saves its checkpoint and ends."""
        self.queue = [one for one in self.queue if one.name != job]
        if job in self.processes and self.processes[job].poll() is None:
            self.processes[job].terminate()

    def _begin_next(self) -> None:
        if not self.queue or any(one.poll() is None for one in self.processes.values()):
            return
        job = self.queue.pop(0)
        with job.log.open("ab") as log:
            command = [sys.executable, "-m", "srkit", *job.arguments]
            self.processes[job.name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
