"""Files of weights of the discriminators built of units: which of their forms one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn

from srkit.components.foreign import BY_ORDER, Weights, fits, in_order
from srkit.contracts import Foreign

__all__ = ["convolutions", "first_channels", "recognized", "styles"]


def styles(weights: Weights) -> list[dict[str, str]]:
    """What the names and shapes leave open of a unit's style, the notes' own first."""
    names = [name.rpartition(".")[2] for name in weights]
    norm = "batch" if "running_mean" in names else "spectral" if "weight_orig" in names else "none"
    learned = any(name.endswith(".weight") and tensor.shape == (1,) for name, tensor in weights.items())
    activation = "prelu" if learned else "leaky-relu"
    return [
        {"downsampling": downsampling, "activation": activation, "norm": norm}
        for downsampling in ("max-pool", "convolution", "stride")
    ]


def convolutions(weights: Weights) -> int:
    """How many there are."""
    return sum(tensor.dim() == 4 for tensor in weights.values())


def first_channels(weights: Weights) -> int:
    """Channels of the first convolution, 0 where it is none of 5x5 on a picture."""
    first = next((tensor for tensor in weights.values() if tensor.dim() == 4 and tensor.shape[1:] == (3, 5, 5)), None)
    return first.shape[0] if first is not None else 0


def recognized(
    layout: str,
    weights: Weights,
    ordered: bool,
    forms: Sequence[dict[str, Any]],
    network: Callable[..., nn.Module],
    more: str = "",
) -> Foreign | None:
    """The first form that fits by name, else by order; what no weight tells is assumed as the notes have it.

    Args:
        forms: the options of each form.
        more: a further option that no weight tells.
    """
    assumed = ["LeakyReLU 0.1 where nothing is learned", "no dropout", *([more] if more else [])]
    silent = f"{', '.join(assumed)}: the file does not say"
    for options in forms:
        if fits(weights, partial(network, **options)):
            return Foreign(layout, options, weights, (silent,))
    for options in forms if ordered else ():
        if (found := in_order(weights, partial(network, **options))) is not None:
            return Foreign(layout, options, found, (BY_ORDER, f"{options['downsampling']}, {silent}"))
    return None
