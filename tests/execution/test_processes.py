"""Several processes under torchrun train as one does, write once, speak once and end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from srkit.data.loader import Request
from srkit.errors import ExperimentError
from srkit.readiness import _require_equal_shares, make_ready
from srkit.training.distributed import Processes
from tests.execution.support import GAN, PLAIN, changed, environment, forked, last, numbers, plan_of, prepared, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")

# Batch norm and dropout are each process's own; one stage lets the run be made longer. Adam's first updates are as large
# for a gradient of rounding alone, so a usual rate: ten times that carries rounding over 1e-5 with every second seed.
RELATIVISTIC = (
    changed(GAN.split("[[stage]]")[0] + "[augment]\nmixup = 0.3\ncutmix = 0.3\n", seed="12\nsteps = 20\nlr = 1e-4")
    .replace('use = "dilated"\nchannels = 4\ndropout = 0.3', 'use = "unet"\nchannels = 4')
    .replace('use = "relativistic"\ncapped = true', 'use = "relativistic-average"')
    .replace('use = "cosine"', 'use = "constant"')
    .replace("every = 3\ntensorboard", "every = 1\ntensorboard")
    .replace("every = 3\n[checkpoint]\nevery = 2", "every = 10\n[checkpoint]\nevery = 10")
)


def started(path: Path, *arguments: str, processes: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["--no-python", str(Path(sys.executable).with_name("srkit")), "run", str(path), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=path.parent, env=environment(), stdout=pipe, stderr=pipe, text=True)


def started_by_hand(path: Path) -> list[subprocess.Popen[str]]:
    """Two processes with what torchrun tells them, as a cluster's own launcher would start them; into `out`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [sys.executable, "-m", "srkit", "run", str(path), "--out", "out", "--quiet"]
    places = [environment(RANK=rank, LOCAL_RANK=rank, **common) for rank in "01"]
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    return [
        subprocess.Popen(command, cwd=path.parent, env=place, stdout=quiet, stderr=pipe, text=True) for place in places
    ]


def close_lines(one: Path, other: Path) -> None:
    """Every number of every logged step is the other run's within 1e-5; the norms of gradients within 1e-4."""
    first, second = numbers(one), numbers(other)
    assert [line["step"] for line in first] == [line["step"] for line in second]
    for line, wanted in zip(first, second, strict=True):
        for name, value in wanted.items():
            least = 1e-7
            if "accuracy" in name or "above" in name:
                least = 0.01  # a count of places, of which some lie within a rounding of the threshold
            elif "colour_shift" in name:
                least = 255 * 1e-5  # a difference of two means in levels
            # a gradient's norm is no mean over the batch: nothing in it evens rounding out
            most = 1e-4 if name.startswith("gradient_norm") else 1e-5
            assert line[name] == pytest.approx(value, rel=most, abs=least), name
        assert line.keys() == wanted.keys()


def test_two_processes_train_as_one_and_one_goes_on_alone(tmp_path: Path) -> None:
    path = prepared(tmp_path, RELATIVISTIC)
    torchrun = started(path, "--out", "two")
    run(path, out=tmp_path / "one")
    said, progress = torchrun.communicate(timeout=120)
    assert torchrun.returncode == 0, progress
    assert said.count("bicubic") == 2 and progress.count("step 20/20") == 1  # a row and the line below, once
    close_lines(tmp_path / "two", tmp_path / "one")
    judged = [numbers(tmp_path / name, "validation.jsonl") for name in ("two", "one")]
    assert [line["step"] for line in judged[0]] == [10, 20]
    for line, wanted in zip(*judged, strict=True):
        assert line == pytest.approx(wanted, abs=1e-3)  # pictures are rounded to 8 bit
    for name in ("samples/step-00000020", "strips"):
        assert len(list((tmp_path / "two" / name).iterdir())) == 2
    longer = changed(path.read_text(), steps="24")
    path.write_text(longer)
    notices: list[str] = []
    for name in ("two", "one"):
        run(path, out=tmp_path / name, resume=True, notices=notices)
    assert any("processes: 2 so far, 1 from here on" in one for one in notices)
    close_lines(tmp_path / "two", tmp_path / "one")
    ends = [last(tmp_path / name).modules for name in ("two", "one")]
    for key, weight in ends[0]["ema"].items():
        torch.testing.assert_close(weight, ends[1]["ema"][key], rtol=1e-3, atol=1e-5)
    sessions = json.loads((tmp_path / "two/manifest.json").read_text())["sessions"]
    assert [one["processes"] for one in sessions] == [2, 1]


ODD = """
import os
from torch import nn
class Odd(nn.Module):
    '''Fails in the second process.'''
    def forward(self, views):
        if views.step == 3 and os.environ["RANK"] == "1":
            raise ValueError("something odd")
        return (views.sr - views.hr).abs().mean()
"""


def test_an_error_of_one_process_is_said_once_and_ends_all(tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN.replace('use = "mse"', 'use = "./odd.py:Odd"'))
    (tmp_path / "odd.py").write_text(ODD)
    both = started_by_hand(path)
    said = [one.communicate(timeout=120)[1] for one in both]
    assert [one.returncode for one in both] == [1, 1]
    assert said[0] == "" and "the loss 'Odd' failed after step 2: ValueError: something odd" in said[1]


