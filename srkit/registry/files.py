"""A user's own `./file.py` as a module that every process can import again by its name, as pickle does.

The name lies below this module's and holds the file's path and a hash of its content. Whoever imports it, such as a
spawned loader worker that unpickles a component, imports this module first, which sets up the finder that reads it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

__path__: list[str] = []
"""Makes this module a package in the importer's eyes: what is below it is asked of the finders."""

DIGITS = 12


def load_file(path: Path) -> ModuleType:
    """The module in a file, executed once in a process for each content."""
    return importlib.import_module(module_name(path, content_digest(path)))


def content_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def module_name(path: Path, digest: str) -> str:
    """Where a file of this content is imported."""
    return f"{__name__}.{path.stem.replace('.', '_')}_{digest}_{str(path).encode().hex()}"


class FileFinder(MetaPathFinder):
    """Finds the modules that `module_name` named."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if parent != __name__:
            return None
        _, digest, place = name.rsplit("_", 2)
        file = Path(bytes.fromhex(place).decode())
        if content_digest(file) != digest:
            raise ImportError(f"{file} was changed since this run loaded it", name=fullname, path=str(file))
        return importlib.util.spec_from_file_location(fullname, file)


if not any(isinstance(one, FileFinder) for one in sys.meta_path):
    sys.meta_path.append(FileFinder())
