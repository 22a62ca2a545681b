"""Why a file of weights is not read."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

from srkit.errors import UserError
from srkit.plain_files import open_plain

__all__ = ["DamagedWeights", "MoreThanWeights", "ScriptFile", "sha256_of"]


class DamagedWeights(ValueError):
    """A file says something of its tensors that its bytes do not bear out; `str()` is the reason."""


class MoreThanWeights(pickle.UnpicklingError):
    """A file names something that is neither a tensor, a number, a text nor a table of these."""


class ScriptFile(UserError):
    """A TorchScript program where weights were expected."""


def sha256_of(path: Path) -> str:
    """The file's hash."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
