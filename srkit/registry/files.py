"""A user's own `./file.py` as a module that every process can import again by its name, as pickle does.

The name lies below this module's and holds the file's path and a hash of its content. Whoever imports it, such as a
spawned loader worker that unpickles a component, imports this module first, which sets up the finder that reads it.
Only the source counts: compiled files that lie beside it, in `__pycache__`, could hold anything.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from srkit.plain_files import plain_bytes

__path__: list[str] = []
"""Makes this module a package in the importer's eyes: what is below it is asked of the finders."""

DIGITS = 12


def load_file(path: Path) -> ModuleType:
    """The module in a file, executed once in a process for each content."""
    return importlib.import_module(module_name(path, content_digest(path)))


def content_digest(path: Path) -> str:
    return _digest(plain_bytes(path))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def module_name(path: Path, digest: str) -> str:
    """Where a file of this content is imported."""
    return f"{__name__}.{path.stem.replace('.', '_')}_{digest}_{os.fsencode(path).hex()}"


class SourceLoader(SourceFileLoader):
    """Executes the very bytes whose hash the module's name holds."""

    def get_code(self, fullname: str) -> CodeType:
        path = Path(self.path)
        content = plain_bytes(path)
        if _digest(content) != fullname.rsplit("_", 2)[1]:
            raise ImportError(f"{path} was changed since this run loaded it", name=fullname, path=str(path))
        return compile(content, str(path), "exec", dont_inherit=True)


class FileFinder(MetaPathFinder):
    """Finds the modules that `module_name` named."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if parent != __name__:
            return None
        file = Path(os.fsdecode(bytes.fromhex(name.rsplit("_", 1)[1])))
        return importlib.util.spec_from_file_location(fullname, file, loader=SourceLoader(fullname, str(file)))


if not any(isinstance(one, FileFinder) for one in sys.meta_path):
    sys.meta_path.append(FileFinder())
