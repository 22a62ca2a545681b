"""Weights out of a run, a checkpoint or a file, whatever they are wrapped in; nothing is ever unpickled."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from srkit.errors import UserError
from srkit.out_of_memory import is_out_of_memory
from srkit.registry import Registry
from srkit.training.binding import require_own
from srkit.training.checkpoint import CorruptCheckpoint, checkpoints, load
from srkit.training.folder import is_run
from srkit.weight_files.refusals import sha256_of
from srkit.weight_files.tensor_files import read_header
from srkit.weight_files.torch_files import load_torch_file, outline_torch_file

AVERAGED = ("params_ema", "g_ema", "ema", "ema_state_dict", "model_ema", "ema_model")
"""What trainers call averaged weights."""

GENERATORS = ("generator", "net_g", "netG", "gen", "G", "model", "net", "network")
"""What trainers call the network that makes the pictures."""

WRAPPINGS = (*AVERAGED, "params", "state_dict", "model_state_dict", "weights", *GENERATORS)
"""Under which names a file's weights may lie, averaged ones first."""

DEEPEST = 8
"""In how many wrappings weights are looked for."""

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile write before every name."""

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")


@dataclass(frozen=True)
class Weights:
    """Named weights and where they were found.

    Attributes:
        tensors: by the network's names, on the CPU.
        file: the file they lie in.
        sha256: of that file.
        complaints: checkpoints that were not whole and passed over.
        beside: what else the file holds, by name.
        inside: the names of what they are wrapped in, outermost first.
    """

    tensors: dict[str, Tensor]
    file: Path
    sha256: str
    complaints: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


def read_weights(path: Path, role: str) -> Weights:
    """The weights at a path; of a run its last whole checkpoint's, the generator's averaged where there are any.

    Args:
        path: a run folder, a checkpoint in it, or a `.safetensors`, `.pth`, `.pt` or `.ckpt` file.
        role: `generator` or `discriminator`; a file holds the one it is named for.

    Raises:
        UserError: nothing is there, it is none of these, or it holds no such weights, or some that are not finite;
            CorruptCheckpoint for a run without a whole checkpoint.
    """
    return require_finite(any_weights(path, role))


def any_weights(path: Path, role: str) -> Weights:
    """As `read_weights`, and no value is looked at: for whoever compares shapes first."""
    if path.is_dir():
        return _of_run(path, role)
    _require_file(path)
    with _clear_errors(path):
        content = file_content(path)
    return Weights(unwrapped(content, path), path, sha256_of(path), beside=_beside(content), inside=_way(content) or ())


def outlined_weights(path: Path) -> dict[str, Tensor]:
    """A file's weights on the meta device: names, shapes and types, and no value is read.

    Raises:
        UserError: it is no file of weights, or says of itself what is not so.
    """
    _require_file(path)
    with _clear_errors(path):
        if path.suffix == ".safetensors":
            return dict(read_header(path).tensors)
        return unwrapped(outline_torch_file(path), path)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise UserError(f"there is no run or file {path}.")
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} is no file of weights ({', '.join(SUFFIXES)}), run or checkpoint.")
    if not path.is_file():
        raise UserError(f"{path} is not a regular file.")


def require_finite(weights: Weights) -> Weights:
    """The weights, if they are numbers.

    Raises:
        UserError: some are not.
    """
    for name, one in weights.tensors.items():
        if one.is_floating_point() and not bool(torch.isfinite(one).all()):
            raise UserError(
                f"{weights.file}: {name} holds values that are not finite; its training diverged, or it is damaged."
            )
    return weights


def _of_run(path: Path, role: str) -> Weights:
    if not is_run(path) and not (path.resolve().parent.name == "checkpoints" and is_run(path.resolve().parents[1])):
        raise UserError(f"{path} is neither a run folder nor one of its checkpoints.")
    found = reversed(checkpoints(path / "checkpoints")) if is_run(path) else iter([path.resolve()])
    complaints: list[str] = []
    for one in found:
        try:
            saved = load(one)
        except CorruptCheckpoint as error:
            complaints.append(str(error))
            continue
        require_own(one, saved.experiment, Registry.installed())
        name = "ema" if role == "generator" and "ema" in saved.modules else role
        if name not in saved.modules:
            raise UserError(f"{one} holds no {role}.")
        file = one / f"{name}.safetensors"
        return Weights(saved.modules[name], file, sha256_of(file), tuple(complaints))
    if complaints:
        raise CorruptCheckpoint("no checkpoint can be used:", *complaints)
    raise UserError(f"{path} has no checkpoint yet.")


def file_content(path: Path) -> Any:
    """What a file holds, in whatever wrapping, after it was examined.

    Raises:
        Exception: it is damaged or holds something else, in its reader's words.
    """
    if path.suffix.lower() != ".safetensors":
        return load_torch_file(path)
    if path.stat().st_size:  # of an empty file safetensors knows what to say
        read_header(path)
    return load_file(path)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Say what is wrong with a file, whatever its reader raises."""
    try:
        yield
    except UserError:
        raise
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} holds more than weights, or is no file of torch's; it is not opened, since that could run code."
        ) from None
    except Exception as error:  # a damaged file raises whatever its bytes happen to say
        if is_out_of_memory(error):
            raise UserError(f"{path} cannot be read: memory is at its end") from None
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch seeks wrongly in a file that was cut
            raise UserError(f"{path} cannot be read: {error}") from None
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path} cannot be read, it is damaged or holds no weights: {reason}") from None


def unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """The named tensors of a file's content, out of what trainers wrap them in.

    Raises:
        UserError: there are none.
    """
    way = _way(content)
    if way is None:
        raise UserError(f"{path} holds no weights by name (nor under {', '.join(WRAPPINGS)}).")
    for name in way:
        content = content[name]
    tensors = dict(content)
    while prefix := next((one for one in PREFIXES if all(name.startswith(one) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _way(content: Any, deepest: int = DEEPEST) -> tuple[str, ...] | None:
    """The wrappings around the weights in a file's content, outermost first; None where there are no weights."""
    if not isinstance(content, Mapping) or not content:
        return None
    if all(isinstance(name, str) and isinstance(one, Tensor) for name, one in content.items()):
        return ()
    for name in WRAPPINGS if deepest else ():
        if (further := _way(content.get(name), deepest - 1)) is not None:
            return (name, *further)
    return None


def _beside(content: Any) -> tuple[str, ...]:
    """The names around the weights, on the way to them."""
    found: list[str] = []
    for taken in _way(content) or ():
        found += [str(name) for name in content if name != taken]
        content = content[taken]
    return tuple(found)