ENDING = """
import os
from torch import nn
class Ending(nn.Module):
    '''Ends the second process without a word.'''
    def forward(self, views):
        if views.step == 3 and os.environ["RANK"] == "1":
            os._exit(9)
        return (views.sr - views.hr).abs().mean()
"""


def test_a_process_that_is_gone_is_not_blamed_on_the_loss_that_misses_it(tmp_path: Path) -> None:
    path = prepared(tmp_path, RELATIVISTIC.replace('use = "mse"', 'use = "./ending.py:Ending"'))
    (tmp_path / "ending.py").write_text(ENDING)
    both = started_by_hand(path)
    said = [one.communicate(timeout=120)[1] for one in both]
    assert [one.returncode for one in both] == [1, 9]
    # its mean over all logits is the first that the processes exchange after that
    (error,) = [line for line in said[0].splitlines() if line.startswith("error:")]
    assert "another process of this run ended" in error and "relativistic-average" not in error


def test_a_termination_ends_all_with_one_checkpoint(tmp_path: Path) -> None:
    path = prepared(tmp_path, changed(PLAIN, steps="100000", workers="1").replace("every = 3", "every = 100000"))
    both = started_by_hand(path)
    until = time.monotonic() + 90
    while not (tmp_path / "out/metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.1)
    for one in both:
        one.send_signal(signal.SIGTERM)
    said = [one.communicate(timeout=120)[1] for one in both]
    assert [one.returncode for one in both] == [130, 130] and said[1] == ""
    (line,) = [line for line in said[0].splitlines() if line.startswith("interrupted after step")]
    step = int(line.split()[3])
    assert "error:" not in said[0] and last(tmp_path / "out").state["step"] == step
    assert os.listdir(tmp_path / "out/checkpoints") == [f"step-{step:08}"]


def test_a_batch_that_cannot_be_shared_out_evenly_is_refused_with_both_numbers(tmp_path: Path) -> None:
    plan = plan_of(prepared(tmp_path, changed(PLAIN, batch_size="6")), "optimizer.accumulation=2")
    timeline = make_ready(plan, "cpu", None, lambda _: None).timeline
    _require_equal_shares(plan, timeline, Processes(0, 3))
    with pytest.raises(
        ExperimentError, match=r"tiny.toml:10 data.batch_size: a batch of 6, worked through in 2 parts, .*2"
    ):
        _require_equal_shares(plan, timeline, Processes(0, 2))


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (2, 1), (3, 2), (2, 3)])
def test_shares_make_up_the_batch_part_by_part(size: int, parts: int) -> None:
    batch = tuple(range(100, 112))
    shares = [Processes(rank, size).share(Request(5, 0, tuple(range(12)), batch), parts) for rank in range(size)]
    assert all(share.indices == tuple(100 + slot for slot in share.slots) for share in shares)
    for part in range(parts):
        count, each = 12 // parts, 12 // parts // size
        slots = [slot for share in shares for slot in share.slots[part * each : (part + 1) * each]]
        assert slots == list(range(part * count, (part + 1) * count))


def test_means_gathering_and_wishes_between_two_processes(tmp_path: Path) -> None:
    def work(rank: int) -> None:
        dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 2), rank=rank, world_size=2)
        both = Processes(rank, 2)
        weights = [torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last), torch.zeros(3), torch.zeros(1)]
        ramp = torch.arange(24.0).view(2, 3, 2, 2)
        weights[0].grad = (ramp * (rank + 1)).to(memory_format=torch.channels_last)
        if rank:
            weights[1].grad = torch.ones(3)  # the other process has none
        both.mean_gradients(weights)
        assert weights[0].grad is not None and weights[1].grad is not None
        assert torch.equal(weights[0].grad, ramp * 1.5)
        assert torch.equal(weights[1].grad, torch.full((3,), 0.5)) and weights[2].grad is None
        assert both.mean_terms({"a": torch.tensor(float(rank))})["a"] == 0.5
        own = {"a": torch.tensor(1.0), "b": torch.tensor(2.0)}
        other = {"a": torch.tensor(3.0), "a/note": torch.tensor(5.0), "b": torch.tensor(4.0)}
        assert both.mean_terms(other if rank else own) == {"a": 2.0, "b": 3.0, "a/note": 5.0}
        assert both.any(False, rank == 1) == [False, True]
        assert both.gather(rank) == [0, 1] and both.collect(rank) == ([] if rank else [0, 1])
        assert both.from_first(lambda: f"from {rank}") == "from 0"
        norm = torch.nn.BatchNorm2d(2)
        norm.running_mean += rank + 1
        both.same_buffers(norm)
        assert norm.running_mean.tolist() == [1, 1]
        order: list[float] = []
        with both.first_goes_ahead():
            order.append(time.monotonic())
        first, second = both.gather(order[0])
        assert first < second

    assert in_two_processes(work)


def in_two_processes(work: Callable[[int], None]) -> bool:
    first = os.fork()
    if first == 0:
        os._exit(0 if forked(lambda: work(0)) == 0 else 1)
    second = forked(lambda: work(1))
    return os.waitpid(first, 0)[1] == 0 and second == 0
