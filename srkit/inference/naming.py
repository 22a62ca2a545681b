"""What a model can be called on a command line: a run, a checkpoint, a file of weights, ONNX, an interpolation."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from srkit.errors import UserError, nearest
from srkit.inference.named import NamedModel, identity_of
from srkit.registry import KINDS, OWN, Entry, NotFound, Registry

__all__ = ["named_model"]


def named_model(argument: str, registry: Registry, code: Path | None = None) -> NamedModel:
    """The model somebody means.

    Args:
        argument: a run folder, one of its checkpoints, a `.safetensors` that srkit exported, a file that spandrel knows
            (`.pth`, `.pt`, `.ckpt`, `.safetensors`), an `.onnx` file, or an interpolation's name such as `bicubic`.
        registry: where generators are looked up; it knows whether programs in files may be opened.
        code: a Python file with the own code of an exported file's generator.

    Raises:
        UserError: there is no such thing, or it cannot be used; says what there is.
    """
    from srkit.inference.run_models import is_checkpoint, run_model
    from srkit.training.folder import is_run

    path = Path(argument)
    if code is not None and not path.is_file():
        raise UserError(f"{argument}: code={str(code)!r} is for a file that srkit exported; a run has its code with it")
    if path.is_dir():
        if is_run(path) or is_checkpoint(path):
            return run_model(path, registry)
        raise UserError(
            f"{argument}: this folder is neither a run nor one of a run's checkpoints (runs/x/checkpoints/step-...)"
        )
    if path.is_file():
        return _file_model(path, registry, code)
    return _interpolation(argument, registry)


def _file_model(path: Path, registry: Registry, code: Path | None) -> NamedModel:
    from srkit.inference.run_models import is_checkpoint
    from srkit.weight_files.archive import is_script

    if is_checkpoint(path.parent):
        raise UserError(f"{path} is a part of the checkpoint {path.parent}; name that")
    suffix = path.suffix.lower()
    if suffix == ".ts" or is_script(path):
        from srkit.inference.script_files import script_model

        return script_model(path, registry)
    if suffix == ".onnx":
        from srkit.inference.onnx_files import onnx_model

        return onnx_model(path)
    if suffix in (".safetensors", ".pth"):
        from srkit.inference.exported import exported_model, is_exported

        if is_exported(path):
            return exported_model(path, registry, code)
    if code is not None:
        raise UserError(f"{path}: code={str(code)!r} is for a .safetensors or .pth file that srkit exported")
    if suffix in (".safetensors", ".pth", ".pt", ".ckpt"):
        from srkit.inference.spandrel_files import spandrel_model

        return spandrel_model(path)
    raise UserError(
        f"{path}: a model is a run folder, a checkpoint, or a .safetensors, .pth, .pt, .ckpt, .onnx or .ts file"
    )


def _is_own(rivals: list[Entry]) -> bool:
    return any(entry.distribution == OWN for entry in rivals)


def _interpolation(name: str, registry: Registry) -> NamedModel:
    """A generator that has nothing to train, by its registered name."""
    kind = KINDS["generators"]
    rivals = [entry for entry in registry.entries(kind) if entry.name == name]
    try:
        # of several distributions' srkit's own is meant: it is the baseline of every table
        known = registry.registered_only
        component = known.built_in(kind, name) if _is_own(rivals) else known.find(kind, name, Path.cwd())
    except NotFound as error:
        if len(rivals) > 1:
            raise UserError(f"{name}: {error}") from None
        names = [entry.name for entry in registry.entries(kind)]
        raise UserError(
            f"{name}: there is no such run, checkpoint, model file or interpolation. {nearest(name, names)}".rstrip()
        ) from None
    missing = [one.name for one in component.signature.options if one.required]

    def load(scale: int) -> nn.Module:
        network: nn.Module = component.build(scale=scale)
        return network.eval()

    if missing or any(True for _ in load(2).parameters()):
        raise UserError(
            f"{name}: this generator has weights to train; name a run of it. Interpolations such as bicubic need none"
        )
    code = component.version if component.file is None else identity_of(component.file.read_bytes().hex())
    return NamedModel(component.name, name, None, identity_of("interpolation", component.use, code), load)
