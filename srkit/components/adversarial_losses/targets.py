"""Cross entropy of a logit with a target, the form that several adversarial losses share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["cross_entropy"]


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """-target log(sigmoid(x)) - (1 - target) log(1 - sigmoid(x)) at each place, finite for any x."""
    if target == 1:
        return F.softplus(-logits)
    return F.softplus(logits) - target * logits
