"""Several processes that train one run together, as torchrun starts them: each an equal share of every batch.

The weights are equal everywhere at every step, since all start alike and all take the mean of everybody's gradients.
Random streams belong to the samples of the whole batch, so which process has a sample changes nothing about it. What a
process does keep for itself: the statistics of batch norm over its share (the first one's are judged and saved), and
what draws from torch's global stream, such as dropout.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import torch
import torch.distributed as dist
from torch import Tensor, nn

from srkit.data.loader import Request
from srkit.errors import FAILURES, SaidElsewhere, SrkitError, UserError
from srkit.training.terms import mean

T = TypeVar("T")

PATIENCE = timedelta(hours=2)
"""How long one process waits for another, which may be looking at a large folder for the first time."""


class PeerLost(SrkitError):
    """Another process of the run ended, or cannot be reached."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run; one alone by default, for which nothing is exchanged.

    Attributes:
        rank: this one's number, from 0; the first writes the files and calls the plugins.
        size: how many there are.
        store: what all can write to, however badly one of them fares.
    """

    rank: int = 0
    size: int = 1
    store: Any = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, request: Request, parts: int) -> Request:
        """This process's share of a batch: the same number out of each of the parts it is worked through in."""
        if self.size == 1:
            return request
        count = len(request.slots) // parts // self.size
        starts = range(self.rank * count, len(request.slots), self.size * count)
        places = [place for start in starts for place in range(start, start + count)]
        slots, indices = (tuple(of[place] for place in places) for of in (request.slots, request.indices))
        return replace(request, slots=slots, indices=indices)

    def mean_terms(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each number's mean over the processes that have it: a loss may note something of some samples alone."""
        if self.size == 1:
            return dict(terms)
        if not self._say_the_same("\n".join(terms)):
            device = next(iter(terms.values())).device
            numbers = self.gather({name: value.detach().float().cpu() for name, value in terms.items()})
            return {name: value.to(device) for name, value in mean(numbers).items()}
        values = torch.stack([value.detach().float().reshape(()) for value in terms.values()])
        self._reduce(values)
        return dict(zip(terms, (values / self.size).unbind(), strict=True))

    @torch.no_grad()
    def mean_gradients(self, weights: Iterable[Tensor]) -> None:
        """Put the mean of all processes' gradients into each; a weight that none has a gradient of keeps none."""
        if self.size == 1:
            return
        weights = list(weights)
        there = torch.tensor([float(one.grad is not None) for one in weights], device=weights[0].device)
        flat = [torch.zeros_like(one) if one.grad is None else one.grad for one in weights]
        buffer = torch.cat([*(one.reshape(-1).float() for one in flat), there])
        self._reduce(buffer)
        *means, there = buffer.split([*(one.numel() for one in weights), len(weights)])
        # to read the counts is to wait for the device, and is seldom needed
        counts = there.tolist() if any(one.grad is None for one in weights) else [1.0] * len(weights)
        for weight, one, count in zip(weights, means, counts, strict=True):
            if count:
                grad = torch.empty_like(weight) if weight.grad is None else weight.grad
                weight.grad = grad.copy_(one.view(weight.shape) / self.size)

    def together(self, share: Tensor) -> Tensor:
        """Everybody's shares of a batch, equal in shape, one after the other by rank."""
        if self.size == 1:
            return share
        found = [torch.empty_like(share, memory_format=torch.contiguous_format) for _ in range(self.size)]
        with _together():
            dist.all_gather(found, share.contiguous())
        return torch.cat(found)

    def any(self, *wishes: bool) -> list[bool]:
        """Each wish, where any process has it."""
        if self.size == 1:
            return list(wishes)
        counts = torch.tensor([float(one) for one in wishes])
        self._reduce(counts)
        return [bool(one) for one in counts]

    def gather(self, value: T) -> list[T]:
        """Everybody's value, by rank."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _together():
            dist.all_gather_object(found, value)
        return found

    def collect(self, value: T) -> list[T]:
        """Everybody's value, by rank, for the first process; nothing for the others."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.is_first else None
        with _together():
            dist.gather_object(value, found)
        return found or []

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all."""
        if self.size == 1:
            return make()
        made = [make() if self.is_first else None]
        with _together():
            dist.broadcast_object_list(made, device=torch.device("cpu"))
        return made[0]  # type: ignore[return-value]

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """While inside, the first process is alone; the others come after it and find what it left."""
        if not self.is_first:
            self.any(False)
        yield
        if self.is_first:
            self.any(False)

    @torch.no_grad()
    def same_buffers(self, network: nn.Module) -> None:
        """Give all processes the first one's buffers, such as the statistics of batch norm."""
        if self.size > 1:
            with _together():
                for buffer in network.buffers():
                    dist.broadcast(buffer, 0)

    def has_the_word(self) -> bool:
        """Whether this process is the first that has something to say about how the run ends."""
        try:
            return self.store is None or self.store.add("srkit/said", 1) == 1
        except RuntimeError:
            return self.is_first  # the store went with the first process, which had the word before

    def _say_the_same(self, words: str) -> bool:
        """Whether all processes' words are equal; all of them get the same answer."""
        number = crc32(words.encode()) % 2**24
        total, squares = sums = torch.tensor([number, number**2])
        self._reduce(sums)
        return bool(squares * self.size == total**2)  # numbers that do not vary

    def _reduce(self, values: Tensor) -> None:
        with _together():
            dist.all_reduce(values)


ALONE = Processes()


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise peer_lost(error) from error


def peer_lost(error: RuntimeError) -> PeerLost:
    """What to say of an error of the connections between the processes."""
    return PeerLost(
        "another process of this run ended or cannot be reached; the last checkpoint stands. Its own message, if "
        f"it had time for one, is above ({' '.join(str(error).split())[:160]})"
    )


def is_of_connections(error: BaseException) -> bool:
    """Whether an exception comes out of torch's exchange between processes, of which a loss may have its own."""
    if not isinstance(error, RuntimeError) or not dist.is_available() or not dist.is_initialized():
        return False
    inside = str(Path(dist.__file__).parent)
    *_, innermost = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)] or [""]
    return innermost.startswith(inside)


