"""Which torch opens which `.pth` file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srkit.errors import UserError
from srkit.weight_files import safe_torch
from srkit.weight_files.refusals import sha256_of
from srkit.weight_files.torch_files import load_torch_file


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ("2.4.0", False),
        ("2.9.1+cu128", False),
        ("2.10.0a0+git1", False),
        ("2.10.0", True),
        ("2.10.0+cpu", True),
        ("3.0", True),
        ("mine", False),
    ],
)
def test_torch_is_safe_from_2_10_on(version: str, is_safe: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_torch, "torch_version", lambda: version)
    assert safe_torch.torch_is_safe() == is_safe


def test_an_older_torch_opens_what_is_known_by_its_hash_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_torch, "torch_version", lambda: "2.4.0")
    file = tmp_path / "vgg16-397923af.pth"
    torch.save({"a": torch.ones(2)}, file)
    with pytest.raises(UserError, match=r"not opened by torch 2\.4\.0.*CVE-2025-32434.*pip install 'torch>=2\.10'"):
        load_torch_file(file)
    monkeypatch.setitem(safe_torch.KNOWN, sha256_of(file), "this one")
    assert torch.equal(load_torch_file(file)["a"], torch.ones(2))


def test_known_files_are_known_by_their_whole_hash() -> None:
    from srkit.components.pretrained import CHECKPOINTS

    assert all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in safe_torch.KNOWN)
    for name in CHECKPOINTS.values():
        digits = name.rpartition("-")[2].removesuffix(".pth")
        assert any(one.startswith(digits) and said.startswith(name) for one, said in safe_torch.KNOWN.items())


def test_the_channels_that_come_with_torchmetrics_are_known() -> None:
    torchmetrics = pytest.importorskip("torchmetrics", reason="the extra with the channels' weights")
    folder = Path(torchmetrics.__file__).parent / "functional" / "image"
    for name in ("lpips_models/alex.pth", "lpips_models/vgg.pth", "dists_models/weights.pt"):
        assert safe_torch.is_known(folder / name)
