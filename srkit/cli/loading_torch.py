"""A word while torch is imported, which takes seconds and more: in a terminal alone, and gone afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from srkit.cli.saying import passing, terminal_width

__all__ = ["told_while_torch_loads"]

WORDS = "loading torch ..."


@contextmanager
def told_while_torch_loads() -> Iterator[None]:
    """While inside, an import of torch is told on standard error, where that is a terminal."""
    if terminal_width(sys.stderr) is None or "torch" in sys.modules:
        yield
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds torch where the others find it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Told(spec, spec.loader)
                return spec
        return None


class _Told(Loader):
    """A module's loader that says what it is at, and leaves no trace of itself."""

    def __init__(self, spec: ModuleSpec, loader: Any) -> None:
        self.spec, self.loader = spec, loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self.spec.loader = module.__loader__ = self.loader
        with passing(WORDS):
            self.loader.exec_module(module)
