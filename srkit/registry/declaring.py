"""What a package declares as a component where it is written, by `@srkit.component(KIND)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from srkit.errors import UserError, nearest
from srkit.registry.kinds import KINDS

__all__ = ["DECLARED", "declare"]

DECLARED = "__srkit_kinds__"
"""The attribute in which a class or function keeps the kinds it was declared for."""

T = TypeVar("T", bound=Callable[..., Any])


def declare(factory: T, kind: str) -> T:
    """Mark a class or function as a component of a kind; gives it back.

    Raises:
        UserError: there is no such kind.
    """
    if kind not in KINDS or not KINDS[kind].is_built:
        built = [one.plural for one in KINDS.values() if one.is_built]
        hint = nearest(str(kind), built) or f"Kinds: {', '.join(built)}."
        raise UserError(f"@srkit.component({kind!r}): there is no such kind. {hint}")
    # a class's own, not one that it inherits: what builds on a component is not declared by that
    kinds = vars(factory).get(DECLARED, ())
    setattr(factory, DECLARED, (*kinds, kind))
    return factory
