"""How a metric wants to be called, `(sr, hr)`, `(sr)` or `(views)`, read from its signature."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from srkit.contracts import Views
from srkit.errors import SrkitError


def metric_call(name: str, metric: Any) -> Callable[[Views], float]:
    """One way to call any metric.

    A first parameter named `views` (or annotated `Views`) asks for the views; one named `hr`, or a second one without
    default, asks for the original too.

    Args:
        name: the metric's name, for messages.
        metric: a function, a module (its `forward` is read) or an object with `__call__`.

    Returns:
        A function of the views of one image -> the metric's value; positive infinity is passed on.

    Raises:
        SrkitError: now, if the signature fits none of the three; later, if the metric gives not one number, NaN, or
            negative infinity.
    """
    # A module's own signature is `(*args, **kwargs)`.
    target = metric.forward if isinstance(metric, nn.Module) else metric
    fitting = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [one for one in inspect.signature(target).parameters.values() if one.kind in fitting]
    needed = [one for one in parameters if one.default is inspect.Parameter.empty]
    if not parameters or len(needed) > 2:
        raise SrkitError(f"metric {name!r}: takes {_written(target)}; write (sr, hr), (sr) or (views)")

    def value(views: Views) -> float:
        if _asks_for_views(parameters[0]):
            # Streams of its own, so that what it draws does not depend on which metrics were asked before.
            result = metric(replace(views, draws=views.draws.child(name)))
        elif len(needed) == 2 or any(one.name == "hr" for one in parameters):
            result = metric(views.sr, views.hr)
        else:
            result = metric(views.sr)
        return _number(name, result)

    return value


def _asks_for_views(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    # With postponed annotations it is a string, perhaps qualified.
    return parameter.name == "views" or annotation is Views or str(annotation).rpartition(".")[2] == "Views"


def _written(target: Any) -> str:
    return f"({', '.join(str(one) for one in inspect.signature(target).parameters.values())})"


def _number(name: str, result: Any) -> float:
    try:
        values = result if isinstance(result, Tensor) else torch.as_tensor(result)
    except (TypeError, ValueError, RuntimeError):
        kind = type(result).__name__
        raise SrkitError(f"metric {name!r}: gave a {kind}; a metric gives one number an image, (B,)") from None
    if values.numel() != 1:
        raise SrkitError(
            f"metric {name!r}: gave {tuple(values.shape)} for one image; a metric gives one number an image, (B,)"
        )
    number = float(values)
    if math.isnan(number) or number == -math.inf:
        raise SrkitError(f"metric {name!r}: gave {number}")
    return number
