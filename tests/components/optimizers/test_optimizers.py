"""The optimizers are torch's own and kept libraries' with the options named, and resume to the last bit."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from srkit.components.optimizers.adam import adam, adamw
from srkit.components.optimizers.adan import adan
from srkit.components.optimizers.lion import lion
from srkit.components.optimizers.schedule_free import schedule_free
from srkit.components.optimizers.sgd import sgd
from srkit.errors import OptionError

CASES: list[tuple[Callable[..., Any], type, dict[str, Any]]] = [
    (adam, torch.optim.Adam, {"betas": (0.9, 0.99), "weight_decay": 0.1}),
    (adam, torch.optim.Adam, {"amsgrad": True}),
    (adamw, torch.optim.AdamW, {"eps": 1e-6}),
    (sgd, torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
]


LIBRARIES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (adan, {"weight_decay": 0.02}),
    (lion, {"weight_decay": 0.1}),
    (schedule_free, {"weight_decay": 0.1, "warmup": 3}),
]


def network() -> nn.Conv2d:
    net = nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        for place, weight in enumerate(net.parameters()):
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(place)))
    return net.to(memory_format=torch.channels_last)


def groups(net: nn.Module) -> list[dict[str, Any]]:
    weight, bias = net.parameters()
    return [{"params": [weight], "lr": 0.01}, {"params": [bias], "lr": 0.001}]


def advance(net: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        net(image).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize(("make", "kind", "options"), CASES)
def test_equals_torchs_own_with_each_groups_rate(make: Callable[..., Any], kind: type, options: dict) -> None:
    ours, theirs = network(), network()
    advance(ours, make(groups(ours), **options), range(4))
    advance(theirs, kind(groups(theirs), **options), range(4))
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def by_hand(
    make: Callable[..., Any], w: np.ndarray, gradients: list[np.ndarray], lr: float
) -> tuple[np.ndarray, np.ndarray]:
    """A weight after updates by the papers' formulas: (what is judged, what takes gradients)."""
    if (
        make is adan
    ):  # arXiv 2208.06677, algorithm 1, with its betas written as 1 - ours, and bias correction as published
        m, v, n, before = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w), gradients[0]
        for k, g in enumerate(gradients, 1):
            m, v = 0.98 * m + 0.02 * g, 0.92 * v + 0.08 * (g - before)
            n = 0.99 * n + 0.01 * (g + 0.92 * (g - before)) ** 2
            scale = lr / (np.sqrt(n / (1 - 0.99**k)) + 1e-8)
            w = (w - scale * (m / (1 - 0.98**k) + 0.92 * v / (1 - 0.92**k))) / (1 + lr * 0.02)
            before = g
        return w, w
    if make is lion:  # arXiv 2302.06675, algorithm 2
        m = np.zeros_like(w)
        for g in gradients:
            w, m = w - lr * (np.sign(0.9 * m + 0.1 * g) + 0.1 * w), 0.99 * m + 0.01 * g
        return w, w
    # arXiv 2405.15682, algorithm 1: x is the average, z the fast weights, y where gradients are taken
    x, z, y, v, total, most = w, w, w, np.zeros_like(w), 0.0, 0.0
    for k, g in enumerate(gradients, 1):
        v = 0.999 * v + 0.001 * g**2
        rate = lr * min(k / 3, 1)
        z = z - rate * (g / (np.sqrt(v / (1 - 0.999**k)) + 1e-8) + 0.1 * y)
        most = max(most, rate)
        total += most**2
        x = (1 - most**2 / total) * x + most**2 / total * z
        y = 0.1 * z + 0.9 * x
    return x, y


@pytest.mark.parametrize(("make", "options"), LIBRARIES)
def test_libraries_follow_their_papers_with_each_groups_rate(make: Callable[..., Any], options: dict[str, Any]) -> None:
    weight, bias = (nn.Parameter(torch.linspace(-1, 1, 5, dtype=torch.float64)) for _ in range(2))
    optimizer = make([{"params": [weight], "lr": 0.0}, {"params": [bias], "lr": 0.0}], **options)
    swaps = hasattr(optimizer, "train")
    if swaps:
        optimizer.train()
    start = weight.detach().numpy().copy()
    gradients = [np.random.default_rng(step).normal(size=5) for step in range(6)]
    for gradient in gradients:
        for group, rate in zip(optimizer.param_groups, (0.01, 0.001), strict=True):
            group["lr"] = rate
            group["params"][0].grad = torch.from_numpy(gradient.copy())
        optimizer.step()
    for parameter, rate in ((weight, 0.01), (bias, 0.001)):
        judged, training = by_hand(make, start, gradients, rate)
        np.testing.assert_allclose(parameter.detach().numpy(), training, rtol=1e-6)
        if swaps:
            optimizer.eval()
            np.testing.assert_allclose(parameter.detach().numpy(), judged, rtol=1e-6)
            optimizer.train()


def test_a_library_that_is_missing_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "schedulefree", None)
    with pytest.raises(OptionError, match=r"'schedulefree', which is not installed: pip install 'srkit\[optimizers\]'"):
        schedule_free(groups(network()))


@pytest.mark.parametrize(("make", "kind", "options"), CASES)
def test_resumes_to_the_last_bit_from_a_contiguous_state(make: Callable[..., Any], kind: type, options: dict) -> None:
    # A state read from a file is contiguous beside channels_last weights; torch's fused kernels fail this test.
    straight = network()
    optimizer = make(groups(straight), **options)
    advance(straight, optimizer, range(3))
    resumed = copy.deepcopy(straight)
    state = copy.deepcopy(optimizer.state_dict())
    for entry in state["state"].values():
        entry.update({key: value.contiguous() for key, value in entry.items() if isinstance(value, torch.Tensor)})
    again = make(groups(resumed), **options)
    again.load_state_dict(state)
    advance(straight, optimizer, range(3, 6))
    advance(resumed, again, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))


def test_refuses_what_makes_no_sense() -> None:
    with pytest.raises(OptionError, match="betas"):
        adam(groups(network()), betas=(0.9, 1.0))
    with pytest.raises(OptionError, match="betas"):
        adamw(groups(network()), betas=(-0.1, 0.9))
    with pytest.raises(OptionError, match="nesterov"):
        sgd(groups(network()), momentum=0.0, nesterov=True)
    with pytest.raises(OptionError, match="betas"):
        adan(groups(network()), betas=(0.98, 1.0, 0.99))
    with pytest.raises(OptionError, match="betas"):
        lion(groups(network()), betas=(1.0, 0.9))
    with pytest.raises(OptionError, match="betas"):
        schedule_free(groups(network()), betas=(0.0, 0.9))
