"""The numbers of one update: each loss before its weight, its named parts and notes, its share of the sum."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from srkit.contracts import Views
from srkit.errors import SrkitError

Terms = dict[str, Tensor]
WEIGHTED = "weighted/"
"""Before the name of a loss: its value times its weight, from which `with_shares` makes its share."""


def record(terms: Terms, name: str, value: Tensor | dict[str, Tensor], views: Views) -> Tensor:
    """Keep a loss, its named parts and its notes, all before the weight; gives the loss."""
    if isinstance(value, dict):
        for part, one in value.items():
            terms[f"{name}/{part}"] = _number(f"{name}/{part}", one).detach()
        value = torch.stack([one.float().reshape(()) for one in value.values()]).sum()
    terms[name] = _number(name, value).detach()
    for note, number in views.notes.items():
        terms[f"{name}/{note}"] = _number(f"{name}/{note}", number).detach()
    return value.reshape(())


def require_gradient(name: str, value: Tensor) -> Tensor:
    """The loss, if it can change anything; a plain 0 is one that is silent in this step.

    Raises:
        SrkitError: it is a number that nothing is learned from, and would be logged with a share as others are.
    """
    if not value.requires_grad and bool(value != 0):  # only such a one waits for the device
        raise SrkitError(
            f"the loss {name!r} has no gradient, so that nothing would be learned from it: it computes with "
            "sr.detach(), under torch.no_grad(), or of other images alone. Correct it, or give it a weight of 0"
        )
    return value


def weigh(terms: Terms, name: str, value: Tensor, weight: float) -> Tensor:
    """The loss times its weight, kept too."""
    weighted = weight * value
    terms[WEIGHTED + name] = weighted.detach()
    return weighted


def _number(name: str, value: Tensor) -> Tensor:
    """The value, if it is what the contract promises."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value
    shape = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise SrkitError(f"{name!r}: a loss gave {shape}, expected a tensor of one number")


def mean(collected: list[Terms]) -> Terms:
    """The mean of each number over the parts of a batch that have it: a loss may note something of some alone."""
    if len(collected) == 1:
        return collected[0]
    names = dict.fromkeys(name for terms in collected for name in terms)
    return {name: torch.stack([one[name].float() for one in collected if name in one]).mean() for name in names}


def with_shares(means: Mapping[str, float]) -> dict[str, float]:
    """Means with `share/<loss>`: the part of each weighted loss in the sum of all, by absolute values; for two or more.

    >>> with_shares({"a": 5.0, "weighted/a": 1.0, "weighted/b": -3.0})
    {'a': 5.0, 'share/a': 0.25, 'share/b': 0.75}
    """
    sizes = {key.removeprefix(WEIGHTED): abs(value) for key, value in means.items() if key.startswith(WEIGHTED)}
    rest = {key: value for key, value in means.items() if not key.startswith(WEIGHTED)}
    total = sum(sizes.values())
    if len(sizes) > 1 and total > 0:
        rest |= {f"share/{name}": size / total for name, size in sizes.items()}
    return rest
