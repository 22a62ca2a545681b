"""`srkit doctor` ends well on every machine; what is broken is a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srkit.training import device
from srkit.weight_files import safe_torch
from tests.cli.conftest import Command, in_own_process


def findings(said: str) -> dict[str, str]:
    return {one["name"]: one["finding"] for one in json.loads(said)}


def test_what_this_machine_has(srkit: Command, home: Path) -> None:
    found = findings(srkit("doctor", "--json").out)
    assert {"srkit", "python", "torch", "device", "precision", "threads", "weights", "built in"} <= set(found)
    assert str(home) in found["weights"]
    assert "components" in found["built in"]


def test_cached_weights_are_listed(srkit: Command, home: Path) -> None:
    folder = home / ".cache" / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "some.pth").write_bytes(b"0" * 3_000_000)
    try:
        assert "some.pth (3 MB)" in findings(srkit("doctor", "--json").out)["weights"]
    finally:
        (folder / "some.pth").unlink()


def test_which_pth_files_this_torch_opens_is_said(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_torch, "torch_version", lambda: "2.4.1")
    said = findings(srkit("doctor", "--json").out)[".pth files"]
    assert "only those" in said and "CVE-2025-32434" in said and "pip install 'torch>=2.10'" in said
    monkeypatch.setattr(safe_torch, "torch_version", lambda: "2.10.0")
    assert "torch 2.10.0 may open them" in findings(srkit("doctor", "--json").out)[".pth files"]


def test_a_torch_that_cannot_be_imported_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')")
    said = in_own_process("doctor", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert said.code == 0
    assert "libcudart.so.12" in said.out
    assert "built in" in said.out


def test_a_card_that_torch_cannot_use_is_said(monkeypatch: pytest.MonkeyPatch, srkit: Command) -> None:
    import torch

    monkeypatch.setattr(device, "nvidia_driver", lambda: "550.1 for H100")
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    found = {one["name"]: one for one in json.loads(srkit("doctor", "--json").out)}
    assert not found["cuda"]["ok"]
    assert "built without CUDA" in found["cuda"]["finding"]
    assert found["driver"]["finding"] == "550.1 for H100"
