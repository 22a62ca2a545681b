"""The optimizers are torch's own with the options named, and resume to the last bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from srkit.components.optimizers.adam import adam, adamw
from srkit.components.optimizers.sgd import sgd
from srkit.errors import OptionError

CASES: list[tuple[Callable[..., Any], type, dict[str, Any]]] = [
    (adam, torch.optim.Adam, {"betas": (0.9, 0.99), "weight_decay": 0.1}),
    (adam, torch.optim.Adam, {"amsgrad": True}),
    (adamw, torch.optim.AdamW, {"eps": 1e-6}),
    (sgd, torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
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
