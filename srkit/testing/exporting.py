"""Rules on the export to TorchScript and ONNX, which are tried where a component claims them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from srkit.errors import in_short
from srkit.testing.called_rules import alike, odd_size
from srkit.testing.rule import Broken, NotTried, Rule
from srkit.testing.subject import Subject

__all__ = ["EXPORTED"]


def _becomes_torchscript(subject: Subject) -> None:
    _require_claim(subject, "torchscript")
    built = subject.module().eval()

    def export() -> Callable[[Tensor], Tensor]:
        traced = torch.jit.trace(built, subject.inputs()[0])
        return lambda picture: traced(picture)

    _same_elsewhere(subject, built, export)


def _becomes_onnx(subject: Subject) -> None:
    _require_claim(subject, "onnx")
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise NotTried(f"it needs {' and '.join(missing)}: pip install 'srkit[onnx]'")
    built, file = subject.module().eval(), subject.folder / "exported.onnx"

    def export() -> Callable[[Tensor], Tensor]:
        import onnxruntime

        axes = {"picture": {0: "batch", 2: "height", 3: "width"}}
        names = {"input_names": ["picture"], "output_names": ["output"], "dynamic_axes": axes}
        torch.onnx.export(built, (subject.inputs()[0],), file, dynamo=False, **names)  # type: ignore[arg-type]  # names are of several types
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        return lambda picture: torch.from_numpy(session.run(None, {"picture": picture.numpy()})[0])

    _same_elsewhere(subject, built, export)


def _require_claim(subject: Subject, name: str) -> None:
    if name not in subject.claims.exports:
        raise NotTried("it does not claim to")


def _same_elsewhere(subject: Subject, built: torch.nn.Module, export: Callable[[], Callable[[Tensor], Tensor]]) -> None:
    """Export at one size, compare at another."""
    (picture,) = subject.inputs(odd_size(subject.size), 1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that shapes become constants is seen by the comparison
        try:
            given = export()(picture)
        except Exception as error:
            raise Broken(f"It cannot be exported: {in_short(error)[:200]}.") from error
        wanted = built(picture)
    if not alike(wanted, given, 1e-3):
        raise Broken(
            "Exported at one size, it gives something else at another.",
            "No Python numbers computed from x.shape where a tensor operation would do; else withdraw the claim.",
        )


EXPORTED = (
    Rule("torchscript", "it becomes TorchScript, as claimed", _becomes_torchscript, ("runs", "deterministic")),
    Rule("onnx", "it becomes ONNX, as claimed", _becomes_onnx, ("runs", "deterministic")),
)
