"""Runs in this process, in forks and in commands of their own are to be equal bit for bit."""

import pytest


@pytest.fixture(autouse=True)
def equal_runs(one_thread: None) -> None: ...
