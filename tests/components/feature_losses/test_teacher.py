"""The teacher's two distances against the papers' formulas, written here again in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import srkit
from srkit.components.feature_losses.teacher import Teacher
from srkit.components.generators.espcn import Espcn
from srkit.contracts import Views
from srkit.draws import SampleDraws, StreamKey
from srkit.inference.ready import ReadyModel


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    torch.manual_seed(1)
    model = ReadyModel(Espcn(2, 6, activation="tanh"), 2, "its hash").eval()
    monkeypatch.setattr(srkit, "load", lambda path: model)
    return model.network


def views(sr: Tensor, lr: Tensor, **layers: Tensor) -> Views:
    named = {name.replace("_", "."): one for name, one in layers.items()}
    draws = SampleDraws(StreamKey(seed=0, attempt=0, step=1), range(len(sr)), "teacher")
    return Views(sr=sr, hr=torch.zeros_like(sr), lr=lr, step=1, draws=draws, layers=named)


def attention(features: Tensor) -> np.ndarray:
    """Zagoruyko and Komodakis, eq. 1 (F_sum^2) and the normalisation under eq. 2."""
    maps = (features.double().numpy() ** 2).sum(1).reshape(len(features), -1)
    return maps / np.linalg.norm(maps, axis=1, keepdims=True)


@pytest.mark.parametrize("criterion", ["l1", "mse"])
def test_pixels_and_layers_are_the_papers_distances(network: nn.Module, criterion: str) -> None:
    loss = Teacher(Path("big"), pixels=0.5, criterion=criterion, layers={"layers.0": "layers.2"}, features=7.0)
    lr, sr, ours = torch.rand(2, 3, 8, 6), torch.rand(2, 3, 16, 12), torch.randn(2, 4, 8, 6)
    parts = loss(views(sr, lr, layers_0=ours))
    with torch.no_grad():
        goal = network(lr)
        theirs = network.layers[:3](lr)  # type: ignore[index]
    difference = (sr - goal).double().numpy()
    wanted = 0.5 * (np.abs(difference).mean() if criterion == "l1" else (difference**2).mean())
    assert parts["pixels"].item() == pytest.approx(wanted, rel=1e-5)
    squares = 7.0 * ((attention(ours) - attention(theirs)) ** 2).mean()
    assert parts["layers.0"].item() == pytest.approx(squares, rel=1e-4)


def test_gradients_reach_the_student_alone(network: nn.Module) -> None:
    loss = Teacher(Path("big"), layers=("layers.0",))
    sr, ours = torch.rand(1, 3, 8, 8, requires_grad=True), torch.randn(1, 4, 4, 4, requires_grad=True)
    sum(loss(views(sr, torch.rand(1, 3, 4, 4), layers_0=ours)).values()).backward()  # type: ignore[union-attr]
    assert sr.grad is not None and ours.grad is not None and ours.grad.abs().sum() > 0
    assert all(one.grad is None for one in network.parameters())


def test_what_has_no_weight_is_not_looked_at(network: nn.Module) -> None:
    assert Teacher(Path("big"), layers=("layers.0",), features=0).needs_layers == ()
    only = Teacher(Path("big"), pixels=0, layers=("layers.0",))
    lr = torch.rand(1, 3, 4, 4)
    assert list(only(views(torch.rand(1, 3, 8, 8), lr, layers_0=torch.randn(1, 2, 4, 4)))) == ["layers.0"]
