"""One thread, so that runs in this process, in forks and in commands of their own are equal bit for bit."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "")
    yield
    torch.set_num_threads(before)
