"""Tiles against the whole picture: the walk's reach, the measured halo, folding networks, turns, memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srkit.components.generators.compact import Compact
from srkit.components.generators.espcn import Espcn
from srkit.components.generators.rrdb import Rrdb
from srkit.components.generators.rrdb_shuffle import RrdbShuffle
from srkit.inference.repeat import Repeated
from srkit.inference.tiles import Tiling, boxes, grown, plan_tiles
from srkit.inference.upscale import upscale
from srkit.inference.walk import walk
from tests.inference.measured_field import receptive_field

CPU = torch.device("cpu")


def picture(height: int = 41, width: int = 63) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def gap(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


def made(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for one in network.parameters():
        if one.dim() > 1:
            nn.init.kaiming_normal_(one, 0.2)
    return network.eval()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 2, 4]), st.integers(1, 9), st.integers(0, 11))
def test_parts_cover_each_pixel_once_and_begin_where_the_network_folds(
    height: int, width: int, period: int, steps: int, halo: int
) -> None:
    tiling = Tiling(period * steps, halo, period)
    seen = np.zeros((height, width), int)
    for box in boxes(height, width, tiling):
        seen[box.top : box.bottom, box.left : box.right] += 1
        read = grown(box, height, width, tiling)
        assert read.top % period == read.left % period == 0
        assert read.top <= max(0, box.top - halo) and read.bottom >= min(height, box.bottom + halo)
    assert (seen == 1).all()


@pytest.mark.parametrize("network", [Espcn(2, channels=2), Espcn(3, channels=2), Compact(4, 2, 1)])
def test_the_walk_finds_what_the_gradient_of_positive_weights_does(network: nn.Module) -> None:
    scale = getattr(network, "scale", None) or {12: 2, 27: 3}[list(network.parameters())[-1].numel()]
    cell = walk(network).cell
    assert cell is not None
    assert abs(cell.side - receptive_field(network, scale)) <= 1
    assert 2 * cell.reach + 1 >= receptive_field(network, scale)


def test_the_walk_says_what_sees_everything() -> None:
    class Average(nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return lr - lr.mean((2, 3), keepdim=True)

    found = walk(Average())
    assert found.cell is None and found.obstacle == "mean"
    tiling = plan_tiles(made(nn.Sequential(nn.Conv2d(3, 3, 1), Average())), 1, CPU, exact=True)
    assert tiling.halo is None  # the picture stays whole


@pytest.mark.parametrize(
    ("network", "scale", "self_ensemble"),
    [(Rrdb(2, 2, 1), 2, True), (Repeated(Espcn(2, channels=4), 2), 4, False), (RrdbShuffle(2, 2, 1), 2, False)],
    ids=["folding", "twice", "shuffle"],
)
def test_exact_tiles_are_the_whole(network: nn.Module, scale: int, self_ensemble: bool) -> None:
    planned = plan_tiles(made(network), scale, CPU, exact=True)
    tiling = Tiling(24, planned.halo, planned.period)
    whole = upscale(network, picture(), self_ensemble=self_ensemble)
    # convolutions of other sizes may add up in another order, which moves a value on the edge of rounding
    assert gap(upscale(network, picture(), tiling=tiling, self_ensemble=self_ensemble), whole) <= 1


def test_measured_tiles_differ_by_a_level_at_most_borders_included() -> None:
    network = made(RrdbShuffle(2, 4, 2))
    planned = plan_tiles(network, 2, CPU)
    assert planned.measured and planned.halo is not None and 0 < planned.halo < 60
    whole = upscale(network, picture(90, 100))
    assert gap(upscale(network, picture(90, 100), tiling=Tiling(40, planned.halo)), whole) <= 1


def test_too_small_a_halo_shows() -> None:
    network = made(Espcn(2, channels=8))
    assert gap(upscale(network, picture(), tiling=Tiling(16, 0)), upscale(network, picture())) > 3


def test_the_ensemble_is_the_mean_over_numpys_turns() -> None:
    network, image = made(Espcn(2, channels=4)), picture(9, 14).astype(np.uint16) * 257
    total = np.zeros((18, 28, 3))
    for mirrored in (False, True):
        for quarter in range(4):
            turned = np.rot90(image[:, ::-1] if mirrored else image, quarter)
            with torch.no_grad():
                sr = network(torch.from_numpy(turned.astype(np.float32) / 65535).permute(2, 0, 1)[None])[0]
            back = np.rot90(sr.permute(1, 2, 0).numpy(), -quarter)
            total += back[:, ::-1] if mirrored else back
    assert gap(upscale(network, image, self_ensemble=True), (total / 8).clip(0, 1) * 65535) <= 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
    ],
)
def test_tiles_that_do_not_fit_are_halved_with_a_warning(error: Exception) -> None:
    small = Espcn(2, channels=2)

    def crowded(lr: torch.Tensor) -> torch.Tensor:
        if lr.shape[-1] > 45:
            raise error
        return small(lr)

    told: list[int] = []
    image = picture(96, 96)
    with pytest.warns(UserWarning, match="tiles of 64 pixels do not fit into memory; 32 from here on"):
        result = upscale(crowded, image, tiling=Tiling(64, 5), on_tile=told.append)
    assert gap(result, upscale(small, image)) <= 1 and sum(told) == 96 * 96
