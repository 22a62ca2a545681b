"""Workers that die, hang or meet a bad picture: one message that names the sample, soon, and nothing left running."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from srkit.data.loader import Request, load
from srkit.data.patches import PatchTaker
from srkit.errors import BadImage, SrkitError, UserError


class Trap:
    """Good pictures but for number 5."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> np.ndarray:
        if index == 5:
            if self.kind == "dies":
                os._exit(3)
            if self.kind == "killed":
                os.kill(os.getpid(), 9)
            if self.kind == "hangs":
                time.sleep(60)
            if self.kind == "bad":
                raise BadImage("/photos/five.png", "is empty (zero bytes)")
            if self.kind == "wrong":
                raise UserError("this set has lost its index")
            if self.kind == "bug":
                raise KeyError("no such thing")
            if self.kind == "small":
                return np.zeros((4, 4, 3), np.uint8)
        return np.zeros((20, 20, 3), np.uint8)

    def name(self, index: int) -> str:
        return f"{index}.png"

    def files(self) -> list[Path]:
        return [Path(f"/photos/{index}.png") for index in range(8)]


def received(kind: str, workers: int, timeout: float = 30.0, context: str | None = None):
    """The steps that came, and the error that ended them."""
    requests = [Request(step, 0, (0, 1), (step % 8, (step + 1) % 8)) for step in range(12)]
    stream = load(
        Trap(kind), requests, prepare=PatchTaker(8, 2), seed=1, attempt=0, workers=workers, timeout=timeout,
        context=context,
    )  # fmt: skip
    steps = []
    with pytest.raises(SrkitError) as caught:
        for batch in stream:
            steps.append(batch.request.step)
    assert multiprocessing.active_children() == []
    return steps, caught.value


@pytest.mark.parametrize("context", [None, "spawn"])
def test_a_worker_that_dies_is_said_with_its_file(context):
    begun = time.monotonic()
    steps, error = received("dies", 2, context=context)
    assert steps == [0, 1, 2, 3]  # all that came before it
    assert f"died at {Path('/photos/5.png')} (exit code 3)" in str(error) and "workers = 0" in str(error)
    assert not isinstance(error, UserError) and time.monotonic() - begun < 25


@pytest.mark.skipif(os.name != "posix", reason="signals are a thing of POSIX")
def test_a_worker_that_is_killed():
    _, error = received("killed", 2)
    assert "killed by signal 9" in str(error) and "out of memory" in str(error) and "5.png" in str(error)


def test_a_worker_that_hangs_is_said_with_its_file():
    begun = time.monotonic()
    steps, error = received("hangs", 2, timeout=1.0)
    assert steps == [0, 1, 2, 3] and f"hangs at {Path('/photos/5.png')}" in str(error)
    assert time.monotonic() - begun < 10


def test_a_bad_picture_arrives_as_it_was_raised():
    for workers in (0, 2):
        steps, error = received("bad", workers)
        assert steps == [0, 1, 2, 3] and type(error) is BadImage
        assert str(error) == f"{Path('/photos/five.png')}: is empty (zero bytes)"
        steps, error = received("small", workers)
        assert type(error) is BadImage
        assert str(error) == f"{Path('/photos/5.png')}: 4x4 pixels, smaller than the patch of 8x8"


def test_other_errors_from_a_worker():
    _, error = received("wrong", 2)
    assert type(error) is UserError and str(error) == "this set has lost its index"
    _, error = received("bug", 2)
    assert type(error) is SrkitError and "5.png" in str(error) and "KeyError: 'no such thing'" in str(error)
    assert "Traceback" not in str(error) and "__getitem__" in str(error.__cause__)