def is_one_of_several() -> bool:
    """Whether torchrun, or what does its work, started this process beside others."""
    names = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    return all(name in os.environ for name in names) and os.environ["WORLD_SIZE"] != "1"


@contextmanager
def joined(device: str | None) -> Iterator[tuple[Processes, str | None]]:
    """The processes that were started together, and the device of this one; alone without torchrun.

    Args:
        device: as on the command line; several processes on cards have one each.

    Raises:
        UserError: a device that several processes cannot have.
        SaidElsewhere: in place of an error that another process was the first to tell.
    """
    if not is_one_of_several():
        yield ALONE, device
        return
    store, rank, size = next(dist.rendezvous("env://"))
    processes = Processes(rank, size, store)
    try:
        own = _own_device(device)
        if own != "cpu":
            torch.cuda.set_device(own)
        backend = "gloo" if own == "cpu" else "cpu:gloo,cuda:nccl"
        names = dist.PrefixStore("srkit", store)
        dist.init_process_group(backend, store=names, rank=rank, world_size=size, timeout=PATIENCE)
        yield processes, own
    except FAILURES as error:
        # the word before the connections, whose end the others take for the error
        if not processes.has_the_word():
            raise SaidElsewhere(getattr(error, "exit_code", 1)) from error
        raise
    dist.destroy_process_group()


def _own_device(device: str | None) -> str:
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind = device or ("cuda" if cards else "cpu")
    if kind not in ("cpu", "cuda"):
        raise UserError(f"--device {device}: several processes train on cpu, or on cuda with a card each")
    if kind == "cpu":
        return kind
    number = int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    if number >= cards:
        raise UserError(f"there are more processes on this machine than cards ({cards}): lower --nproc-per-node")
    return f"cuda:{number}"
