"""Memory of a training step of both networks with their losses: predicted without computing, and measured."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from srkit.evaluation.bench.costs import AliveTensors
from srkit.evaluation.inspection.players import Players, run_step
from srkit.procfs import of_machine, of_process

__all__ = ["StepMemory", "affordable_batch", "largest_batch", "measured", "predicted"]

COPIES = 4
"""Of each weight in a step: itself, its gradient, and Adam's two averages."""

SAMPLES = 16
M_MMAP_THRESHOLD, M_MMAP_MAX = -3, -4
SMALL, LARGE, MAPPINGS = 128 * 1024, 32 * 1024 * 1024, 65536
"""glibc's smallest block that is mapped, at first and at most, and how many blocks it maps."""

MEASURED_AT_MOST = 2_000_000_000
"""Bytes of a step that is measured on a CPU: a larger one would take minutes, or all of the machine."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a step: `fixed` whatever the batch (weights, gradients, the optimizer's averages), and `per_sample`."""

    fixed: int
    per_sample: int

    def of(self, batch_size: int) -> int:
        """Bytes of a step."""
        return self.fixed + self.activations(batch_size)

    def activations(self, batch_size: int) -> int:
        """Bytes of what is kept of the forward pass, and of the gradients that follow."""
        return batch_size * self.per_sample


def predicted(players: Players, lr_side: int) -> StepMemory:
    """What a step takes in fp32 with Adam, by the tensors that are alive at once on torch's meta device.

    The generator's pass through all losses and the discriminator's own pass, whichever is larger. What single
    operations need while they run comes on top.

    Args:
        players: are left as they are.
        lr_side: of the square LR patches.

    Raises:
        Exception: whatever a network raises that does not take such patches, or does not run on the meta device.
    """
    own = players.copied("meta")
    # so many samples that activations and not gradients are what there is most of
    some, twice = (_alive(own, batch, lr_side) for batch in (SAMPLES, 2 * SAMPLES))
    per_sample = max(1, (twice - some) // SAMPLES)
    return StepMemory(max(0, kept(players) + twice - 2 * SAMPLES * per_sample), per_sample)


def kept(players: Players) -> int:
    """Bytes that lie there from step to step: weights, the optimizer's averages, averaged weights, frozen networks."""
    weights = {id(one): one for network in players.networks() for one in network.parameters()}
    trained = {id(one) for network in players.networks()[:2] for one in network.parameters()}
    total = sum(4 * one.numel() * (COPIES - 1 if key in trained else 1) for key, one in weights.items())
    return total + (_bytes(players.generator) if players.averaged else 0)


def _bytes(network: nn.Module) -> int:
    return sum(4 * one.numel() for one in network.parameters())


def _alive(players: Players, batch: int, side: int) -> int:
    with AliveTensors() as alive:
        run_step(players, torch.zeros(batch, 3, side, side, device="meta"))
    return alive.peak


def affordable_batch(step: StepMemory, batch_size: int, device: torch.device) -> int:
    """The largest batch, `batch_size` or less, that can be measured without harm; 0 for none."""
    if device.type == "cuda":
        room = 0.8 * torch.cuda.mem_get_info(device)[0]
    else:
        room = min(MEASURED_AT_MOST, 0.5 * (of_machine("MemAvailable") or MEASURED_AT_MOST))
    return min(batch_size, largest_batch(step, room))


def measured(players: Players, batch_size: int, lr_side: int, device: torch.device) -> int | None:
    """Bytes that one such step really takes, what is kept included; None where the system does not tell.

    On a card by its allocator; on the CPU of Linux by how far the process's resident memory rises, in fp32, with each
    tensor in pages of its own, so that gaps between them count for nothing.
    """
    if device.type not in ("cuda", "cpu"):
        return None
    with _mapped():
        return _measured(players, batch_size, lr_side, device)


def _measured(players: Players, batch_size: int, lr_side: int, device: torch.device) -> int | None:
    own = players.copied(device)
    run_step(own, torch.rand(min(2, batch_size), 3, lr_side, lr_side, device=device))  # what libraries keep
    gc.collect()
    rise = _rise_on_card if device.type == "cuda" else _rise
    took = rise(lambda: run_step(own, torch.rand(batch_size, 3, lr_side, lr_side, device=device)), device)
    return took + kept(players) if took is not None else None


def _rise_on_card(work: Callable[[], None], device: torch.device) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return int(torch.cuda.max_memory_allocated(device) - before)


def _rise(work: Callable[[], None], _: torch.device) -> int | None:
    before = of_process("VmRSS")
    if before is None or not _forget_peak():
        return None
    work()
    peak = of_process("VmHWM")
    return peak - before if peak is not None else None


@contextmanager
def _mapped() -> Iterator[None]:
    """Tensors are given pages of their own and give them back at once, where the C library is glibc."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    mallopt = getattr(library, "mallopt", lambda key, value: 0)
    mallopt(M_MMAP_MAX, MAPPINGS)
    mallopt(M_MMAP_THRESHOLD, SMALL)
    # what was freed before and is still held would hide what the step needs
    getattr(library, "malloc_trim", lambda pad: 0)(0)
    try:
        yield
    finally:
        mallopt(M_MMAP_THRESHOLD, LARGE)


def _forget_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def largest_batch(step: StepMemory, memory: float) -> int:
    """The largest batch that fits into so many bytes; 0 for none."""
    return max(0, int((memory - step.fixed) // step.per_sample))
