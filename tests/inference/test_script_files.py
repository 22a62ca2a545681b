"""TorchScript programs read and write any file, so one is opened for whoever trusts it and for nobody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import srkit as package
from srkit.errors import UserError
from srkit.inference.naming import named_model
from srkit.registry import Registry, Trust
from srkit.weight_files.refusals import sha256_of

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

NAMES = ["a.ts", "a.pt", "a.pth", "a.ckpt", "a.safetensors", "a.onnx", "a.bin"]


class Writer(nn.Module):
    """Enlarges by 2, and makes a file wherever it likes."""

    def forward(self, lr: Tensor) -> Tensor:
        made = torch.from_file("written.bin", shared=True, size=4)
        return torch.nn.functional.interpolate(lr, scale_factor=2.0) + 0 * made.sum()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(Writer()), "a.ts")
    return tmp_path


def unreached(*_: object, **__: object) -> None:
    raise AssertionError("the program was opened")


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_not_opened_whatever_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name != "a.ts":
        shutil.copy("a.ts", name)
    with monkeypatch.context() as patched:
        patched.setattr(torch.jit, "load", unreached)
        patched.setattr(torch, "load", unreached)
        with pytest.raises(UserError) as error:
            named_model(name, Registry.installed())
        with pytest.raises(UserError):
            package.load(name)
    said = str(error.value)
    assert f"{name} is a TorchScript program (sha256 {sha256_of(Path(name))})" in said and "--trust" in said
    assert not Path("written.bin").exists()


@pytest.mark.parametrize("name", NAMES)
def test_whoever_trusts_it_has_it(name: str) -> None:
    if name != "a.ts":
        shutil.copy("a.ts", name)
    model = named_model(name, Registry.installed(Trust(everything=True)))
    assert model.scale == 2 and Path("written.bin").exists()  # which is why it asks for trust
    assert package.load(name, trust=True)(torch.rand(1, 3, 4, 4)).shape == (1, 3, 8, 8)
