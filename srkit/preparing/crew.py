"""Processes that cut photos: each says what it found in one, is told where the patches go, and writes them."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from srkit.data.interrupts import without_interrupts
from srkit.data.room import Ledger, budget, join
from srkit.errors import FAILURES, SrkitError, UserError, in_short
from srkit.machine.programs import safe_children
from srkit.own_warnings import own_warnings_alone
from srkit.preparing.cutting import Cutter, Job, Look
from srkit.preparing.settings import Settings
from srkit.preparing.shrinking import Shrinker
from srkit.preparing.targets import Slot, Target
from srkit.registry import Registry, Trust


@dataclass
class Worker:
    """One process, the pipe to it, and the photo it is at."""

    process: BaseProcess
    pipe: Connection
    job: Job | None = None


@dataclass(frozen=True)
class News:
    """A worker has looked at its photo (`look`), or has written its patches (`checks`)."""

    worker: Worker
    job: Job
    look: Look | None = None
    checks: tuple[str, ...] = ()


class Crew:
    """The processes; they end when this one does, whatever ends it.

    Args:
        settings: what to do with each photo.
        target: where patches go.
        workers: how many, from 1.
    """

    def __init__(self, settings: Settings, target: Target, workers: int) -> None:
        # Spawned everywhere: a forked child would hold the other pipes open, and never learn that this process died.
        context = multiprocessing.get_context("spawn")
        self.workers: list[Worker] = []
        try:
            with without_interrupts(), safe_children():
                for number in range(workers):
                    ours, theirs = context.Pipe(duplex=True)
                    process = context.Process(
                        target=_work, args=(theirs, settings, target, budget()), name=f"prepare-{number}", daemon=True
                    )
                    process.start()
                    theirs.close()
                    self.workers.append(Worker(process, ours))
        except BaseException:
            self.close()
            raise

    @property
    def idle(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.job is None]

    def look(self, worker: Worker, job: Job) -> None:
        """Let an idle worker look at a photo."""
        worker.job = job
        self._send(worker, job)

    def write(self, worker: Worker, slot: Slot | None) -> None:
        """Let a worker write the patches of the photo that it looked at, or drop them."""
        self._send(worker, slot)
        if slot is None:
            worker.job = None

    def news(self) -> list[News]:
        """What the workers have to say; waits for the first.

        Raises:
            UserError: the disk is full or cannot be written.
            SrkitError: a worker failed or died; names the photo.
        """
        by_pipe: dict[Any, Worker] = {one.pipe: one for one in self.workers if one.job is not None}
        found = []
        for pipe in wait(list(by_pipe)):
            worker = by_pipe[pipe]
            assert worker.job is not None
            job = worker.job
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, OSError):
                raise _died(worker) from None
            if kind == "look":
                found.append(News(worker, job, look=content))
            elif kind == "checks":
                worker.job = None
                found.append(News(worker, job, checks=content))
            else:
                raise _failed(job, kind, content)
        return found

    def close(self) -> None:
        """End the processes now and leave none behind. May be called twice."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(2)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(2)
            worker.pipe.close()
        self.workers = []

    @staticmethod
    def _send(worker: Worker, message: Any) -> None:
        try:
            worker.pipe.send(message)
        except OSError:
            raise _died(worker) from None


def _died(worker: Worker) -> SrkitError:
    worker.process.join(2)
    code = worker.process.exitcode
    where = f"at {worker.job.photo.file}" if worker.job is not None else "between two photos"
    hint = "the system may have run out of memory: try fewer workers. " if code == -9 else ""
    return SrkitError(f"a process died {where} (exit code {code}); {hint}The same command goes on")


def _failed(job: Job, kind: str, content: Sequence[str]) -> SrkitError:
    message, trace = content
    error: SrkitError
    if kind == "disk":
        error = UserError(f"{message}. The same command goes on once that is mended")
    elif kind == "user":
        error = UserError(f"{job.photo.file}: {message}")
    else:
        error = SrkitError(f"{job.photo.file} could not be cut: {message}")
    error.__cause__ = RuntimeError(f"\n{trace}")
    return error


@own_warnings_alone()
def _work(pipe: Connection, settings: Settings, target: Target, limit: int) -> None:
    """A worker's life: look at photos and write their patches until the pipe closes.

    It may take all the memory for one photo: what is under way at a time is for who hands the photos out.
    """
    join(Ledger(limit=limit), 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        cutter: Cutter | None = None
        while True:
            job: Job = pipe.recv()
            try:
                if cutter is None:
                    # the downscaler was looked up, and trusted, by the process that began this one
                    registry = Registry.installed(Trust(everything=True))
                    cutter = Cutter(settings, Shrinker(settings.downscaler, settings.scales, registry))
                look = cutter.look(job)
                pipe.send(("look", look))
                slot: Slot | None = pipe.recv()
                if slot is not None:
                    pipe.send(("checks", _written(cutter, look, target, slot)))
            except _Disk as error:
                pipe.send(("disk", (str(error), traceback.format_exc())))
            except EOFError:
                return
            except SrkitError as error:
                kind = "user" if isinstance(error, UserError) else "failed"
                pipe.send((kind, (str(error), traceback.format_exc())))
            except FAILURES as error:
                pipe.send(("failed", (in_short(error), traceback.format_exc())))
    except (EOFError, OSError):
        pass  # the main process has closed the pipe or ended


class _Disk(Exception):
    """Patches cannot be written."""


def _written(cutter: Cutter, look: Look, target: Target, slot: Slot) -> tuple[str, ...]:
    try:
        return target.write(slot, cutter.patches(look))
    except OSError as error:
        raise _Disk(f"{target.out}: cannot be written ({error.strerror or error})") from error
