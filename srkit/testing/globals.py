"""The state of a process that components share and none may change: random streams and settings."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

__all__ = ["global_states", "random_states", "restore_settings", "settings", "unusual_streams"]


UNUSUAL = 782_391_645


def random_states(torch_too: bool = True) -> dict[str, str]:
    """A digest of each global random stream, by its name in words."""
    states = {
        "Python's random": repr(random.getstate()).encode(),
        "numpy's np.random": repr(np.random.get_state()[1:3]).encode() + np.random.get_state()[1].tobytes(),  # type: ignore[index]  # the legacy state is a tuple
    }
    if torch_too:
        states["torch's global stream"] = torch.get_rng_state().numpy().tobytes()
    return {name: hashlib.sha256(state).hexdigest() for name, state in states.items()}


def settings() -> dict[str, str]:
    """Each global setting that changes what others compute or where they write, by what sets it."""
    return {
        "os.chdir": str(Path.cwd()),
        "torch.set_default_dtype": str(torch.get_default_dtype()),
        "torch.set_num_threads": str(torch.get_num_threads()),
        "torch.set_grad_enabled": str(torch.is_grad_enabled()),
        "torch.set_default_device": str(torch.get_default_device()),
        "torch.use_deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "torch.set_float32_matmul_precision": torch.get_float32_matmul_precision(),
        "torch.autograd.set_detect_anomaly": str(torch.is_anomaly_enabled()),
    }


def restore_settings(before: dict[str, str]) -> None:
    """Put back what a component changed, so that neither the next rule nor the next component is misled."""
    setters: dict[str, Callable[[str], object]] = {
        "os.chdir": os.chdir,
        "torch.set_default_dtype": lambda text: torch.set_default_dtype(getattr(torch, text.removeprefix("torch."))),
        "torch.set_num_threads": lambda text: torch.set_num_threads(int(text)),
        "torch.set_grad_enabled": lambda text: torch.set_grad_enabled(text == "True"),
        "torch.set_default_device": torch.set_default_device,
        "torch.use_deterministic_algorithms": lambda text: torch.use_deterministic_algorithms(text == "True"),
        "torch.set_float32_matmul_precision": torch.set_float32_matmul_precision,
        "torch.autograd.set_detect_anomaly": lambda text: torch.autograd.set_detect_anomaly(text == "True"),
    }
    now = settings()
    for name, value in before.items():
        if now[name] != value:
            setters[name](value)


@contextmanager
def unusual_streams() -> Iterator[None]:
    """Global streams where nobody's seed puts them, so that seeding shows; put back at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            random.seed(UNUSUAL)
            np.random.seed(UNUSUAL)
            torch.manual_seed(UNUSUAL)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def global_states() -> dict[str, str]:
    """Everything at once."""
    return random_states() | settings()
