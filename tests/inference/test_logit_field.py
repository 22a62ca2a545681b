"""What a logit looks at, of kernels whose extent is known."""

from __future__ import annotations

import torch
from torch import nn

from srkit.inference.logit_field import measured_field


def test_the_field_of_a_logit_is_that_of_its_kernel() -> None:
    flat = nn.Conv2d(3, 1, 5, padding=2)
    nn.init.ones_(flat.weight)
    assert measured_field(flat, 33) == 5
    assert measured_field(nn.Sequential(flat, nn.Conv2d(1, 1, 1, stride=4)), 33) == 5
    peaked = nn.Conv2d(3, 1, 5, padding=2)
    nn.init.zeros_(peaked.weight)
    with torch.no_grad():
        peaked.weight[..., 2, 2] = 1.0
    assert measured_field(peaked, 33) == 1
    assert measured_field(nn.Bilinear(1, 1, 1), 33) is None
