"""No test sees or touches the user's home, caches or settings, nor the plugins that happen to be installed."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # the processes share the cores out; before anything imports torch, and for what the tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# a shell that starts the suite in the background has Ctrl-C ignored, and so would have all that tests start
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# while tests are collected, too: some are made of what is on offer
os.environ["SRKIT_LOAD_PLUGINS"] = ""

SETTINGS = ("SRKIT_DEBUG", "COLUMNS", "FORCE_COLOR", "NO_COLOR")
"""Variables of the user's environment that would change what a test sees."""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder for the whole session."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session", autouse=True)
def own_settings(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's settings lie in the session's home; what fixtures of whole modules make is trusted like the rest."""
    config = home / ".config" / "srkit"
    config.mkdir(parents=True)
    os.environ["SRKIT_CONFIG"] = str(config)
    trusted = {"folders": [str(tmp_path_factory.getbasetemp().resolve())], "code": {}}
    (config / "trusted.json").write_text(json.dumps(trusted), encoding="utf-8")
    return config


@pytest.fixture(autouse=True)
def own_home(home: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home and caches lie in the session's folder, in this process and in those it starts."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("SRKIT_CONFIG", str(own_settings))
    monkeypatch.setenv("TORCH_HOME", str(home / ".cache" / "torch"))
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "")
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread, so that runs in this process, in forks and in commands of their own are equal bit for bit."""
    import torch  # not before a process's share of the cores is settled

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
