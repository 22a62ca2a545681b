"""A run on the CPU of a machine that has a card says why, where nobody asked for the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srkit.readiness import make_ready
from srkit.training import device
from tests.execution.support import plan_of, prepared


@pytest.mark.parametrize(
    ("wanted", "driver", "cuda", "count"),
    [
        (None, "550.1 for H100", None, 1),
        ("cpu", "550.1 for H100", None, 0),
        (None, "", None, 0),
        (None, "550.1 for H100", "13.0", 0),
    ],
)
def test_a_torch_without_cuda_beside_a_card_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str | None, driver: str, cuda: str | None, count: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(device, "nvidia_driver", lambda: driver)
    said: list[str] = []
    make_ready(plan_of(prepared(tmp_path)), wanted, None, said.append)
    found = [one for one in said if one.startswith("warning: the card of this machine is not used (550.1 for H100)")]
    assert len(found) == count and all("built without CUDA" in one for one in found)
