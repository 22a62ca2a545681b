"""Parts built and tried without torch's compiler, whose import takes as long as that of torch itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["compiler_left_out"]

COMPILER, SHAPES, SYMBOLS = "torch._dynamo", "torch.fx.experimental.symbolic_shapes", "sympy"
"""What torch imports where a function is kept out of the compiler, and where a size or a number may be a symbol."""


@contextmanager
def compiler_left_out() -> Iterator[None]:
    """While inside, nothing is compiled and all sizes are numbers, so torch does not import what is for either.

    Whatever asks more of these modules than this gets them.
    """
    kept_out: list[Any] = []

    def disable(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        kept_out.append(function)
        return function

    stand_ins = [
        _StandIn(COMPILER, disable=disable, graph_break=bool),
        _StandIn(SHAPES, **_OF_NUMBERS),
        _StandIn(SYMBOLS, Basic=_Symbol),
    ]
    put = [one for one in stand_ins if sys.modules.setdefault(one.__name__, one) is one]
    try:
        yield
    finally:
        for one in put:
            if sys.modules.get(one.__name__) is one:
                del sys.modules[one.__name__]
        for function in kept_out:
            vars(function).pop("__dynamo_disable", None)  # where torch remembers what it was given


class _Symbol:
    """What no number is."""


def _equal(one: Any, other: Any) -> bool:
    """Whether two sizes are, or two shapes, be they lists or tuples."""
    return bool(list(one) == list(other)) if isinstance(one, (list, tuple)) else bool(one == other)


_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious"), bool),
    "statically_known_true": bool,
    "guard_int": int,
    "is_nested_int": lambda _: False,
    "has_guarding_hint": lambda _: True,
    "guarding_hint_or_throw": lambda number: number,
    "sym_and": lambda *conditions: all(conditions),
    "sym_or": lambda *conditions: any(conditions),
    "sym_eq": _equal,
}
"""What comparisons of sizes come to where each is a number."""


class _StandIn(ModuleType):
    """A module with a few functions that makes room for the real one when it is asked for others."""

    def __init__(self, name: str, **functions: Callable[..., Any]) -> None:
        super().__init__(name)
        vars(self).update(functions)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not (name == "__path__" and self.__name__ != SHAPES):  # which is no package
            raise AttributeError(name)  # somebody looks at all modules there are
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
