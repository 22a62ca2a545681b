"""`srkit export`: each format gives the run's own pictures again, and others can read what is theirs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from spandrel import ModelLoader

import srkit as package
from srkit.components.generators.compact import Compact
from srkit.components.generators.rrdb import Rrdb
from srkit.inference.export.graphs import write_onnx
from srkit.inference.named import TrainedOn
from srkit.inference.naming import named_model
from srkit.inference.own_words import own_words
from srkit.registry import Registry, Trust
from tests.cli.conftest import Command, photo
from tests.inference.test_headers import OWN

ENDINGS = {"safetensors": ".safetensors", "pth": ".pth", "onnx": ".onnx", "torchscript": ".ts"}


@pytest.mark.parametrize("kind", ENDINGS)
def test_the_file_upscales_as_the_run_does(kind: str, workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.png")
    said = srkit("export", "runs/espcn", "--format", kind)
    assert said.code == 0, said.err
    assert srkit("upscale", "a.png", "--model", "runs/espcn", "--out", "run").code == 0
    trust = ["--trust"] if kind == "torchscript" else []
    said = srkit("upscale", "a.png", "--model", f"espcn{ENDINGS[kind]}", "--out", "file", *trust)
    assert said.code == 0, said.err
    one, other = (np.asarray(Image.open(f"{folder}/a.png")).astype(int) for folder in ("run", "file"))
    assert np.abs(one - other).max() <= (1 if kind == "onnx" else 0)
    trained = named_model(f"espcn{ENDINGS[kind]}", Registry.installed(Trust(everything=bool(trust)))).trained_on
    of_run = named_model("runs/espcn", Registry.installed()).trained_on
    assert trained is not None and of_run is not None
    assert trained.experiment["generator"] == of_run.experiment["generator"]
    assert trained.fingerprint == of_run.fingerprint and trained.data == of_run.data == "photos"
    card = Path(f"espcn{ENDINGS[kind]}.md").read_text(encoding="utf-8")
    assert "psnr-y" in card and "Trained on photos" in card and "channels = 2" in card
    assert str(workplace) not in card
    said = srkit("export", "runs/espcn", "--format", kind)
    assert said.code == 2 and "is there already; --overwrite replaces it" in said.err


@pytest.mark.parametrize("kind", ENDINGS)
def test_the_file_says_nothing_of_this_machine_unless_asked(
    kind: str, workplace: Path, home: Path, srkit: Command
) -> None:
    (workplace / "net.py").write_text(OWN, encoding="utf-8")
    said = srkit("run", "tiny.toml", "--set", "generator.use=./net.py:Net", "--out", "runs/own", "--quiet")
    assert said.code == 0, said.err
    places = [str(workplace), str(home), sys.prefix, str(Path(package.__file__).parent), str(workplace).encode().hex()]
    assert srkit("export", "runs/own", "--format", kind).code == 0
    for file in (Path(f"own{ENDINGS[kind]}"), Path(f"own{ENDINGS[kind]}.md")):
        content = b"".join(contents(file))
        assert not [one for one in places if one.encode() in content], file
        assert b'"photos' in content
    said = srkit("export", "runs/own", "--format", kind, "--with-paths", "--overwrite")
    assert said.code == 0, said.err
    for file in (Path(f"own{ENDINGS[kind]}"), Path(f"own{ENDINGS[kind]}.md")):
        assert str(workplace / "photos").encode() in b"".join(contents(file))


def contents(file: Path) -> Iterator[bytes]:
    """What a file holds, and of an archive what its records do."""
    yield file.read_bytes()
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for record in archive.infolist():
                yield record.filename.encode()
                yield archive.read(record)


@pytest.mark.parametrize("place", [".", "elsewhere"])
def test_what_an_exported_model_was_trained_on_is_found_where_it_was_exported(
    place: str, workplace: Path, srkit: Command
) -> None:
    (workplace / "elsewhere").mkdir()
    assert srkit("export", "runs/espcn", "--out", place).code == 0
    said = srkit("bench", f"{place}/espcn.safetensors", "bicubic", "--on", "photos")
    assert said.code == 0, said.err
    assert "espcn †" in said.out and "† espcn trained on one of these photos" in said.out


def test_elsewhere_no_folder_of_that_name_is_looked_into(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert srkit("export", "runs/espcn", "--out", "espcn.safetensors").code == 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "another machine"))
    said = srkit("bench", "espcn.safetensors", "bicubic", "--on", "photos")
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert "†" not in said.out and "and a model file may name no path" in words


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import torch, onnxruntime  # what they write for themselves is not what is tried
from srkit.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv[0] = "srkit"
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("kind", ENDINGS)
def test_a_full_disk_is_said_and_leaves_nothing(kind: str, workplace: Path) -> None:
    command = [sys.executable, "-c", FULL, "export", "runs/espcn", "--format", kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "cannot be written (File too large)" in done.stderr and f"espcn{ENDINGS[kind]}" in done.stderr
    assert not list(workplace.glob("*espcn*"))


@pytest.mark.parametrize(
    ("network", "table", "architecture"),
    [
        (Rrdb(4, channels=8, blocks=2), {"use": "rrdb", "channels": 8, "blocks": 2}, "ESRGAN"),
        (Compact(2, channels=8, layers=2), {"use": "compact", "channels": 8, "layers": 2}, "RealESRGAN Compact"),
    ],
    ids=["rrdb", "compact"],
)
def test_spandrel_knows_the_pth(
    network: torch.nn.Module, table: dict[str, object], architecture: str, tmp_path: Path
) -> None:
    from srkit.inference.exported import save_pth

    scale = network.scale
    trained = TrainedOn({"scale": scale, "generator": table}, tmp_path)
    save_pth(tmp_path / "a.pth", network.state_dict(), own_words(trained, "a"))
    found = ModelLoader().load_from_file(tmp_path / "a.pth")
    assert (found.architecture.name, found.scale) == (architecture, scale)
    lr = torch.rand(1, 3, 12, 10)
    with torch.no_grad():
        torch.testing.assert_close(found.model(lr), network(lr))
        torch.testing.assert_close(package.load(tmp_path / "a.pth")(lr), network(lr))


@pytest.mark.parametrize("network", [Rrdb(2, 4, 1), Compact(4, 4, 1)], ids=["folding", "compact"])
def test_onnxruntime_agrees_at_three_sizes(network: torch.nn.Module, tmp_path: Path) -> None:
    write_onnx(tmp_path / "a.onnx", network.eval(), {})
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    for size in ((16, 16), (25, 18), (40, 31)):
        lr = torch.rand(1, 3, *size)
        with torch.no_grad():
            gap = network(lr).numpy() - session.run(None, {"lr": lr.numpy()})[0]
        assert np.abs(gap).max() < 1e-4


def test_a_graph_that_does_something_else_is_not_kept(tmp_path: Path) -> None:
    from srkit.errors import SrkitError

    class BySize(torch.nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return lr * 2 if lr.shape[-1] == 41 else lr

    with pytest.raises(SrkitError, match="24 x 24 pixels the graph differs from the network"):
        write_onnx(tmp_path / "a.onnx", BySize(), {})
    assert not list(tmp_path.iterdir())


def test_wrong_names_are_refused(workplace: Path, srkit: Command) -> None:
    assert "neither a run folder" in srkit("export", "photos").err
    assert "ends in .onnx" in srkit("export", "runs/espcn", "--format", "onnx", "--out", "a.pth").err


def test_load_gives_a_module_with_its_scale(workplace: Path) -> None:
    model = package.load("runs/espcn")
    assert model.scale == 2 and not model.training
    assert model(torch.rand(2, 3, 5, 7)).shape == (2, 3, 10, 14)
