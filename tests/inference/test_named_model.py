"""What a model can be called: runs, checkpoints, exported and foreign files, ONNX, interpolations, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from srkit.components.generators.espcn import Espcn
from srkit.contracts import GeneratorOutput
from srkit.errors import UserError
from srkit.inference.exported import save_exported
from srkit.inference.named import TrainedOn
from srkit.inference.naming import named_model
from srkit.inference.own_words import own_words
from srkit.inference.repeat import Repeated, repeats_needed
from srkit.inference.run_models import run_checkpoints
from srkit.registry import Registry
from srkit.training import checkpoint
from srkit.training.checkpoint import CorruptCheckpoint

REGISTRY = Registry.installed()
LR = torch.rand(1, 3, 12, 10, generator=torch.Generator().manual_seed(2))
EXPERIMENT = """
scale = 2
[data]
train = { use = "folder", path = "photos" }
[downscaler]
use = "box"
[generator]
use = "espcn"
channels = 4
"""


def network(seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Espcn(scale=2, channels=4).eval()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with two checkpoints, the second with averaged weights."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "experiment.toml").write_text(EXPERIMENT)
    (folder / "manifest.json").write_text(json.dumps({"data": {"train": "print"}, "sessions": [], "warnings": ["w"]}))
    weights = [network(seed).state_dict() for seed in range(3)]
    checkpoint.save(folder / "checkpoints", 10, {"generator": weights[0]}, {})
    checkpoint.save(folder / "checkpoints", 20, {"generator": weights[1], "ema": weights[2]}, {})
    return folder


def pictures(model: object) -> torch.Tensor:
    with torch.no_grad():
        return model.load(2)(LR)  # type: ignore[attr-defined]  # a NamedModel


def test_a_run_is_its_last_checkpoint_with_averaged_weights(run: Path) -> None:
    model = named_model(str(run), REGISTRY)
    assert (model.name, model.scale, model.warnings) == ("mine", 2, ("w",))
    assert model.trained_on is not None
    assert (model.trained_on.data, model.trained_on.lr_images, model.trained_on.fingerprint) == (
        "photos",
        "box",
        "print",
    )
    with torch.no_grad():
        assert torch.equal(pictures(model), network(2)(LR))


def test_a_checkpoint_is_a_model_of_its_own(run: Path) -> None:
    model = named_model(str(run / "checkpoints" / "step-00000010"), REGISTRY)
    assert model.name == "mine/step-00000010"
    with torch.no_grad():
        assert torch.equal(pictures(model), network(0)(LR))
    newest = named_model(str(run / "checkpoints" / "step-00000020"), REGISTRY)
    assert newest.identity == named_model(str(run), REGISTRY).identity != model.identity


def test_a_damaged_last_checkpoint_is_passed_over_and_said(run: Path) -> None:
    (run / "checkpoints" / "step-00000020" / "ema.safetensors").write_bytes(b"cut")
    model = named_model(str(run), REGISTRY)
    assert "step-00000010 in its place" in model.warnings[-1]
    shutil.rmtree(run / "checkpoints" / "step-00000010")
    with pytest.raises(CorruptCheckpoint, match="no checkpoint can be used"):
        named_model(str(run), REGISTRY)


def test_all_checkpoints_of_a_run_and_those_that_are_not_whole(run: Path) -> None:
    models, complaints = run_checkpoints(run, REGISTRY)
    assert [one.name for one in models] == ["step 10", "step 20"] and not complaints
    (run / "checkpoints" / "step-00000010" / "generator.safetensors").unlink()  # as a run that trains does
    models, complaints = run_checkpoints(run, REGISTRY)
    assert [one.name for one in models] == ["step 20"] and "generator.safetensors is missing" in complaints[0]
    with pytest.raises(UserError, match="this is none"):
        run_checkpoints(run / "checkpoints", REGISTRY)


def test_the_identity_follows_what_pictures_depend_on(run: Path) -> None:
    before = named_model(str(run), REGISTRY).identity
    moved = run.rename(run.with_name("elsewhere"))
    assert named_model(str(moved), REGISTRY).identity == before
    (moved / "experiment.toml").write_text(EXPERIMENT.replace("box", "lanczos"))
    assert named_model(str(moved), REGISTRY).identity == before
    (moved / "experiment.toml").write_text(EXPERIMENT.replace("channels = 4", "channels = 5"))
    assert named_model(str(moved), REGISTRY).identity != before


def test_an_exported_file_needs_nothing_beside_it(tmp_path: Path) -> None:
    experiment = {"scale": 2, "generator": {"use": "espcn", "channels": 4}, "downscaler": {"use": "box"}}
    experiment["data"] = {"train": {"use": "sample-photos", "split": "train"}}
    save_exported(
        tmp_path / "mine.safetensors", network(1).state_dict(), own_words(TrainedOn(experiment, tmp_path, "p"), "mine")
    )
    model = named_model(str(tmp_path / "mine.safetensors"), REGISTRY)
    assert (model.name, model.scale) == ("mine", 2)
    assert model.trained_on is not None and model.trained_on.data == "sample-photos (train)"
    with torch.no_grad():
        assert torch.equal(pictures(model), network(1)(LR))
    experiment["generator"] = {"use": "espcn", "channels": 5}
    save_exported(
        tmp_path / "other.safetensors", network(1).state_dict(), own_words(TrainedOn(experiment, tmp_path), "mine")
    )
    with pytest.raises(UserError, match="do not fit the generator in its header"):
        named_model(str(tmp_path / "other.safetensors"), REGISTRY).load(2)


def test_a_foreign_file_is_read_through_spandrel(tmp_path: Path) -> None:
    """Compact's layout is spandrel's, which is the independent implementation."""
    pytest.importorskip("spandrel", reason="the extra that reads foreign files")
    from srkit.components.generators.compact import Compact

    compact = Compact(scale=2, channels=8, layers=2).eval()
    torch.save({"params": compact.state_dict()}, tmp_path / "foreign.pth")
    model = named_model(str(tmp_path / "foreign.pth"), REGISTRY)
    assert (model.name, model.scale, model.trained_on) == ("foreign", 2, None)
    with torch.no_grad():
        assert torch.allclose(pictures(model), compact(LR).clamp(0, 1), atol=1e-5)
    (tmp_path / "nothing.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"nothing\.pth: spandrel cannot read this file"):
        named_model(str(tmp_path / "nothing.pth"), REGISTRY)


def onnx_file(path: Path, sides: tuple[int | str, int | str], scale: float = 2.0) -> Path:
    """A file that enlarges by nearest neighbour."""
    onnx = pytest.importorskip("onnx", reason="the extra that reads ONNX files")
    helper, kinds = onnx.helper, onnx.TensorProto
    scales = onnx.numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    node = helper.make_node("Resize", ["lr", "", "scales"], ["sr"], mode="nearest")
    graph = helper.make_graph(
        [node],
        "enlarge",
        [helper.make_tensor_value_info("lr", kinds.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info("sr", kinds.FLOAT, [1, 3, "H", "W"])],
        [scales],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_an_onnx_file_is_a_model(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra that runs ONNX files")
    model = named_model(str(onnx_file(tmp_path / "twice.onnx", ("h", "w"))), REGISTRY)
    assert (model.name, model.scale, model.counted) == ("twice", 2, False)
    assert torch.equal(pictures(model), LR.repeat_interleave(2, 2).repeat_interleave(2, 3))
    with pytest.raises(UserError, match="takes pictures of 16 x 12 alone"):
        named_model(str(onnx_file(tmp_path / "fixed.onnx", (12, 16))), REGISTRY)
    with pytest.raises(UserError, match="no whole number of times larger"):
        named_model(str(onnx_file(tmp_path / "half.onnx", ("h", "w"), 1.5)), REGISTRY)
    (tmp_path / "broken.onnx").write_bytes(b"x")
    with pytest.raises(UserError, match=r"broken\.onnx: onnxruntime cannot read"):
        named_model(str(tmp_path / "broken.onnx"), REGISTRY)


def test_weights_beside_an_onnx_file_belong_to_what_it_is_known_by(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra that reads ONNX files")
    pytest.importorskip("onnxruntime", reason="the extra that runs ONNX files")
    path = onnx_file(tmp_path / "twice.onnx", ("h", "w"))
    model = onnx.load(path)
    model.graph.node[0].output[0] = "large"
    nodes = [onnx.helper.make_node("Mul", ["large", "a"], ["b"]), onnx.helper.make_node("Mul", ["b", "c"], ["sr"])]
    model.graph.node.extend(nodes)
    for name in ("a", "c"):
        gain = onnx.numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), name)
        onnx.external_data_helper.set_external_data(gain, f"{name}.bin")
        model.graph.initializer.append(gain)
    onnx.save(model, path)
    assert {one.name for one in tmp_path.iterdir()} == {"twice.onnx", "a.bin", "c.bin"}
    first = named_model(str(path), REGISTRY)
    assert named_model(str(path), REGISTRY).identity == first.identity
    for name in ("a.bin", "c.bin"):
        before = named_model(str(path), REGISTRY)
        (tmp_path / name).write_bytes(np.zeros(3, np.float32).tobytes())
        assert named_model(str(path), REGISTRY).identity != before.identity, name
    assert not pictures(named_model(str(path), REGISTRY)).any()


def test_an_interpolation_has_any_scale() -> None:
    for name in ("bicubic", "bilinear", "lanczos", "nearest", "srkit:bicubic"):
        model = named_model(name, REGISTRY)
        assert model.scale is None and model.load(3)(LR).shape == (1, 3, 36, 30)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("bicubik", "no such run, checkpoint, model file or interpolation. Did you mean 'bicubic'"),
        ("espcn", "espcn: this generator has weights to train; name a run of it"),
        (".", "neither a run nor one of a run's checkpoints"),
        ("notes.txt", "a model is a run folder, a checkpoint, or a .safetensors"),
        ("cut.safetensors", "not a safetensors file, or damaged"),
    ],
)
def test_what_is_no_model(argument: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.txt", "cut.safetensors"):
        Path(name).write_text("x")
    with pytest.raises(UserError) as error:
        named_model(argument, REGISTRY)
    assert message in str(error.value)


def test_a_generator_applied_twice() -> None:
    class Brighter(torch.nn.Module):
        def forward(self, lr: torch.Tensor) -> GeneratorOutput:
            assert lr.max() <= 1 and lr.min() >= 0
            return GeneratorOutput((lr + 0.75).repeat_interleave(2, 2).repeat_interleave(2, 3))

    large = Repeated(Brighter(), 2)(torch.full((1, 3, 2, 2), 0.5))
    assert large.shape == (1, 3, 8, 8) and torch.equal(large, torch.full_like(large, 1.75))
    assert [repeats_needed(native, 8, 3) for native in (2, 8, 4)] == [3, 1, None]
    with pytest.raises(ValueError, match="once or more"):
        Repeated(Brighter(), 0)
