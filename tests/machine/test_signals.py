"""What hears the signals that ask for an end, while it waits for it and soon after."""

import signal
import time
from collections.abc import Iterator

import pytest

from srkit.machine.signals import asked_to_end


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The terminations that nobody else has heard."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def test_a_signal_that_comes_when_all_is_saved_is_still_one_of_the_first(heard: list[int]) -> None:
    ends: list[bool] = []
    with asked_to_end(lambda: ends.append(True), patience=0.2):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert ends == [True] and heard == []
    time.sleep(0.25)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM, signal.SIGTERM]


def test_without_a_signal_all_is_as_before(heard: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with asked_to_end(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
