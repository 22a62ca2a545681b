"""A run of `prepare`: photos handed out in order, patches numbered, everything noted; then the set is closed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from srkit.data.decoding import memory_to_decode
from srkit.data.likeness import near_duplicates_of
from srkit.data.room import budget
from srkit.errors import UserError
from srkit.links import folder_inside, open_no_follow, refuse_links
from srkit.preparing.crew import Crew, Worker
from srkit.preparing.cutting import Job, Look
from srkit.preparing.finishing import finish
from srkit.preparing.folder import State, begin, clean, state_of
from srkit.preparing.journal import Decided, Journal, Written, locked
from srkit.preparing.plan import Plan
from srkit.preparing.targets import WORK, Slot, Target


class Watcher(Protocol):
    """Told how far a run is."""

    def begin(self, earlier: Sequence[int]) -> None:
        """Work begins; these jobs were done by an earlier run."""

    def done(self, job: int) -> None:
        """The patches of this job are in place, or it has none."""


class Decisions:
    """What becomes of each photo, decided in their order, so that it depends on neither time nor processes.

    Attributes:
        journal: everything so far.
        slots: where the patches of each decided photo go; None where it has none.
    """

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self.plan = plan
        self.journal = journal
        self.slots: list[Slot | None] = []
        self._ends = dict.fromkeys(plan.sides, (0, 0))
        self._hashes: list[str] = []
        self._names: list[str] = []
        for entry in journal.decided:
            self._follow(entry)

    @property
    def next(self) -> int:
        """The number of the first job that is not decided."""
        return len(self.slots)

    def decide(self, job: Job, look: Look) -> Slot | None:
        """Note what becomes of the next photo; gives where its patches go."""
        outcome, why = self._outcome(look)
        places = look.places if outcome == "cut" else ()
        entry = Decided(job.number, outcome, why, look.hash, look.sha256, look.size, places, look.flat)
        self.journal.add(entry)
        self._follow(entry)
        return self.slots[-1]

    def unwritten(self) -> list[Job]:
        """Jobs that still have to be done, in order."""
        return [
            job
            for job in self.plan.jobs
            if job.number >= self.next or (self.slots[job.number] and job.number not in self.journal.written)
        ]

    def _outcome(self, look: Look) -> tuple[str, str]:
        if look.outcome == "cut" and look.hash:
            alike = near_duplicates_of(self._hashes, [look.hash], self.plan.settings.near_duplicates)
            if alike:
                return "duplicate", self._names[alike[0].first]
        return look.outcome, look.why

    def _follow(self, entry: Decided) -> None:
        job = self.plan.jobs[entry.job]
        if entry.outcome != "cut":
            self.slots.append(None)
            return
        self._hashes.append(entry.hash)
        self._names.append(job.photo.name)
        number, offset = self._ends[job.side]
        self.slots.append(Slot(job.side, number, offset))
        width, height = entry.size
        count = len(entry.places)
        self._ends[job.side] = (number + count, offset + count * 3 * width * height)


def carry_out(plan: Plan, out: Path, workers: int, watcher: Watcher) -> list[Decided]:
    """Cut everything that is not cut yet, and close the set; gives what became of each job, in order.

    Whatever ends this early, also a kill: the next call with the same plan goes on, and the set will be the same byte
    for byte.

    Args:
        plan: what to do; `state_of` said that the folder is free or was begun with the same.
        out: the folder of the results.
        workers: processes.
        watcher: told every job that is done.

    Raises:
        UserError: the folder cannot be written, the disk is full, another run is at it, no patch is left.
        SrkitError: a process failed or died.
    """
    target = Target(out, plan.settings.form)
    with _disk(out):
        out.mkdir(parents=True, exist_ok=True)
        refuse_links(out)
        folder_inside(out, WORK)
        with locked(out / WORK / "lock"):
            state = state_of(out, plan)
            if state is State.FINISHED:
                raise UserError(f"{out}: another srkit has just finished it")
            if state is State.FREE:
                begin(out, plan)
            _remove_strays(plan, out)
            journal = Journal(out / WORK / "journal.jsonl")
            try:
                journal.require_fitting(plan)
                _cut(Decisions(plan, journal), target, workers, watcher)
                finish(plan, journal, target)
            finally:
                journal.close()
        clean(out)
    return journal.decided


def _remove_strays(plan: Plan, out: Path) -> None:
    """What a run left half-written when it was killed."""
    for folder in (out / WORK, out, *(out / side for side in plan.sides)):
        for stray in folder.glob("*.part"):
            stray.unlink(missing_ok=True)


def _cut(decisions: Decisions, target: Target, workers: int, watcher: Watcher) -> None:
    """Do every job that is left."""
    todo = deque(decisions.unwritten())
    left = {job.number for job in todo}
    watcher.begin([job.number for job in decisions.plan.jobs if job.number not in left])
    if not todo:
        return
    if target.form == "packed":
        for side in decisions.plan.sides:
            open_no_follow(target.packing(side), "ab").close()
    crew = Crew(decisions.plan.settings, target, min(workers, len(todo)))
    looked: dict[int, tuple[Worker, Look]] = {}
    hall = _Hall()
    try:
        while left:
            hall.under_way &= left
            for worker in crew.idle:
                if todo and hall.admits(todo[0]):
                    crew.look(worker, todo.popleft())
            for one in crew.news():
                if one.look is not None:
                    looked[one.job.number] = (one.worker, one.look)
                else:
                    decisions.journal.add(Written(one.job.number, one.checks))
                    left.discard(one.job.number)
                    watcher.done(one.job.number)
            for number in _answer(decisions, crew, looked):
                left.discard(number)
                watcher.done(number)
    finally:
        crew.close()


class _Hall:
    """How many photos may be in memory at a time: in their order, as many as decoding has memory for, and always one.

    Attributes:
        under_way: the numbers of those that are.
    """

    def __init__(self) -> None:
        self.under_way: set[int] = set()
        self._needs: dict[int, int] = {}

    def admits(self, job: Job) -> bool:
        if job.number not in self._needs:
            self._needs[job.number] = memory_to_decode(job.photo.file)
        need = self._needs[job.number]
        if self.under_way and sum(self._needs[one] for one in self.under_way) + need > budget():
            return False
        self.under_way.add(job.number)
        return True


def _answer(decisions: Decisions, crew: Crew, looked: dict[int, tuple[Worker, Look]]) -> Iterator[int]:
    """Tell workers where their patches go, as far as can be decided by now; gives jobs that have none."""
    # Decided by a run that was killed before it had written them.
    for number in [one for one in looked if one < decisions.next]:
        worker, look = looked.pop(number)
        if look.places != decisions.journal.decided[number].places:
            raise UserError(f"{decisions.plan.jobs[number].photo.file}: was changed while it was prepared")
        crew.write(worker, decisions.slots[number])
    while decisions.next in looked:
        number = decisions.next
        worker, look = looked.pop(number)
        slot = decisions.decide(decisions.plan.jobs[number], look)
        crew.write(worker, slot)
        if slot is None:
            yield number


@contextmanager
def _disk(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}). "
            "The same command goes on once that is mended"
        ) from error
