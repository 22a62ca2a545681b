"""A component out of a user's file works in the loader's workers, however these are started."""

from __future__ import annotations

import pytest
import torch

from srkit.assembly import assemble
from srkit.data.loader import load
from srkit.data.sampling import Request
from srkit.training.setup import patch_preparation
from tests.assembly.conftest import Stage
from tests.experiment.conftest import BASE

OWN = '''
"""Mine."""

from srkit.components.datasets.folder import Folder


class Half:
    """Every second pixel."""

    works_on = "image"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr):
        return hr[:: self.scale, :: self.scale]


class Mine(Folder):
    """A folder."""
'''


@pytest.mark.parametrize("context", ["spawn", "fork"])
def test_downscaler_and_dataset_of_a_file(context: str, stage: Stage) -> None:
    stage.write(OWN, "own.py")
    text = BASE.replace('train = "photos"', 'train = { use = "./own.py:Mine", path = "photos" }\npatch_size = 16')
    assembly = assemble(stage.sound(text + '[downscaler]\nuse = "./own.py:Half"\n'))
    requests = [Request(step, 0, (0, 1), (0, 0)) for step in (1, 2)]
    take = patch_preparation(assembly)
    batches = list(load(assembly.train, requests, prepare=take, seed=1, attempt=0, workers=1, context=context))
    alone = list(load(assembly.train, requests, prepare=take, seed=1, attempt=0, workers=0))
    assert len(batches) == 2
    for one, other in zip(batches, alone, strict=True):
        assert one.lr is not None and other.lr is not None and one.lr.shape == (2, 3, 8, 8)
        assert torch.equal(one.hr, other.hr) and torch.equal(one.lr, other.lr)
