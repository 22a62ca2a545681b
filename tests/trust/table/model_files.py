"""Files of weights as a stranger hands them over: pickles, headers, programs, and claims larger than their content."""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.trust.table.ground import Ground
from tests.trust.table.rows import ANY, Given, Row

__all__ = ["MODEL_ROWS", "described", "onnx_file"]

SOON = 5.0
"""Seconds in which a file that claims too much is refused."""


class _Runs:
    """Runs a shell's command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def _weights(channels: int = 2) -> dict[str, Tensor]:
    """What fits the generator of `tiny.toml`."""
    from srkit.components.generators.espcn import Espcn

    torch.manual_seed(1)
    return dict(Espcn(scale=2, channels=channels).state_dict())


def described(generator: Mapping[str, Any], **more: Any) -> dict[str, str]:
    """The texts with which srkit builds an exported generator again."""
    experiment = {"scale": 2, "generator": generator, "downscaler": {"use": "torch-bilinear"}, **more}
    return {"srkit.experiment": json.dumps(experiment), "srkit.version": "0.1.0", "srkit.name": "theirs"}


Write = Callable[[Ground, Path], object]


def _file(name: str, what: str, write: Write, says: str = "", **codes: tuple[int, ...]) -> Row:
    def make(ground: Ground) -> Given:
        write(ground, ground.here / name)
        return Given(name)

    return Row(f"{name}: {what}", "model", make, says, {"report": (0,)} | codes, SOON * 2)


def _pickled(ground: Ground, path: Path) -> None:
    torch.save({"params": _Runs(ground.touch("pickle")), **_weights()}, path)


def _old_pickle(ground: Ground, path: Path) -> None:
    path.write_bytes(pickle.dumps({"params": _Runs(ground.touch("pickle"))}))


def _old_torch(ground: Ground, path: Path) -> None:
    torch.save({"x": _Runs(ground.touch("pickle")), **_weights()}, path, _use_new_zipfile_serialization=False)


def safetensors(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> bytes:
    from safetensors.torch import save

    return save(dict(tensors), {"format": "pt", **texts})


def _header(use: str, nested: bool = False) -> Write:
    """An exported file whose generator is not a registered one."""

    def write(ground: Ground, path: Path) -> None:
        ground.code(ground.here / "evil.py")
        ground.code(ground.root / "evil.py")
        ground.code(ground.here / "evilmod.py")
        named = use.replace("{root}", str(ground.root))
        pick = {"use": named, "path": str(ground.precious / "file"), "command": ground.touch("command")}
        table = {"use": "trunk", "channels": 4, "block": pick} if nested else pick
        if path.suffix == ".safetensors":
            path.write_bytes(safetensors(_weights(), described(table)))
        else:
            torch.save({"params": _weights(), "srkit": described(table)}, path)

    return write


def _trained_with(use: str) -> Write:
    """An exported file whose generator is registered, and whose downscaler and data are not."""

    def write(ground: Ground, path: Path) -> None:
        ground.code(ground.here / "evil.py")
        texts = described(
            {"use": "srkit:espcn", "channels": 2},
            downscaler={"use": use},
            degradation=[{"use": use}],
            data={"train": {"use": use}, "validate": {"use": use}},
        )
        path.write_bytes(safetensors(_weights(), texts))

    return write


def onnx_file(path: Path, texts: Mapping[str, str] = {}, outside: str = "") -> None:  # is only read
    """A network that repeats pixels; with a tensor that lies in another file where `outside` names one."""
    from onnx import TensorProto, helper, numpy_helper

    scales = numpy_helper.from_array(torch.tensor([1.0, 1.0, 2.0, 2.0]).numpy(), "scales")
    bias = numpy_helper.from_array(torch.zeros(1, 3, 1, 1).numpy(), "bias")
    if outside:
        bias.ClearField("raw_data")
        bias.data_location = TensorProto.EXTERNAL
        for key, value in (("location", outside), ("offset", "0"), ("length", "12")):
            bias.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest"),
        helper.make_node("Add", ["y", "bias"], ["z"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, f"h{name}", f"w{name}"]) for name in "xz"]
    graph = helper.make_graph(nodes, "theirs", ends[:1], ends[1:], [scales, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in texts.items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def _onnx(texts: Mapping[str, str]) -> Write:
    def write(ground: Ground, path: Path) -> None:
        ground.code(ground.here / "evil.py")
        onnx_file(path, texts)

    return write


def _onnx_outside(to: str) -> Write:
    def write(ground: Ground, path: Path) -> None:
        (ground.precious / "file").write_bytes(bytes(64))
        onnx_file(path, outside=to.replace("{root}", str(ground.root)))

    return write


_NUMBERS = itertools.count()


def _program(ground: Ground, path: Path) -> None:
    """A TorchScript program that writes a file as soon as it is called."""
    mark = str(ground.ran / "program")

    source = f"def forward(self, x):\n    y = torch.from_file({mark!r}, True, 4)\n    y.fill_(1.0)\n"
    source += "    return torch.repeat_interleave(torch.repeat_interleave(x, 2, 2), 2, 3)\n"
    # a name of its own: a process keeps one program a name
    module: Any = type(f"Program{next(_NUMBERS)}", (torch.jit.ScriptModule,), {})()
    module.define(source)
    module.save(str(path))


def _flipped(ground: Ground, path: Path) -> None:
    """One bit of a bias, so that it is 1e36 and not 0.1."""
    content = io.BytesIO()
    torch.save({"params": _weights()}, content)
    damaged = bytearray(content.getvalue())
    with zipfile.ZipFile(content) as archive:
        value = archive.read("archive/data/1")
    damaged[damaged.find(value) + 3] ^= 0x40
    path.write_bytes(damaged)


def _rezipped(compression: int, extra: Mapping[str, bytes] | None = None) -> Write:
    """The file's members packed anew."""

    def write(_: Ground, path: Path) -> None:
        content = io.BytesIO()
        torch.save({"params": _weights()}, content)
        with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w", compression) as new:
            for one in old.infolist():
                new.writestr(one.filename, old.read(one))
            for name, data in (extra or {}).items():
                new.writestr(name, data)

    return write


