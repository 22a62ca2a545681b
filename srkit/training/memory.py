"""Memory that is not there is refused in time on Linux's CPU, so that it can be explained."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from srkit.errors import SrkitError
from srkit.out_of_memory import is_out_of_memory
from srkit.procfs import of_machine, of_process


@contextmanager
def bounded(device: torch.device) -> Iterator[None]:
    """While inside, a process on Linux's CPU is refused more memory than is free now, so that this can be explained.

    By itself the kernel grants any amount, and kills the process without a word as soon as the pages are used. It still
    does where others take the memory later, and where a container allows less than the machine has. Nothing is bounded
    off the main thread: the bound is the whole process's, in which other runs may begin and end meanwhile.
    """
    free = _free(device)
    if free is None:
        yield
        return
    import resource

    torch.ones(2**18).exp_()  # starts torch's threads: none could be started where memory is at its end
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = (of_process("VmData") or 0) + free
    is_lower = soft == resource.RLIM_INFINITY or bound < soft
    resource.setrlimit(resource.RLIMIT_DATA, (bound if is_lower else soft, hard))
    try:
        yield
    except SrkitError as error:
        if is_lower and error.__cause__ is not None and is_out_of_memory(error.__cause__):
            error.add_note(f"srkit takes no more memory than was free when training began: {free / 1e9:.1f} GB")
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _free(device: torch.device) -> int | None:
    """The machine's free bytes; None where no process is to be bounded by them."""
    if device.type != "cpu" or sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    available = of_machine("MemAvailable")
    return available + (of_machine("SwapFree") or 0) if available is not None else None
