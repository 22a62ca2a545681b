"""Worker processes that answer requests in order, and say which sample was in the way when one of them fails.

torch's DataLoader is left aside: it reports a dead worker as a RuntimeError out of a signal handler, in the middle of
whatever the training process is doing; it limits the time for a batch and not for a sample; it cannot say which file
was at fault; and its results need /dev/shm, which containers keep small.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import torch

from srkit.data.cache import whereabouts
from srkit.data.interrupts import without_interrupts
from srkit.data.room import Ledger, close_ledger, join, open_ledger
from srkit.data.sampling import Request, Sampler
from srkit.errors import FAILURES, BadImage, SrkitError, UserError, in_short
from srkit.machine.programs import safe_children
from srkit.own_warnings import own_warnings_alone

Answer = tuple[Request, np.ndarray, np.ndarray | None]

_AHEAD = 2  # requests a worker holds: one it works at, one it can begin without waiting for this process
_LOOK = 0.25  # seconds between two looks at a worker that lets us wait

# What a worker's two cells on the progress board say: the sample it is at, or one of these; and a count of samples.
_IDLE = -1
_STARTING = -2


class _Remote(Exception):
    """The traceback of a failed worker, as the cause of what is raised here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Worker:
    """One process, the pipe to it, and a thread that empties the pipe.

    The thread lets a batch cross while this process computes; and with it neither side can wait for the other to read.
    """

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, name="srkit-loader", daemon=True)

    def _read(self) -> None:
        try:
            while True:
                kind, *content = self.pipe.recv()
                if kind == "batch":
                    content = [None if shape is None else self._array(shape) for shape in content]
                self.inbox.put((kind, *content))
        except (EOFError, OSError):
            self.inbox.put(("gone",))
        except Exception as error:  # what a process wrote while it was being killed may be anything
            self.inbox.put(("gone", repr(error)))

    def _array(self, shape: tuple[int, ...]) -> np.ndarray:
        array = np.empty(shape, np.uint8)
        self.pipe.recv_bytes_into(array.data.cast("B"))
        return array


