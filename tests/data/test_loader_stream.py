"""The same batches whatever the number of workers and however they start."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from srkit.data.cache import Cached
from srkit.data.loader import Request, load
from srkit.data.patches import PatchTaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import UserError


class Noise:
    """Pictures of noise, 40 x 50 and more."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (40 + index, 50, 3), dtype=np.uint8)

    def name(self, index: int) -> str:
        return f"noise {index}"


class Shrunk:
    """A patch and its LR picture: what the trainer hands over where a downscaler works on decoded pictures."""

    def __init__(self, taker: PatchTaker) -> None:
        self.taker = taker

    def __call__(self, image, draws):
        hr, _ = self.taker(image, draws)
        return hr, np.ascontiguousarray(hr[::2, ::2])


TAKER = PatchTaker(16, 2, flip=True, rotate=True)


def requests(count: int) -> list[Request]:
    return [
        Request(step, 0, tuple(range(4)), tuple((step * 4 + slot) % 6 for slot in range(4)))
        for step in range(1, count + 1)
    ]


def batches(workers: int, prepare=TAKER, dataset=None, context=None, attempt: int = 0):
    dataset = Noise() if dataset is None else dataset
    stream = load(
        dataset, requests(7), prepare=prepare, seed=12, attempt=attempt, workers=workers, context=context, timeout=30
    )
    return list(stream)


def same(one, other) -> bool:
    return all(
        a.request == b.request
        and a.names == b.names
        and torch.equal(a.hr, b.hr)
        and (a.lr is None) == (b.lr is None)
        and (a.lr is None or torch.equal(a.lr, b.lr))
        for a, b in zip(one, other, strict=True)
    )


def test_batches_in_this_process():
    made = batches(0)
    assert [batch.request for batch in made] == requests(7)
    for batch in made:
        assert batch.hr.dtype == torch.uint8 and batch.hr.shape == (4, 3, 16, 16) and batch.lr is None
        assert batch.hr.is_contiguous(memory_format=torch.channels_last)
        assert batch.names == tuple(f"noise {index}" for index in batch.request.indices)
    batch, request = made[2], requests(7)[2]
    draws = SampleDraws(StreamKey(12, 0, request.step, 0), [3], "sample")
    expected, _ = TAKER(Noise()[request.indices[3]], draws)
    assert np.array_equal(batch.hr[3].permute(1, 2, 0).numpy(), expected)
    assert not same(made, batches(0, attempt=1))


def test_two_workers_make_the_same_batches():
    prepare = Shrunk(TAKER)
    expected = batches(0, prepare)
    assert expected[0].lr is not None and expected[0].lr.is_contiguous(memory_format=torch.channels_last)
    assert same(expected, batches(2, prepare))
    assert same(expected, batches(3, prepare, Cached(Noise(), 10_000)))


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_workers_may_be_spawned(context):
    if context == "forkserver" and os.name != "posix":
        pytest.skip("forkserver is a thing of POSIX")
    assert same(batches(0), batches(2, context=context))


def test_an_endless_stream_is_closed_at_once():
    def endless():
        for step in itertools.count(1):
            yield Request(step, 0, (0, 1), (0, 1))

    stream = load(Noise(), endless(), prepare=TAKER, seed=1, attempt=0, workers=2)
    assert [next(stream).request.step for _ in range(5)] == [1, 2, 3, 4, 5]
    processes = [worker.process for worker in stream.gi_frame.f_locals["pool"]._workers]
    begun = time.monotonic()
    stream.close()
    assert time.monotonic() - begun < 2
    assert not any(process.is_alive() for process in processes)
    load(Noise(), endless(), prepare=TAKER, seed=1, attempt=0, workers=2).close()  # never begun


def test_pictures_of_different_sizes_need_a_patch_size():
    whole = PatchTaker(None, 2)
    for workers in (0, 1):
        with pytest.raises(UserError, match=r"noise 1 gives 50x40 pixels, noise 3 50x42\): set patch_size"):
            list(load(Noise(), [Request(1, 0, (0, 1), (3, 1))], prepare=whole, seed=1, attempt=0, workers=workers))
    batch = next(load(Noise(), [Request(1, 0, (0,), (3,))], prepare=whole, seed=1, attempt=0))
    assert batch.hr.shape == (1, 3, 42, 50)


def test_a_request_has_a_slot_for_each_index():
    for slots, indices in [((), ()), ((1,), (1, 2))]:
        with pytest.raises(ValueError, match="slots"):
            Request(1, 0, slots, indices)
    with pytest.raises(ValueError, match="workers"):
        next(load(Noise(), requests(1), prepare=TAKER, seed=1, attempt=0, workers=-1))


SCRIPT = """
    import itertools, sys, time
    sys.path.insert(0, {here!r})
    from test_loader_stream import Noise, TAKER
    from srkit.data.loader import Request, load

    if __name__ == "__main__":
        endless = (Request(step, 0, (0, 1), (0, 1)) for step in itertools.count(1))
        stream = load(Noise(), endless, prepare=TAKER, seed=1, attempt=0, workers=2, context={context!r})
        next(stream)
        print(*(one.process.pid for one in stream.gi_frame.f_locals["pool"]._workers), flush=True)
        {then}
"""


def script(context: str, then: str) -> subprocess.Popen:
    text = textwrap.dedent(SCRIPT).format(here=str(Path(__file__).parent), context=context, then=then)
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        # Whoever adopted it may not have collected it yet: a zombie counts as ended.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


posix = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")


@posix
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_the_interpreter_ends_with_a_stream_left_open(context):
    process = script(context, "pass")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and err == ""
    assert not any(alive(int(pid)) for pid in out.split())


@posix
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_ctrl_c_reaches_the_main_process_alone(context):
    process = script(context, "time.sleep(30)")
    assert process.stdout is not None
    pids = process.stdout.readline().split()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=10)
    assert err.count("KeyboardInterrupt") == 1 and err.count("Traceback") == 1
    assert not any(alive(int(pid)) for pid in pids)


@posix
def test_workers_do_not_outlive_a_killed_main_process():
    process = script("fork", "time.sleep(30)")
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate(timeout=10)
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids)
