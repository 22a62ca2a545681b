"""What a file says of its tensors, held against the bytes that it has; then as tensors without values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from srkit.weight_files.pickled import Named, Storage, TensorClaim
from srkit.weight_files.refusals import DamagedWeights

__all__ = ["check_names", "check_shape", "outlined", "storages_of"]

MOST_TENSORS = 50_000
MOST_DIMENSIONS = 16
MOST_EMPTY_SIDE = 1024
"""Of a tensor that holds nothing and could therefore claim any size."""

MOST_NESTED = 24
SEEN_OFTEN = 4
"""How often the values of a file may be counted, as tensors that share them do."""

_UNFINISHED = object()
_LONG_NUMBER = re.compile(r"\d{6}")


def check_names(names: Iterable[str]) -> None:
    """Refuse names by which nobody numbers layers: whoever counts up to them counts for ever.

    Raises:
        DamagedWeights: with the name.
    """
    found = list(names)
    if len(found) > MOST_TENSORS:
        raise DamagedWeights(f"it names {len(found):,} tensors, of which no network has more than {MOST_TENSORS:,}")
    strange = next((one for one in found if _LONG_NUMBER.search(one)), None)
    if strange is not None:
        raise DamagedWeights(f"it names the tensor {strange[:80]!r}, and no network has so many layers")


def check_shape(name: str, shape: tuple[int, ...]) -> None:
    """Refuse shapes that no weight has.

    Raises:
        DamagedWeights: with the tensor's name.
    """
    is_empty = 0 in shape
    if len(shape) > MOST_DIMENSIONS or (is_empty and max(shape) > MOST_EMPTY_SIDE):
        raise DamagedWeights(f"the tensor {name} claims the shape {str(shape)[:80]}")


def outlined(tree: Any) -> Any:
    """A table with tensors on the meta device in the place of claims, each claim held against its storage.

    Raises:
        DamagedWeights: a tensor is larger than what is stored of it, or tables lie too deep in each other.
    """
    claims = list(_claims(tree))
    check_names(name for name, _ in claims)
    storages = {claim.storage for _, claim in claims}
    stored = sum(one.elements * one.dtype.itemsize for one in storages)
    for name, claim in claims:
        _check_claim(name, claim)
    claimed = sum(math.prod(claim.size) * claim.dtype.itemsize for _, claim in claims)
    if claimed > SEEN_OFTEN * stored:
        raise DamagedWeights(f"its tensors claim {claimed:,} bytes, and {stored:,} are stored")
    return _outline(tree, {})


def storages_of(tree: Any) -> list[Storage]:
    """The storages that a table's tensors lie in, each once."""
    return list({claim.storage for _, claim in _claims(tree)})


def _check_claim(name: str, claim: TensorClaim) -> None:
    storage, elements = claim.storage, math.prod(claim.size)
    check_shape(name, claim.size)
    stored = storage.elements * storage.dtype.itemsize // claim.dtype.itemsize
    last = claim.offset + sum((side - 1) * step for side, step in zip(claim.size, claim.stride, strict=True)) + 1
    if elements and (elements > stored or last > stored):
        raise DamagedWeights(
            f"the tensor {name} claims {elements:,} values up to the place {last:,}, and {stored:,} are stored"
        )


def _claims(tree: Any) -> Iterator[tuple[str, TensorClaim]]:
    """Every claim with its name; each table is gone through once, however often it is referred to."""
    waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
    seen: set[int] = set()
    while waiting:
        name, one, depth = waiting.pop()
        if isinstance(one, TensorClaim):
            yield name, one
        if not isinstance(one, (dict, list, tuple)) or id(one) in seen:
            continue
        if depth > MOST_NESTED:
            raise DamagedWeights(f"its tables lie more than {MOST_NESTED} deep in each other")
        seen.add(id(one))
        inner = one.items() if isinstance(one, dict) else enumerate(one)
        waiting += [(str(key), value, depth + 1) for key, value in inner]


def _outline(tree: Any, made: dict[int, Any], depth: int = 0) -> Any:
    if depth > MOST_NESTED:
        raise DamagedWeights(f"its tables lie more than {MOST_NESTED} deep in each other")
    if isinstance(tree, TensorClaim):
        return _without_values(tree)
    if isinstance(tree, (Named, Storage)):
        return str(tree)
    if not isinstance(tree, (dict, list, tuple)):
        return tree
    if id(tree) not in made:
        made[id(tree)] = _UNFINISHED
        if isinstance(tree, dict):
            made[id(tree)] = {key: _outline(value, made, depth + 1) for key, value in tree.items()}
        else:
            made[id(tree)] = type(tree)(_outline(value, made, depth + 1) for value in tree)
    if made[id(tree)] is _UNFINISHED:
        raise DamagedWeights("one of its tables holds itself")
    return made[id(tree)]


def _without_values(claim: TensorClaim) -> Tensor:
    return torch.empty(claim.size, dtype=claim.dtype, device="meta")
