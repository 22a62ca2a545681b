"""Memory that is not there is refused in time, so that it can be told what to lower."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
import torch

from srkit.out_of_memory import is_out_of_memory
from srkit.procfs import of_machine
from srkit.training.memory import bounded

CPU = torch.device("cpu")
STRICT = Path("/proc/sys/vm/overcommit_memory")


def claimed(parts: int) -> list[torch.Tensor]:
    """So many quarters of what memory there is to take, untouched: the kernel grants any number of them."""
    quarter = ((of_machine("MemAvailable") or 0) + (of_machine("SwapFree") or 0)) // 4
    return [torch.empty(quarter, dtype=torch.uint8) for _ in range(parts)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux grants what it has not, and has this bound")
@pytest.mark.skipif(STRICT.exists() and STRICT.read_text().strip() == "2", reason="this kernel grants only what it has")
def test_more_than_is_free_is_refused_while_bounded() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded(CPU):
        assert len(claimed(2)) == 2
        with pytest.raises(RuntimeError) as refused:
            claimed(6)
        assert is_out_of_memory(refused.value)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(claimed(6)) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is bounded")
def test_runs_beside_each_other_in_threads_are_not_bounded() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    seen = []

    def enter() -> None:
        with bounded(CPU):
            seen.append(resource.getrlimit(resource.RLIMIT_DATA))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is bounded")
def test_other_devices_have_bounds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr("srkit.training.memory.of_machine", None)  # nor is the machine's memory asked for
    monkeypatch.setattr("srkit.training.memory.of_process", None)
    with bounded(torch.device("cuda")):
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
