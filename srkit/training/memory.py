"""Out of memory: refused in time on Linux's CPU, and explained with what to lower."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from srkit.errors import SrkitError
from srkit.experiment import Experiment
from srkit.procfs import of_machine, of_process


@contextmanager
def bounded(device: torch.device) -> Iterator[None]:
    """While inside, a process on Linux's CPU is refused more memory than is free now, so that this can be explained.

    By itself the kernel grants any amount, and kills the process without a word as soon as the pages are used. It still
    does where others take the memory later, and where a container allows less than the machine has.
    """
    torch.ones(2**18).exp_()  # starts torch's threads: none could be started where memory is at its end
    held, free = of_process("VmData"), of_machine("MemAvailable")
    if device.type != "cpu" or sys.platform != "linux" or held is None or free is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [one for one in (held + free + (of_machine("SwapFree") or 0), *before) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def explain_out_of_memory(experiment: Experiment, device: torch.device) -> SrkitError:
    """What to lower, from what to what."""
    batch, patch, scale = experiment.data.batch_size, experiment.data.patch_size, experiment.scale
    smaller = max(scale, patch * 3 // 4 // scale * scale)
    ways = [f"--set optimizer.accumulation={experiment.optimizer.accumulation * 2} (same result, slower)"]
    if batch > 1:
        ways.append(f"data.batch_size from {batch} to {batch // 2}")
    if smaller < patch:
        ways.append(f"data.patch_size from {patch} to {smaller}")
    if batch == 1:
        ways = ways[1:]
    return SrkitError(f"out of memory on {device}. Lower one of these: {'; '.join(ways)}")