class WorkerPool:
    """Processes that make batches.

    Args:
        sampler: what they run; handed to each by pickling where the platform spawns.
        workers: how many, at least 1.
        timeout: seconds for one sample, or for the start of a process.
        context: "fork", "spawn", "forkserver", or None for the platform's own way.
    """

    def __init__(self, sampler: Sampler, workers: int, *, timeout: float, context: str | None = None) -> None:
        self.sampler = sampler
        self.timeout = timeout
        chosen: Any = multiprocessing.get_context(context)
        self._board = chosen.RawArray("q", [_STARTING, 0] * workers)
        with safe_children():  # its lock starts a process, which looks after it
            self._ledger = open_ledger(chosen, workers)
        self._workers: list[_Worker] = []
        # A stream that is left open would be closed when the interpreter has half gone already.
        atexit.register(self.close)
        try:
            with without_interrupts(), safe_children():
                for number in range(workers):
                    ours, theirs = chosen.Pipe(duplex=True)
                    arguments = (number, theirs, sampler, self._board, self._ledger)
                    process = chosen.Process(target=_work, args=arguments, name=f"loader-{number}", daemon=True)
                    process.start()
                    # With our copy of its end open, the death of the worker would not close the pipe.
                    theirs.close()
                    self._workers.append(_Worker(process, ours))
        except BaseException:
            self.close()
            raise
        # After the last fork: a thread that holds a lock at that moment would leave it locked in the child.
        for worker in self._workers:
            worker.reader.start()

    def answers(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """(request, hr, lr) for each request, in their order; `requests` is read `2 * workers` ahead.

        Raises:
            BadImage, UserError: as the worker raised it.
            SrkitError: a worker died, hangs, or failed otherwise; names the sample it was at.
        """
        source = iter(requests)
        asked: deque[tuple[int, Request]] = deque()
        turn = 0
        for request in source:
            self._ask(turn, request)
            asked.append((turn, request))
            turn = (turn + 1) % len(self._workers)
            if len(asked) == _AHEAD * len(self._workers):
                yield self._answer(*asked.popleft())
        while asked:
            yield self._answer(*asked.popleft())

    def close(self) -> None:
        """End the processes now, whatever they are doing, and leave none behind. May be called twice."""
        atexit.unregister(self.close)
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(2)
            if worker.process.is_alive():  # stopped, or stuck in the kernel
                worker.process.kill()
                worker.process.join(2)
            # The reader ends with the pipe; only then may our end be closed.
            if worker.reader.ident is not None:
                worker.reader.join(2)
            if not worker.reader.is_alive():
                worker.pipe.close()
        close_ledger(self._ledger)

    def _ask(self, number: int, request: Request) -> None:
        # A dead worker is reported when its answer is due, after what it still answered.
        with suppress(OSError):
            self._workers[number].pipe.send(request)

    def _answer(self, number: int, request: Request) -> Answer:
        kind, *content = self._wait(number)
        if kind == "batch":
            return request, content[0], content[1]
        if kind == "bad image":
            raise BadImage(*content)
        if kind == "error":
            user_error, message, trace = content
            raise (UserError if user_error else SrkitError)(message) from _Remote(trace)
        if kind == "failed":
            index, message, trace = content
            raise SrkitError(f"a loader worker failed {self._place(index)}: {message}") from _Remote(trace)
        raise self._died(number)

    def _wait(self, number: int) -> Any:
        """The worker's next message; its time counts from its last sign of life while we wait."""
        worker = self._workers[number]
        seen, since = self._signs(number), time.monotonic()
        while True:
            try:
                return worker.inbox.get(timeout=min(_LOOK, self.timeout))
            except queue.Empty:
                now = self._signs(number)
                if now != seen:
                    seen, since = now, time.monotonic()
                elif time.monotonic() - since > self.timeout:
                    raise self._hangs(number) from None

    def _signs(self, number: int) -> tuple[int, int]:
        return self._board[2 * number], self._board[2 * number + 1]

    def _place(self, index: int) -> str:
        if index == _STARTING:
            return "while it started"
        if index == _IDLE:
            return "between two samples"
        return f"at {whereabouts(self.sampler.dataset, index)}"

    def _died(self, number: int) -> SrkitError:
        process = self._workers[number].process
        process.join(2)
        code = process.exitcode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        hint = "the system may have run out of memory: " if code == -9 else ""
        return SrkitError(
            f"a loader worker died {self._place(self._board[2 * number])} ({how}); {hint}"
            "try fewer workers, or [data] workers = 0 to see the error itself"
        )

    def _hangs(self, number: int) -> SrkitError:
        place = self._place(self._board[2 * number])
        return SrkitError(
            f"a loader worker hangs {place}: no sign of life for {self.timeout:g} seconds; "
            "look at that file and the disk it is on, or set [data] workers = 0"
        )


class _Place:
    """A worker's side of the progress board."""

    def __init__(self, board: Any, number: int) -> None:
        self._board = board
        self._cell = 2 * number

    @property
    def index(self) -> int:
        return int(self._board[self._cell])

    @index.setter
    def index(self, index: int) -> None:
        self._board[self._cell] = index

    def __call__(self, index: int) -> None:
        """At this sample now, before it is read."""
        self.index = index
        self._board[self._cell + 1] += 1


def _work(number: int, pipe: Connection, sampler: Sampler, board: Any, ledger: Ledger) -> None:
    """A worker's life: answer requests until the pipe closes or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):  # a forked child has inherited the trainer's handlers
        if callable(signal.getsignal(number_of := getattr(signal, name, signal.SIGTERM))):
            signal.signal(number_of, signal.SIG_DFL)
    parent = os.getppid() if os.name == "posix" else 0
    torch.set_num_threads(1)  # workers are the parallelism; and a forked child must not touch the parent's thread pool

    join(ledger, 1 + number)
    at = _Place(board, number)
    at.index = _IDLE
    try:
        with own_warnings_alone():
            while _asked(pipe, parent):
                request = pipe.recv()
                _send(pipe, *_answered(sampler, request, at))
                at.index = _IDLE
    except (EOFError, OSError):
        pass  # the training process has closed the pipe or ended


def _asked(pipe: Connection, parent: int) -> bool:
    while not pipe.poll(1.0):
        # A parent that was killed closes nothing as long as another worker holds a copy of its end.
        watched = multiprocessing.parent_process()
        if (watched is not None and not watched.is_alive()) or (parent and os.getppid() != parent):
            return False
    return True


def _answered(sampler: Sampler, request: Request, at: _Place) -> tuple[Any, ...]:
    try:
        return ("batch", *sampler.pictures(request, at))
    # As plain values: exceptions with a signature of their own do not survive pickling.
    except BadImage as bad:
        return "bad image", str(bad.path), bad.why
    except SrkitError as error:
        return "error", isinstance(error, UserError), str(error), traceback.format_exc()
    except FAILURES as error:
        return "failed", at.index, in_short(error), traceback.format_exc()


def _send(pipe: Connection, kind: str, *content: Any) -> None:
    if kind != "batch":
        pipe.send((kind, *content))
        return
    # The pictures follow as bare bytes, which saves pickling's copies on both sides.
    pipe.send((kind, *(None if array is None else array.shape for array in content)))
    for array in content:
        if array is not None:
            pipe.send_bytes(array.data.cast("B"))
