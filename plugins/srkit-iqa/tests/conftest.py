"""Pictures to judge; no test sees the user's weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: the folder torch keeps weights in."""

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture(scope="session")
def pair() -> tuple[Tensor, Tensor]:
    """SR and HR, (2, 3, 64, 72) on the 8-bit grid: smooth with noise."""
    stream = torch.Generator().manual_seed(3)
    coarse = torch.rand(2, 3, 12, 12, generator=stream)
    hr = torch.nn.functional.interpolate(coarse, size=(64, 72), mode="bicubic").clamp(0.05, 1)
    sr = (hr + 0.05 * torch.randn(hr.shape, generator=stream)).clamp(0.01, 1)
    return (255 * sr).round() / 255, (255 * hr).round() / 255
