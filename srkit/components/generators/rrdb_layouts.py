"""The three layouts in which the weights of ESRGAN's network are passed around."""

from __future__ import annotations

import re
from typing import Any

from srkit.components.foreign import Weights, count, renamed, shape
from srkit.contracts import Foreign

__all__ = ["recognize_rrdb"]

FOLDS = {3: 1, 12: 2, 48: 4}
"""By how much pixels were folded into channels, by the first convolution's channels."""


def recognize_rrdb(weights: Weights) -> Foreign | None:
    """ESRGAN's weights under today's names, whichever of the layouts they have."""
    if "model.1.sub.0.RDB1.conv1.0.weight" in weights:
        return _foreign("ESRGAN's old layout", renamed(weights, _old_rules(weights)))
    if "RRDB_trunk.0.RDB1.conv1.weight" in weights:
        return _foreign("ESRGAN's new layout, as BSRGAN and RealSR have it", renamed(weights, NEW))
    if "body.0.rdb1.conv1.weight" in weights and "conv_first.weight" in weights:
        return _foreign("Real-ESRGAN's (BasicSR's) layout", dict(weights))
    return None


NEW = [
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.(.*)", r"body.\1.rdb\2.\3"),
    (r"trunk_conv\.(.*)", r"conv_body.\1"),
    (r"upconv(\d)\.(.*)", r"conv_up\1.\2"),
    (r"HRconv\.(.*)", r"conv_hr.\1"),
]


def _old_rules(weights: Weights) -> list[tuple[str, str]]:
    """Upscalings stand at every third place, and after them the last two convolutions, with LeakyReLU between."""
    blocks = count(weights, r"model\.1\.sub\.(\d+)\.") - 1
    tail = sorted({int(match[1]) for name in weights if (match := re.match(r"model\.(\d+)\.(?!sub)", name))} - {0})
    ups, last_two = tail[:-2], tail[-2:]
    rules = [
        (r"model\.0\.(.*)", r"conv_first.\1"),
        (rf"model\.1\.sub\.{blocks}\.(.*)", r"conv_body.\1"),
        (r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d+)\.0\.(.*)", r"body.\1.rdb\2.conv\3.\4"),
    ]
    rules += [(rf"model\.{place}\.(.*)", rf"conv_up{number}.\1") for number, place in enumerate(ups, 1)]
    rules += [
        (rf"model\.{place}\.(.*)", rf"{name}.\1")
        for place, name in zip(last_two, ("conv_hr", "conv_last"), strict=False)
    ]
    return rules


def _foreign(layout: str, weights: Weights) -> Foreign:
    fold = FOLDS.get(shape(weights, "conv_first.weight", 1), 1)
    doublings = max(0, count(weights, r"conv_up(\d+)\.") - 1)  # they are numbered from 1
    scale = max(1, 2**doublings // fold)
    options: dict[str, Any] = {
        "scale": scale,
        "channels": shape(weights, "conv_first.weight", 0),
        "blocks": count(weights, r"body\.(\d+)\."),
        "growth": shape(weights, "body.0.rdb1.conv1.weight", 0),
    }
    if scale in (1, 2):
        options["unshuffle"] = fold > 1
    return Foreign(layout, options, weights)
