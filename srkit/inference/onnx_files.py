"""ONNX files through onnxruntime, called as a generator is."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import secrets
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srkit.errors import SrkitError, UserError
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.onnx_claims import check_onnx_claims
from srkit.inference.own_words import trained_on
from srkit.plain_files import open_plain, plain_bytes

__all__ = ["OnnxNetwork", "onnx_model", "require_runtime"]

TRIAL = 24
"""The side of the LR picture that is tried to find out the scale; a file with a fixed size tries its own."""


class OnnxNetwork(nn.Module):
    """An ONNX file as srkit calls a generator; computes on the CPU, the result goes where the input was.

    LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale).

    Args:
        path: the file.

    Raises:
        UserError: onnxruntime is not installed or cannot read it, or it does not map one picture to one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._open()

    def _open(self) -> None:
        runtime = _onnxruntime(self.path)
        check_onnx_claims(self.path)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self.session: Any = runtime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        # onnxruntime has an exception class for each of its status codes and no common base but Exception
        except Exception as error:
            raise UserError(f"{self.path}: onnxruntime cannot read this file ({error})") from None
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
            raise UserError(f"{self.path}: expected one input (B, 3, h, w) and one output")
        self.input = inputs[0]

    def __deepcopy__(self, memo: object) -> OnnxNetwork:
        return OnnxNetwork(self.path)

    def forward(self, lr: Tensor) -> Tensor:
        """LR -> SR."""
        dtype = np.float16 if self.input.type == "tensor(float16)" else np.float32
        pixels = np.ascontiguousarray(lr.detach().cpu().float().numpy(), dtype=dtype)
        try:
            (large,) = self.session.run(None, {self.input.name: pixels})
        except Exception as error:  # as above
            raise SrkitError(f"{self.path}: fails on a picture of {lr.shape[-1]} x {lr.shape[-2]}: {error}") from None
        return torch.from_numpy(large).float().to(lr.device)

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """(height, width) where the file takes no other picture."""
        height, width = self.input.shape[2:]
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def onnx_model(path: Path) -> NamedModel:
    """The model in an ONNX file.

    Raises:
        UserError: as `OnnxNetwork`; or it takes pictures of one size alone, or does not enlarge.
    """
    network = OnnxNetwork(path)
    if network.fixed_size is not None:
        height, width = network.fixed_size
        raise UserError(
            f"{path}: takes pictures of {width} x {height} alone; export it with dynamic height and width to judge it"
        )
    with torch.no_grad():
        try:
            side = network(torch.zeros(1, 3, TRIAL, TRIAL)).shape[-1]
        except SrkitError as error:
            raise UserError(str(error)) from None
    if side % TRIAL:
        raise UserError(f"{path}: makes {side} pixels of {TRIAL}, which is no whole number of times larger")
    weights = _content(path)

    def load(_: int) -> nn.Module:
        # anew, so that it takes as many threads as whoever loads it
        return OnnxNetwork(path)

    version = metadata.version("onnxruntime")
    identity = identity_of("onnx", version, weights)
    trained = trained_on(network.session.get_modelmeta().custom_metadata_map, path)
    return NamedModel(path.stem, str(path), side // TRIAL, identity, load, trained, counted=False)


_LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])(?=(.{0,127}))", re.DOTALL)
"""How the format writes the name of a file beside the model that holds weights of it, with its length in front."""


def _content(path: Path) -> str:
    """A hash of the file and of those beside it that hold its weights; another each time where these cannot be told."""
    content = plain_bytes(path)
    names = {one[2][: one[1][0]].decode("utf-8", "replace") for one in _LOCATION.finditer(content)}
    hashes = [hashlib.sha256(content).hexdigest()]
    if content.count(b"location") > len(_LOCATION.findall(content)):
        hashes.append(secrets.token_hex())
    for name in sorted(names):
        beside = path.parent / name
        if beside.is_file():
            with open_plain(beside) as file:
                hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return identity_of(*hashes)


def _onnxruntime(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            f"{path}: ONNX files are run by onnxruntime, which is not installed: pip install 'srkit[onnx]'"
        ) from None
    return onnxruntime


def require_runtime(path: Path) -> None:
    """Make sure that ONNX files can be written and run.

    Raises:
        UserError: onnx or onnxruntime is not installed; says how to.
    """
    _onnxruntime(path)
    if importlib.util.find_spec("onnx") is None:
        raise UserError(f"{path}: ONNX files are written by onnx, which is not installed: pip install 'srkit[onnx]'")
