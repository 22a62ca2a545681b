"""Memory of a training step of generator and discriminator: predicted without computing, and measured."""

from __future__ import annotations

import copy
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput, GeneratorOutput
from srkit.evaluation.bench.costs import AliveTensors

__all__ = ["StepMemory", "largest_batch", "measured", "predicted"]

COPIES = 4
"""Of each weight in a step: itself, its gradient, and Adam's two averages."""

SAMPLES = 16


@dataclass(frozen=True)
class StepMemory:
    """Bytes: `fixed` whatever the batch, and `per_sample`."""

    fixed: int
    per_sample: int

    def of(self, batch_size: int) -> int:
        """Bytes of a step."""
        return self.fixed + batch_size * self.per_sample


def predicted(
    generator: nn.Module, discriminator: nn.Module | None, lr_side: int, bytes_a_value: int = 4
) -> StepMemory:
    """What a step takes, by the tensors that are alive at once on torch's meta device.

    The generator's forward and backward pass, with the discriminator's behind it; losses with networks of their own
    come on top, as does what single operations need while they run.

    Args:
        generator, discriminator: are left as they are.
        lr_side: of the square LR patches.

    Raises:
        RuntimeError, NotImplementedError: a network does not run on the meta device.
    """
    networks = [copy.deepcopy(one).to("meta").train() for one in (generator, discriminator) if one is not None]
    kept = (COPIES - 1) * sum(one.numel() * 4 for network in networks for one in network.parameters())
    # so many samples that activations and not gradients are what there is most of
    some, twice = (_alive(networks, batch, lr_side) for batch in (SAMPLES, 2 * SAMPLES))
    per_sample = max(1, (twice - some) // SAMPLES)
    return StepMemory(max(0, kept + twice - 2 * SAMPLES * per_sample), per_sample)


def _alive(networks: Sequence[nn.Module], batch: int, side: int) -> int:
    with AliveTensors() as alive:
        _pass(networks, torch.zeros(batch, 3, side, side, device="meta"))
    for network in networks:
        network.zero_grad()
    return alive.peak


def _pass(networks: Sequence[nn.Module], lr: Tensor) -> None:
    picture: Tensor = lr
    total = torch.zeros((), device=lr.device)
    for network in networks:
        output = network(picture)
        if isinstance(output, DiscriminatorOutput):
            total = total + torch.stack([one.square().mean() for one in output.logits]).sum()
            continue
        picture = output.sr if isinstance(output, GeneratorOutput) else output
        total = total + picture.square().mean()
    total.backward()


def measured(
    generator: nn.Module, discriminator: nn.Module | None, batch_size: int, lr_side: int, device: torch.device
) -> int | None:
    """Bytes that one such step really takes, weights included; None where the system does not tell.

    On a card by its allocator; on the CPU of Linux by how far the process's resident memory rises, in fp32.
    """
    networks = [copy.deepcopy(one).to(device).train() for one in (generator, discriminator) if one is not None]
    weights = sum(one.numel() * 4 for network in networks for one in network.parameters())
    _pass(networks, torch.rand(1, 3, min(lr_side, 32), min(lr_side, 32), device=device))  # what libraries keep
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        allocated = torch.cuda.memory_allocated(device)
        _pass(networks, torch.rand(batch_size, 3, lr_side, lr_side, device=device))
        return int(torch.cuda.max_memory_allocated(device) - allocated + COPIES * weights)
    before = _resident("VmRSS")
    if before is None or not _forget_peak():
        return None
    _pass(networks, torch.rand(batch_size, 3, lr_side, lr_side, device=device))
    peak = _resident("VmHWM")
    return peak - before + COPIES * weights if peak is not None else None


def _forget_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resident(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), None)


def largest_batch(step: StepMemory, memory: float) -> int:
    """The largest batch that fits into so many bytes; 0 for none."""
    return max(0, int((memory - step.fixed) // step.per_sample))
