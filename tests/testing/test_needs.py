"""A component that cannot do without more than images is offered what it says it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import srkit
from srkit.contracts import Claims, Views
from srkit.errors import OptionError
from srkit.registry import KINDS
from srkit.testing import Report, check

# the kit finds them by these names, in this file


class Masked(nn.Module):
    """Squared error where the generator's mask is."""

    claims = Claims(needs={"extras": ["mask"]})

    def forward(self, views: Views) -> Tensor:
        return (views.extras["mask"] * (views.sr - views.hr) ** 2).mean()


class Deep(nn.Module):
    """Distance to a depth that the generator gives at LR size."""

    claims = Claims(needs={"extras": lambda sr, lr: {"depth": F.avg_pool2d(sr, 4)[:, :1]}, "lr": 4})

    def forward(self, views: Views) -> Tensor:
        assert views.lr.shape[-1] * 4 == views.hr.shape[-1]
        return (views.extras["depth"] - views.lr.mean(1, keepdim=True)).abs().mean()


class Matching(nn.Module):
    """Feature matching over three of the discriminator's maps."""

    claims = Claims(needs={"features": 3})

    def forward(self, views: Views) -> Tensor:
        assert views.discriminator is not None
        found, wanted = views.discriminator(views.sr).features, views.discriminator(views.hr).features
        assert len(found) == 3
        return torch.stack([F.l1_loss(one, other.detach()) for one, other in zip(found, wanted, strict=True)]).sum()


class Listed:
    """Images that a text file lists.

    Args:
        path: the file, a line an image.
    """

    claims = Claims(needs={"files": {"path": lambda folder: listed(folder)}})

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise OptionError("path", f"no file {path}.")
        self.paths = [Path(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        with Image.open(self.paths[index]) as image:
            return np.asarray(image.convert("RGB"))

    def name(self, index: int) -> str:
        return str(self.paths[index])


class Taught(nn.Module):
    """Distance to what a trained model makes.

    Args:
        model: the model's file.
    """

    borrowed = ("model",)
    claims = Claims(needs={"files": {"model": "model"}})

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.model = srkit.load(model)

    def forward(self, views: Views) -> Tensor:
        with torch.no_grad():
            goal = self.model(views.lr)
        return F.l1_loss(views.sr, goal)


def listed(folder: Path) -> Path:
    for number in range(2):
        Image.new("RGB", (8, 6), (number, 50, 90)).save(folder / f"{number}.png")
    (folder / "list.txt").write_text(f"{folder / '0.png'}\n{folder / '1.png'}\n", encoding="utf-8")
    return folder / "list.txt"


def report_on(kind: str, name: str) -> Report:
    return check(KINDS[kind], f"./{Path(__file__).name}:{name}", folder=Path(__file__).parent)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pixel_losses", "Masked"),
        ("pixel_losses", "Deep"),
        ("feature_losses", "Matching"),
        ("datasets", "Listed"),
        ("feature_losses", "Taught"),
    ],
)
def test_it_is_offered(kind: str, name: str) -> None:
    report_on(kind, name).require()


class Unsaid(nn.Module):
    """Asks for a mask without a word."""

    def forward(self, views: Views) -> Tensor:
        return (views.extras["mask"] * views.sr).mean()


class Deeper(nn.Module):
    """Asks for a layer without a word."""

    def forward(self, views: Views) -> Tensor:
        return views.layers["body.3"].mean() + views.sr.mean()


class Careful(nn.Module):
    """Does without where there is none."""

    def forward(self, views: Views) -> Tensor:
        try:
            mask = views.extras["mask"]
        except KeyError:
            mask = torch.ones_like(views.hr)
        return (mask * (views.sr - views.hr) ** 2).mean()


@pytest.mark.parametrize(
    ("name", "said"),
    [("Unsaid", "needs={'extras': ['mask']}"), ("Deeper", "needs_layers = ('body.3',)"), ("Careful", "")],
)
def test_what_was_not_asked_for_is_told_with_the_way_to_ask(name: str, said: str) -> None:
    report = report_on("pixel_losses", name)
    assert report.passed is not bool(said) and said in " ".join(str(report).split()), str(report)


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ({"extra": ["mask"]}, "names 'extra'; the kit offers extras, features, lr, files"),
        ({"features": 0}, "features = 0, expected a whole number from 1"),
        ({"lr": "small"}, "lr = 'small', expected"),
        ({"files": {"path": "video"}}, "expected option -> 'images' or 'model', or a function"),
        ({"files": ["path"]}, "expected option -> 'images'"),
    ],
)
def test_needs_that_mean_nothing_are_told(needs: Mapping[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from srkit.testing import stock

    monkeypatch.setattr(stock.PixelLoss, "claims", Claims(needs=needs), raising=False)
    report = check(KINDS["pixel_losses"], "srkit.testing.stock:PixelLoss")
    assert not report.passed and said in " ".join(str(report).split()), str(report)