def _large(key: str = "layers.0.weight") -> Write:
    """A tensor whose elements exceed what is stored."""

    def write(_: Ground, path: Path) -> None:
        tensors = _weights()
        tensors[key] = torch.zeros(1).expand(2**20, 2**20)
        torch.save({"params": tensors}, path)

    return write


def _meta(_: Ground, path: Path) -> None:
    tensors = _weights()
    tensors["layers.0.weight"] = torch.empty(2**20, 2**20, device="meta")
    torch.save({"params": tensors}, path)


def _numbered(key: str) -> Write:
    """Layers numbered so that a list of all would fill the memory."""

    def write(_: Ground, path: Path) -> None:
        names = ("conv_first.weight", "conv_first.bias", "body.0.rdb1.conv1.weight", key, "conv_up1.weight")
        tensors = {name: torch.zeros(4, 4, 3, 3) for name in names}
        if path.suffix == ".safetensors":
            path.write_bytes(safetensors(tensors, {}))
        else:
            torch.save({"params": tensors}, path)

    return write


def _claims(length: int, header: bytes = b"{}") -> Write:
    """A safetensors file by its first bytes."""
    return lambda _, path: path.write_bytes(struct.pack("<Q", length) + header)


def _huge_network(**generator: Any) -> Write:
    """A header that asks for a network no machine holds."""
    return lambda _, path: path.write_bytes(safetensors(_weights(), described(generator)))


def _tree(content: Any) -> Write:
    return lambda _, path: torch.save(content, path)


NAMED = ("./evil.py:Net", "../evil.py:Net", "{root}/evil.py:Net", "~/evil.py:Net", "//host/share/evil.py:Net")
REACHED = ("os:system", "srkit.registry.trusted:trust_folder", "evilmod:Net", "srkit.components.generators.espcn:Espcn")

