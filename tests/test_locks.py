"""What `srkit.locks` promises: one holder at a time, and whoever only looks is in nobody's way."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.locks import held, is_held


def test_one_at_a_time_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    with held(path, "taken"):
        assert is_held(path)
        with pytest.raises(UserError, match="taken"), held(path, "taken"):
            pass
        assert is_held(path)
    assert not is_held(path)
    with held(path, "taken"):
        pass


def test_it_is_let_go_where_the_holder_fails(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), held(path, "taken"):
        raise ZeroDivisionError
    assert not is_held(path)


def test_whoever_looks_keeps_nobody_from_holding(tmp_path: Path) -> None:
    path, done = tmp_path / "lock", threading.Event()
    path.touch()

    def look() -> None:
        while not done.is_set():
            is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            with held(path, "refused because of a look"):
                pass
    finally:
        done.set()
        for looker in lookers:
            looker.join()


@pytest.mark.skipif(os.name == "nt", reason="a file cannot be shared there")
def test_those_who_look_do_not_take_each_other_for_holders(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(lambda _: is_held(path), range(2000)))


def test_a_patient_one_gets_it_when_the_other_lets_go(tmp_path: Path) -> None:
    path, has_it, let_go = tmp_path / "lock", threading.Event(), threading.Event()

    def hold() -> None:
        with held(path, "taken"):
            has_it.set()
            let_go.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    assert has_it.wait(30)
    threading.Timer(0.8, let_go.set).start()
    with held(path, "taken", patience=30):
        assert let_go.is_set()
    other.join()
