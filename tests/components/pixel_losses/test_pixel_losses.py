"""The pixel losses against their formulas in numpy, and their gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from srkit.components.pixel_losses.charbonnier import Charbonnier
from srkit.components.pixel_losses.huber import Huber
from srkit.components.pixel_losses.l1 import L1
from srkit.components.pixel_losses.mse import Mse
from srkit.errors import OptionError

FORMULAS: list[tuple[nn.Module, Callable[[np.ndarray], np.ndarray]]] = [
    (Mse(), lambda x: x**2),
    (L1(), lambda x: np.abs(x)),
    (Charbonnier(eps=0.01), lambda x: np.sqrt(x**2 + 0.01**2)),
    (Huber(delta=0.2), lambda x: np.where(np.abs(x) <= 0.2, x**2 / 2, 0.2 * (np.abs(x) - 0.1))),
]


def pair() -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(5)
    shape = (2, 3, 6, 5)
    return torch.rand(shape, generator=stream, dtype=torch.float64), torch.rand(
        shape, generator=stream, dtype=torch.float64
    )


@pytest.mark.parametrize(("loss", "formula"), FORMULAS)
def test_equals_its_formula(loss: nn.Module, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    sr, hr = pair()
    value = loss(sr, hr)
    assert value.shape == ()
    np.testing.assert_allclose(value.item(), formula((sr - hr).numpy()).mean(), rtol=1e-12)


@pytest.mark.parametrize(("loss", "formula"), FORMULAS)
def test_gradient(loss: nn.Module, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    sr, hr = pair()
    assert torch.autograd.gradcheck(lambda image: loss(image, hr), (sr.requires_grad_(),))


@pytest.mark.parametrize(("loss", "formula"), FORMULAS)
def test_half_precision_is_compared_in_hrs(loss: nn.Module, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    sr, hr = pair()
    half = sr.bfloat16().requires_grad_()
    value = loss(half, hr.float())
    value.backward()
    assert value.dtype == torch.float32 and half.grad is not None and half.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(("make", "key"), [(lambda: Charbonnier(eps=0), "eps"), (lambda: Huber(delta=-1), "delta")])
def test_refuses_what_has_no_sense(make: Callable[[], nn.Module], key: str) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
