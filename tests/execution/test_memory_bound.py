"""A run and a dry run are refused memory that the machine has not, and say so."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from srkit.dry_run import dry_run
from srkit.errors import SrkitError
from tests.execution.support import PLAIN, plan_of, prepared, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is bounded")

OWN = '''
import resource
from pathlib import Path
from torch import nn


class Limit(nn.Module):
    """The difference; writes down how much memory the process may take."""

    def __init__(self, file: str, full: bool = False) -> None:
        super().__init__()
        self.file, self.full = file, full

    def forward(self, sr, hr):
        if sr.device.type != "meta":
            Path(self.file).write_text(str(resource.getrlimit(resource.RLIMIT_DATA)[0]))
            if self.full:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")
        return (sr - hr).abs().mean()
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return prepared(tmp_path, PLAIN.replace('use = "mse"', f'use = "./own.py:Limit"\nfile = "{tmp_path}/limit"'))


WORK: dict[str, Callable[..., object]] = {
    "run": lambda path, *settings: run(path, *settings, out=path.parent / "out"),
    "dry run": lambda path, *settings: dry_run(plan_of(path, *settings), "cpu"),
}


@pytest.mark.parametrize("work", WORK)
def test_memory_is_bounded_while_it_trains_and_not_after(path: Path, work: str) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    if before[0] != resource.RLIM_INFINITY:
        pytest.skip("this process is bounded already")
    WORK[work](path)
    assert int((path.parent / "limit").read_text()) > 0  # no bound is -1
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize("work", WORK)
def test_the_bound_is_told_where_memory_ran_out(path: Path, work: str) -> None:
    with pytest.raises(SrkitError, match="out of memory on cpu") as caught:
        WORK[work](path, "pixel_loss.Limit.full=true")
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"srkit takes no more memory than was free when training began: \d+\.\d GB", note)
