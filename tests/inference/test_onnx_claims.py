"""ONNX files: tensors lie in the file or beside it, and are as large as they say."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srkit.errors import UserError
from srkit.inference.naming import named_model
from srkit.inference.onnx_claims import check_onnx_claims
from srkit.registry import Registry

onnx = pytest.importorskip("onnx", reason="the extra that writes ONNX files")
runtime = pytest.importorskip("onnxruntime", reason="the extra that runs ONNX files")

KINDS = onnx.TensorProto
REGISTRY = Registry.installed()


def external(location: str, dims: tuple[int, ...] = (3, 1, 1)) -> Any:
    """A tensor whose values lie in another file."""
    tensor = KINDS(name="w", data_type=KINDS.FLOAT, dims=dims, data_location=KINDS.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def model(file: Path, tensor: Any, place: str = "initializer", domain: str = "") -> Path:
    """A file that enlarges twice and adds a tensor, which stands in one of the places a tensor can stand in."""
    helper = onnx.helper
    scales = onnx.numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    nodes = [
        helper.make_node("Resize", ["lr", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Add", ["large", "w"], ["sr"], domain=domain),
    ]
    if place == "constant":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    elif place == "subgraph":
        info = helper.make_tensor_value_info("w2", KINDS.FLOAT, [3, 1, 1])
        inner = helper.make_graph([helper.make_node("Identity", ["w"], ["w2"])], "inner", [], [info], [tensor])
        true = helper.make_node("Constant", [], ["true"], value=helper.make_tensor("t", KINDS.BOOL, [], [True]))
        nodes[:0] = [true, helper.make_node("If", ["true"], ["w"], then_branch=inner, else_branch=inner)]
    sides = [helper.make_tensor_value_info(name, KINDS.FLOAT, [1, 3, f"{name}h", f"{name}w"]) for name in ("lr", "sr")]
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:], [scales, *([tensor] if place == "initializer" else [])])
    opsets = [helper.make_opsetid("", 13), *([helper.make_opsetid(domain, 1)] if domain else [])]
    file.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    for place in (tmp_path / "secret.bin", tmp_path / "model" / "beside.bin"):
        place.write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    return tmp_path / "model"


PLACES = ["../secret.bin", "ABSOLUTE", "sub/../../secret.bin", "..\\secret.bin", "\\\\host\\share", "C:secret.bin", ""]


@pytest.mark.parametrize("place", ["initializer", "constant", "subgraph"])
@pytest.mark.parametrize("location", [*PLACES, "*/_ORT_MEM_ADDR_/*"])
def test_no_tensor_is_read_from_outside_the_files_folder(location: str, place: str, folder: Path) -> None:
    location = str(folder.parent / "secret.bin") if location == "ABSOLUTE" else location
    with pytest.raises(UserError, match=r"a\.onnx: its tensor 'w' lies in .*(outside the file's folder|not there)"):
        named_model(str(model(folder / "a.onnx", external(location), place)), REGISTRY)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_nor_through_a_link(folder: Path) -> None:
    (folder / "link.bin").symlink_to("../secret.bin")
    with pytest.raises(UserError, match="outside the file's folder"):
        named_model(str(model(folder / "a.onnx", external("link.bin"))), REGISTRY)


@pytest.mark.parametrize("location", ["../secret.bin", "ABSOLUTE"])
def test_the_runtime_that_is_asked_for_refuses_it_too(location: str, folder: Path) -> None:
    location = str(folder.parent / "secret.bin") if location == "ABSOLUTE" else location
    with pytest.raises(Exception, match="[Ee]xternal data path|Absolute"):
        runtime.InferenceSession(str(model(folder / "a.onnx", external(location))), providers=["CPUExecutionProvider"])


def test_what_lies_beside_the_file_is_read(folder: Path) -> None:
    assert named_model(str(model(folder / "a.onnx", external("beside.bin"))), REGISTRY).scale == 2
    with pytest.raises(UserError, match="claims 1,000,000,000,000 values"):
        check_onnx_claims(model(folder / "b.onnx", external("beside.bin", (10**12,))))


@pytest.mark.parametrize(
    "tensor",
    [
        KINDS(name="w", data_type=KINDS.FLOAT, dims=(10**12,), raw_data=bytes(12)),
        KINDS(name="w", data_type=KINDS.FLOAT, dims=(10**6, 10**6), float_data=[1.0]),
        KINDS(name="w", data_type=KINDS.INT64, dims=(10**12,)),
    ],
    ids=["raw", "typed", "none"],
)
@pytest.mark.parametrize("place", ["initializer", "constant", "subgraph"])
def test_a_tensor_is_as_large_as_it_says(tensor: Any, place: str, folder: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match=r"its tensor 'w' claims 1,000,000,000,000 values"):
        named_model(str(model(folder / "a.onnx", tensor, place)), REGISTRY)
    assert time.monotonic() - began < 5


def test_operations_of_somebodys_own_are_refused(folder: Path) -> None:
    tensor = onnx.numpy_helper.from_array(np.ones((3, 1, 1), np.float32), "w")
    with pytest.raises(UserError, match=r"a\.onnx: onnxruntime cannot read this file"):
        named_model(str(model(folder / "a.onnx", tensor, domain="my.own")), REGISTRY)


@pytest.mark.parametrize("content", [b"", b"x", b"\x3a\xff\xff\xff\xff\x0f", b"\x3b\x01", b"\xff" * 40, bytes(9)])
def test_what_is_no_onnx(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.onnx: onnxruntime cannot read this file"):
        named_model(str(tmp_path / "a.onnx"), REGISTRY)


def test_metadata_that_srkit_does_not_write_is_told(folder: Path) -> None:
    tensor = onnx.numpy_helper.from_array(np.ones((3, 1, 1), np.float32), "w")
    content = onnx.load(str(model(folder / "a.onnx", tensor)))
    onnx.helper.set_model_props(content, {"srkit.experiment": '{"scale": 2, "generator": 5}'})
    onnx.save(content, str(folder / "a.onnx"))
    with pytest.raises(UserError, match="its header does not describe a generator of srkit"):
        named_model(str(folder / "a.onnx"), REGISTRY)
