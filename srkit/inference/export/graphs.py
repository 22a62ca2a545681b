"""A generator as a graph that runs without srkit: ONNX and TorchScript, held against the network before it is kept."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from srkit.assembly.multiples import generated, multiple_of, padded_in_graph
from srkit.contracts import GeneratorOutput
from srkit.data.placing import placed
from srkit.errors import SrkitError
from srkit.inference.halo import probe
from srkit.inference.onnx_files import OnnxNetwork, require_runtime
from srkit.inference.script_files import open_script
from srkit.registry import files

__all__ = ["TOLERANCE", "write_onnx", "write_script"]

TOLERANCE = 1e-4
"""What a graph's picture may differ from the network's, in [0, 1]."""

TRACED = (37, 41)
"""Height and width of the picture the network is followed with: odd, so that whatever fills up odd sides is in the
graph; it then works for even ones too."""

HELD_AGAINST = ((24, 24), (37, 50), (64, 33))
"""Heights and widths at which the graph has to agree."""

OPSET = 17


class _PictureAlone(nn.Module):
    """The generator's image alone, of LR images of any size."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple_of(network)
        with torch.no_grad():
            self.scale = generated(network, probe_of(*TRACED)).shape[-1] // TRACED[1] if self.multiple > 1 else 1

    def forward(self, lr: Tensor) -> Tensor:
        if self.multiple > 1:
            return padded_in_graph(self._image, lr, self.multiple, self.scale)
        return self._image(lr)

    def _image(self, lr: Tensor) -> Tensor:
        output = self.network(lr)
        sr: Tensor = output.sr if isinstance(output, GeneratorOutput) else output
        return sr


def write_onnx(path: Path, network: nn.Module, texts: Mapping[str, str]) -> float:
    """Write an ONNX file with dynamic batch, height and width; gives the largest difference from the network.

    Args:
        path: the file to be.
        network: the generator.
        texts: what the file says of itself, as the format's own metadata; see `own_words`.

    Raises:
        UserError: onnx or onnxruntime is not installed.
        SrkitError: the network cannot be followed, or the graph does not do the same.
    """
    require_runtime(path)
    axes = {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in ("lr", "sr")}
    own = _PictureAlone(network).eval()
    with placed(path) as aside:
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")  # on sides that are followed and not fixed; held against below
                torch.onnx.export(
                    own,
                    (probe_of(*TRACED),),
                    str(aside),
                    input_names=["lr"],
                    output_names=["sr"],
                    dynamic_axes=axes,
                    opset_version=OPSET,
                    dynamo=False,
                )
            _describe(aside, texts)
        except (RuntimeError, ValueError, TypeError) as error:
            raise SrkitError(f"{path}: the network cannot be written as ONNX: {_shown(error)}") from error
        return _held(path, own, OnnxNetwork(aside))


def _describe(file: Path, texts: Mapping[str, str]) -> None:
    import onnx

    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, dict(texts))
    onnx.save(model, str(file))


def write_script(path: Path, network: nn.Module, texts: Mapping[str, str]) -> float:
    """Write a TorchScript file, for `torch.jit.load` and libtorch; gives the largest difference from the network.

    Arguments as for `write_onnx`; the texts are extra files of the archive.

    Raises:
        SrkitError: the network cannot be followed, or the graph does not do the same.
    """
    own = _PictureAlone(network).eval()
    content = io.BytesIO()  # torch makes errors of its own of a full disk and a forbidden place
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # as above
            with _own_files_unnamed(own):
                traced = torch.jit.trace(own, (probe_of(*TRACED),), check_trace=False)
            torch.jit.save(traced, content, _extra_files=dict(texts))
    except (RuntimeError, ValueError, TypeError) as error:
        raise SrkitError(f"{path}: the network cannot be written as TorchScript: {_shown(error)}") from error
    with placed(path) as aside:
        aside.write_bytes(_without_sources(content))
        return _held(path, own, open_script(aside))


@contextmanager
def _own_files_unnamed(network: nn.Module) -> Iterator[None]:
    """While inside, classes out of users' own files are of a module that does not have the file's path in its name."""
    classes = {type(one): type(one).__module__ for one in network.modules()}
    own = {one: name for one, name in classes.items() if name.startswith(f"{files.__name__}.")}
    for one, name in own.items():
        one.__module__ = name.rpartition("_")[0]
    try:
        yield
    finally:
        for one, name in own.items():
            one.__module__ = name


def _without_sources(archive: io.BytesIO) -> bytes:
    """A TorchScript archive without the records that say from which files of this machine its code came."""
    content = io.BytesIO()
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(content, "w") as kept:
        for record in whole.infolist():
            if not record.filename.endswith(".debug_pkl"):
                kept.writestr(zipfile.ZipInfo(record.filename), whole.read(record))
    return content.getvalue()


def _held(path: Path, network: nn.Module, graph: nn.Module) -> float:
    worst = 0.0
    for size in HELD_AGAINST:
        lr = probe_of(*size)
        with torch.no_grad():
            expected, found = network(lr), graph(lr)
        gap = (expected - found).abs().max().item() if expected.shape == found.shape else float("inf")
        worst = max(worst, gap)
        if not gap <= TOLERANCE:
            raise SrkitError(
                f"{path}: at {size[1]} x {size[0]} pixels the graph differs from the network by {gap:.2g}, so it was "
                "not kept. Does its forward decide by a picture's size or content? --format safetensors needs no graph"
            )
    return worst


def probe_of(height: int, width: int) -> Tensor:
    """A picture (1, 3, height, width), always the same."""
    return probe(max(height, width), torch.device("cpu"))[..., :height, :width].contiguous()


def _shown(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
