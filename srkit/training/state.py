"""Nested state (of optimizers, hooks, ledgers) as JSON and a flat table of tensors; nothing is ever pickled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from srkit.errors import SrkitError

TENSOR, PAIRS, TUPLE = "__tensor__", "__pairs__", "__tuple__"


def pack(tree: Any, tensors: dict[str, Tensor], prefix: str) -> Any:
    """The tree as JSON; each tensor goes into `tensors` under a key that the JSON names.

    Raises:
        SrkitError: something is neither a number, text, list, tuple, dict nor tensor.
    """
    if isinstance(tree, Tensor):
        key = f"{prefix}/{len(tensors)}"
        tensors[key] = tree.detach().cpu().contiguous().clone()
        return {TENSOR: key}
    if isinstance(tree, dict):
        pairs = [[pack(key, tensors, prefix), pack(value, tensors, f"{prefix}/{key}")] for key, value in tree.items()]
        return dict(pairs) if all(isinstance(key, str) for key in tree) else {PAIRS: pairs}
    if isinstance(tree, tuple):
        return {TUPLE: [pack(value, tensors, prefix) for value in tree]}
    if isinstance(tree, list):
        return [pack(value, tensors, prefix) for value in tree]
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    raise SrkitError(f"a state holds a {type(tree).__name__}, which cannot be saved without pickling ({prefix})")


def unpack(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """What `pack` took apart."""
    if isinstance(tree, dict):
        if TENSOR in tree:
            # one within a file's bytes may begin anywhere in memory, and a product of such rounds otherwise
            return tensors[tree[TENSOR]].clone()
        if PAIRS in tree:
            return {_key(key, tensors): unpack(value, tensors) for key, value in tree[PAIRS]}
        if TUPLE in tree:
            return tuple(unpack(value, tensors) for value in tree[TUPLE])
        return {key: unpack(value, tensors) for key, value in tree.items()}
    if isinstance(tree, list):
        return [unpack(value, tensors) for value in tree]
    return tree


def _key(key: Any, tensors: dict[str, Tensor]) -> Any:
    return unpack(key, tensors)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimizer's state, giving each tensor the memory format of the parameter it belongs to."""
    optimizer.load_state_dict(state)
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and isinstance(parameter, Tensor) and value.shape == parameter.shape:
                values[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
