"""The desk of the experiment tests, with photos and components in a file of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit.assembly import rehearse
from srkit.registry import Registry
from tests.experiment.conftest import BASE, Desk

OWN = '''
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srkit.contracts import PixelLoss

from srkit.contracts import Block, DiscriminatorOutput, Factory, GeneratorOutput
from srkit.errors import OptionError


class Fine(nn.Module):
    """Enlarges."""

    def __init__(self, scale: int, width: int = 4) -> None:
        super().__init__()
        if scale > 3:
            raise OptionError("scale", f"it can do 2 and 3, not {scale}.")
        if width % 2:
            raise OptionError("width", f"{width} is odd.")
        self.head = nn.Conv2d(3, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Any:
        return self.shuffle(self.head(x))


class Extra(Fine):
    def forward(self, x: Tensor) -> Any:
        return GeneratorOutput(super().forward(x), {"x": x})


class Small(Fine):
    def forward(self, x: Tensor) -> Any:
        return self.head(x)[:, :3]


class Pair(Fine):
    def forward(self, x: Tensor) -> Any:
        return x, x


class Counting(Fine):
    """Looks at numbers, which the meta device has not."""

    def forward(self, x: Tensor) -> Any:
        if float(x.mean()) > 5:
            raise AssertionError
        return super().forward(x)


class CountingSmall(Counting):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x)[..., :-1]


class Initial(Fine):
    """Its weights come out of numpy, which cannot be done on the meta device."""

    def __init__(self, scale: int) -> None:
        super().__init__(scale)
        value = float(self.head.weight.abs().sum())
        self.scale = torch.from_numpy(np.full(1, value))


class Crashing(Fine):
    def forward(self, x: Tensor) -> Any:
        return self.shuffle(x) + self.absent


class Windows(Fine):
    def forward(self, x: Tensor) -> Any:
        if x.shape[-1] % 8:
            raise ValueError("sides of 8, 16")
        return super().forward(x)


class Broken(nn.Module):
    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, "three", 3)


class NoModule:
    def __init__(self, scale: int) -> None: ...


class NoBlock:
    def __init__(self, channels: int) -> None: ...


class Picky(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        raise OptionError("channels", f"it wants 8, not {channels}.")


class Stack(Fine):
    def __init__(self, scale: int, block: Factory[Block], width: int = 4) -> None:
        super().__init__(scale)
        self.block = block(channels=width)


class ByLr(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 3)

    def forward(self, image: Tensor, lr: Tensor) -> Tensor:
        assert image.shape[-1] == 2 * lr.shape[-1]
        return self.layer(image)


class Blind(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 1, 3)

    def forward(self, image: Tensor) -> Any:
        return self.layer(image)


class Talking(ByLr):
    def forward(self, image: Tensor) -> Any:
        return {"logits": image}


class Unreduced(nn.Module):
    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return (sr - hr).abs()


def parts(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    return {"a": sr.mean(), "b": hr.mean()}


def make_parts() -> PixelLoss:
    return parts


class OneSided:
    def generator_term(self, views: Any) -> Tensor: ...


class Nothing:
    def __init__(self, scale: int) -> None: ...


class Rounds:
    works_on = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr: Tensor) -> Tensor:
        return hr[..., :: self.scale, :: self.scale].mul(255).round().div(255)
'''


class Stage(Desk):
    """A desk that rehearses what it reads."""

    def rehearsed(self, text: str = "", *settings: str) -> list[str]:
        plan = self.plan(text, *settings)
        rehearse(plan)
        return [str(one).replace(f"{self.folder}/", "") for one in plan.problems]


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.installed()


@pytest.fixture
def stage(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (120, 130, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photos" / "a.png")
    desk = Stage(tmp_path, registry)
    desk.write(OWN, "own.py")
    return desk


__all__ = ["BASE"]
