"""What a component borrows is frozen, stays in eval mode, and is left out of what is saved of it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from srkit.assembly.borrowed import lend
from srkit.errors import SrkitError
from srkit.registry import KINDS


class Projected(nn.Module):
    """A discriminator on frozen features."""

    borrowed: object = ("eyes.deep",)

    def __init__(self) -> None:
        super().__init__()
        self.eyes = nn.ModuleDict({"deep": nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), "own": nn.Identity()})
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.eyes["deep"](image))


KIND = KINDS["discriminators"]


def lent() -> Projected:
    network = Projected()
    lend(network, KIND)
    return network


def test_state_holds_its_own_alone_and_comes_back_strictly() -> None:
    one, other = lent(), lent()
    assert list(one.state_dict()) == ["head.weight", "head.bias"]
    before = copy.deepcopy(other.eyes["deep"].state_dict())
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.head.weight, one.head.weight)
    assert all(torch.equal(before[key], value) for key, value in other.eyes["deep"].state_dict().items())
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "head.bias"'):
        other.load_state_dict({"head.weight": one.head.weight})
    around = nn.ModuleDict({"loss": lent()})
    assert list(around.state_dict()) == ["loss.head.weight", "loss.head.bias"]


@pytest.mark.parametrize("made", [lent, lambda: copy.deepcopy(lent())], ids=["itself", "a copy"])
def test_it_neither_trains_nor_counts_batches(made: Callable[[], Projected]) -> None:
    network = made()
    network.train()
    network(torch.rand(2, 3, 4, 4)).sum().backward()
    assert network.training and network.head.weight.grad is not None
    assert all(one.grad is None for one in network.eyes.parameters())
    assert network.eyes["deep"][1].num_batches_tracked == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("says", "message"),
    [(("ears",), "names 'ears', and it has no such part"), ("eyes", "has to be names"), ([1], "has to be names")],
)
def test_what_is_no_part_of_it_is_said(says: object, message: str) -> None:
    network = Projected()
    network.borrowed = says
    with pytest.raises(SrkitError, match=message):
        lend(network, KIND)


def test_a_generator_borrows_nothing() -> None:
    with pytest.raises(SrkitError, match="a generator's file has to hold all of it"):
        lend(Projected(), KINDS["generators"])


def test_functions_and_modules_without_the_mark_are_left_alone() -> None:
    lend(len, KIND)
    plain = nn.Conv2d(1, 1, 1)
    lend(plain, KIND)
    assert plain.weight.requires_grad and list(plain.state_dict()) == ["weight", "bias"]