ONNX = dict.fromkeys(("upscale", "bench", "strip", "animate", "srkit.load", "srkit.bench"), ANY)
"""An ONNX file carries its own network; what its texts say of its training may be left out."""

TENSORS = dict.fromkeys(("import", "check", "run"), ANY)
"""What takes a file's tensors alone needs nothing that its header says."""

MODEL_ROWS = (
    *(
        _file(f"evil{suffix}", f"{what} pickle that runs a command", write)
        for suffix in (".pth", ".pt", ".ckpt")
        for what, write in (("a zipped", _pickled), ("torch's old", _old_torch), ("a plain", _old_pickle))
    ),
    *(_file(f"evil{suffix}", "a pickle in disguise", _pickled) for suffix in (".safetensors", ".onnx", ".ts", ".bin")),
    *(_file("evil.safetensors", f"its header names {use}", _header(use), **TENSORS) for use in (*NAMED, *REACHED)),
    *(_file("evil.pth", f"its header names {use}", _header(use), **TENSORS) for use in (NAMED[0], *REACHED)),
    *(
        _file("evil.safetensors", f"its header nests {use}", _header(use, nested=True), **TENSORS)
        for use in (NAMED[0], "os:system")
    ),
    *(
        _file("evil.safetensors", f"trained with {use}", _trained_with(use), **ONNX, **TENSORS)
        for use in ("./evil.py:Halve", "os:system")
    ),
    *(
        _file("evil.onnx", f"its texts name {use}", _onnx(described({"use": use}, downscaler={"use": use})), **ONNX)
        for use in ("./evil.py:Halve", "os:system")
    ),
    *(
        _file("evil.onnx", f"a tensor in {to}", _onnx_outside(to))
        for to in ("../precious/file", "{root}/precious/file")
    ),
    *(_file(f"evil{suffix}", "a program that writes", _program) for suffix in (".ts", ".pt", ".pth")),
    _file("evil.pth", "one flipped bit", _flipped),
    _file("evil.pth", "compressed members", _rezipped(zipfile.ZIP_DEFLATED)),
    _file(
        "evil.pth",
        "members elsewhere",
        _rezipped(zipfile.ZIP_STORED, {"../../precious/file": b"theirs"}),
        **ONNX,
        **{"*": ANY},
    ),
    _file("evil.pth", "elements beyond its storage", _large()),
    _file("evil.pth", "a tensor that is nowhere", _meta),
    *(
        _file(f"evil{suffix}", f"layer {key}", _numbered(key))
        for suffix in (".pth", ".safetensors")
        for key in ("body.999999999.weight", "model.1.sub.999999999999.RDB1.conv1.0.weight", "body.-1.weight")
    ),
    _file("evil.safetensors", "a header longer than the file", _claims(2**60)),
    _file("evil.safetensors", "a header that is no JSON", _claims(2, b"{]")),
    _file("evil.safetensors", "a header nested deep", _claims(100_000, b"[" * 100_000)),
    _file("evil.safetensors", "a billion channels", _huge_network(use="srkit:espcn", channels=10**9), **TENSORS),
    _file(
        "evil.safetensors",
        "a billion blocks",
        _huge_network(use="srkit:trunk", channels=4, blocks=10**9),
        **TENSORS,
    ),
    *(
        _file(f"evil{suffix}", "a pipe", lambda _, path: os.mkfifo(path))
        for suffix in (".pth", ".safetensors", ".onnx")
    ),
    _file("evil.pth", "a list", _tree([1, 2])),
    _file("evil.pth", "nested in itself", _tree({"params": {"params": {"params": {}}}})),
    _file("evil.pth", "odd names", _tree({"\x1b[31m\u202e": torch.zeros(1), "=1+1": torch.zeros(1)})),
    _file(
        "evil.pth",
        "values that are no numbers",
        _tree({"params": {"layers.0.weight": torch.full((2, 3, 5, 5), torch.nan)}}),
    ),
)
"""Files of weights, of programs, and headers that name more than registered components."""
