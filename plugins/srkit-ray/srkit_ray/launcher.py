"""The launcher: hands a study's runs to the cluster and says how they stand."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from srkit.contracts import Job, JobState, Provenance
from srkit.errors import OptionError, UserError

if TYPE_CHECKING:
    from srkit_ray.parcel import News, Stamps

PASSED_ON = (
    *("SRKIT_LOAD_PLUGINS", "SRKIT_DECODE_MEMORY", "SRKIT_MAX_PIXELS", "SRKIT_DEBUG", "SRKIT_WANDB"),
    *("TORCH_HOME", "HF_HOME", "HF_HUB_OFFLINE", "WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY"),
)
"""The variables that runs are given as the study has them; keys and tokens only where `environment` names them."""

ENDED = ("done", "failed", "lost")
BY_SIGNAL = 128
FETCH_EVERY = 15.0
"""Seconds between two looks at the files of a run elsewhere."""


class Ray:
    """A Ray cluster, of one machine or many; each run has cores and GPUs of its own.

    The machines need the same version of srkit and its plugins, and the data at the same place. A run whose machine or
    process is lost begins again at its last checkpoint, wherever there is room.

    Args:
        address: where the cluster is; "auto": that of RAY_ADDRESS or of this machine, else one that is started here and
            ends with the study; "local": always such a one.
        cpus: cores of each run, which are its threads too.
        gpus: GPUs of each run, half of one with 0.5; "auto": one where the cluster has any.
        jobs: how many runs at a time at most; without it as many as the cluster has room for.
        files: "shared" where all machines see the study's folder; "copied" where they do not: then a run's files travel
            to its machine, and back every 15 seconds and at its end.
        environment: names of further variables that runs are given as the study has them, such as "WANDB_API_KEY".
    """

    needs_trust: ClassVar[dict[str, tuple[object, ...]]] = {"address": ("auto", "local"), "environment": ([],)}

    def __init__(
        self,
        address: str = "auto",
        cpus: int = 1,
        gpus: float | Literal["auto"] = "auto",
        jobs: int | None = None,
        files: Literal["shared", "copied"] = "shared",
        environment: list[str] | None = None,
    ) -> None:
        if cpus < 1:
            raise OptionError("cpus", f"it must be 1 or more, got {cpus}.")
        if gpus != "auto" and (gpus < 0 or (gpus > 1 and gpus != int(gpus))):
            raise OptionError("gpus", f"it must be a share of one GPU or a whole number of them, got {gpus:g}.")
        if jobs is not None and jobs < 1:
            raise OptionError("jobs", f"it must be 1 or more, got {jobs}.")
        self.address = address
        self.cpus = cpus
        self.gpus = gpus
        self.jobs = jobs
        self.files = files
        self.environment = environment or []
        self.provenance = Provenance(resolved={"cpus": cpus})
        self._entries: dict[str, _Entry] = {}

    def submit(self, job: Job) -> str:
        """Queue a run; gives the name to ask for it by.

        Raises:
            UserError: the cluster cannot be reached, or no machine of it is large enough.
        """
        from srkit_ray.cluster import connect, require_room

        connect(self.address)
        gpus = self._gpus(job)
        require_room(self.cpus, gpus)
        name = f"{job.name}/{len(self._entries) + 1}"
        self._entries[name] = _Entry(job, gpus)
        self._begin_what_may()
        return name

    def state(self, job: str) -> JobState:
        """In what state a run is."""
        if job not in self._entries:
            return "lost"
        entry = self._entries[job]
        entry.look()
        self._begin_what_may()
        return entry.state

    def cancel(self, job: str) -> None:
        """Let a run save and end."""
        if job in self._entries:
            self._entries[job].cancel()

    def _gpus(self, job: Job) -> float:
        """How many GPUs a run asks the cluster for."""
        from srkit_ray.cluster import has_gpus

        if job.device is not None and ":" in job.device:
            raise UserError(f"--device {job.device}: Ray chooses the card; write --device cuda, or leave it out")
        if job.device is not None and job.device != "cuda":
            return 0
        return float(has_gpus()) if self.gpus == "auto" else self.gpus

    def _begin_what_may(self) -> None:
        """Hand to the cluster what waits here; that keeps the order, and its own queue."""
        handed_over = sum(one.is_handed_over and one.state not in ENDED for one in self._entries.values())
        for entry in self._entries.values():
            if self.jobs is not None and handed_over >= self.jobs:
                return
            if entry.state == "waiting" and not entry.is_handed_over:
                entry.hand_over(self.cpus, self.environment, copied=self.files == "copied")
                handed_over += 1


@dataclass
class _Entry:
    """A run in the queue, then its actor.

    Attributes:
        told: bytes of its log that were fetched.
        known: its files as they were fetched.
        fetched: when; or 0.
    """

    job: Job
    gpus: float
    state: JobState = "waiting"
    actor: Any = None
    begun: Any = None
    ended: Any = None
    out: Path | None = None
    news: Any = None
    fetched: float = 0.0
    told: int = 0
    known: Stamps = field(default_factory=dict)

    @property
    def is_handed_over(self) -> bool:
        return self.actor is not None

    def hand_over(self, cpus: int, further: Sequence[str], *, copied: bool) -> None:
        """Ask the cluster for an actor, and that for the run."""
        import ray

        from srkit_ray.executor import Executor, Order
        from srkit_ray.parcel import Parcel

        parcel = Parcel.of(self.job.arguments) if copied else None
        self.out = Path(parcel.out) if parcel is not None else None
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(cpus))
        environment = {name: os.environ[name] for name in (*PASSED_ON, *further) if name in os.environ}
        order = Order(self.job.arguments, str(self.job.log), environment | threads, str(Path.cwd()), parcel)
        # a run that is lost begins again by the study, from its checkpoint, and not by Ray from nothing
        kind = ray.remote(num_cpus=cpus, num_gpus=self.gpus, max_restarts=0, max_task_retries=0, max_concurrency=3)
        self.actor = kind(Executor).remote()
        self.begun = self.actor.is_there.remote()
        self.ended = self.actor.execute.remote(order)
        self.fetched = time.monotonic()

    def look(self) -> None:
        """Find out how the run stands, without waiting for anything."""
        if not self.is_handed_over or self.state in ENDED:
            return
        if self.state == "waiting" and _is_there(self.begun):
            self.state = "running"
        has_ended = _is_there(self.ended)
        if self.out is not None and not self._has_fetched(has_ended):
            return  # its end is told when its files are here
        if has_ended:
            self._end()

    def cancel(self) -> None:
        """Let the run save and end; one that waits does not begin."""
        if self.state == "running":
            self.actor.stop.remote()
        elif self.state == "waiting":
            if self.is_handed_over:
                self._let_go()
            self.state = "lost"

    def _end(self) -> None:
        """What came of it, by its exit code or by how the actor was lost."""
        import ray
        from ray.exceptions import RayActorError, RayError

        try:
            code = ray.get(self.ended)
            own = 0 <= code < BY_SIGNAL
            self.state = "done" if code == 0 else "failed" if own else "lost"
        except RayActorError:
            self.state = "lost"
        except RayError as error:
            with self.job.log.open("a", encoding="utf-8") as log:
                log.write(f"error: the run's process cannot be started: {' '.join(str(error).split())}\n")
            self.state = "failed"
        self._let_go()

    def _has_fetched(self, has_ended: bool) -> bool:
        """Bring the run's files here when it is time; whether the last ones are here, or never will be."""
        if self.news is None:
            if not has_ended and (self.state != "running" or time.monotonic() < self.fetched + FETCH_EVERY):
                return False
            self.news = (self.actor.news.remote(self.known, self.told), has_ended)
        reference, is_last = self.news
        if not _is_there(reference):
            return False
        self.news = None
        self.fetched = time.monotonic()
        news = _got(reference)
        if news is None:
            return has_ended
        assert self.out is not None
        news.apply(self.out, self.known, self.job.log)
        self.known, self.told = news.stamps, self.told + len(news.printed)
        return bool(is_last)

    def _let_go(self) -> None:
        """Give cores and cards back to the cluster."""
        import ray

        if self.out is not None and self.state != "waiting":
            ray.wait([self.actor.clear.remote()], timeout=5)
        ray.kill(self.actor)


def _is_there(reference: Any) -> bool:
    """Whether a result, or the error in its place, can be had at once."""
    import ray

    return bool(ray.wait([reference], timeout=0)[0])


def _got(reference: Any) -> News | None:
    """A run's news; None where its actor is gone."""
    import ray
    from ray.exceptions import RayError

    try:
        news: News | None = ray.get(reference)
    except RayError:
        return None
    return news
