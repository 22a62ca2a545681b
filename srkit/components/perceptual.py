"""The learned distances LPIPS and DISTS between two pictures, for losses and metrics alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.backbones import LEAST, Backbone, on_meta
from srkit.components.pretrained import clear_errors
from srkit.contracts import Provenance
from srkit.errors import OptionError, UserError
from srkit.exactness import at_least_float32
from srkit.weight_files.torch_files import load_torch_file

__all__ = ["Dists", "Lpips", "LpipsNetwork"]

LpipsNetwork = Literal["alex", "vgg"]

TINY = 1e-8  # keeps the slope of a root finite where nothing is seen
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Lpips(nn.Module):
    """LPIPS, version 0.1: how different two pictures look, by a network's features weighted by people's judgement.

    Zhang et al. 2018, arXiv 1801.03924. Features of both pictures after five ReLUs are normalized at each place, their
    squared differences weighted by channel, averaged over places and summed. The weights of the channels are those that
    come with torchmetrics (the authors' own).

    Args:
        net: the network, "alex" or "vgg".
        weights: a file with the network's weights in torchvision's layout; None for ImageNet's.

    Raises:
        OptionError: torchmetrics is not installed, or the network's weights cannot be had.
    """

    def __init__(self, net: LpipsNetwork, weights: Path | None = None) -> None:
        super().__init__()
        self.name = f"lpips ({net})"
        calibrated = _torchmetrics("lpips", f"lpips_models/{net}.pth")
        self.backbone = Backbone("alexnet" if net == "alex" else "vgg16", weights)
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)
        for number, channels in enumerate(self.backbone.channels):
            weight = calibrated[f"lin{number}.model.1.weight"] if calibrated else torch.empty(1, channels, 1, 1)
            self.register_buffer(f"lin{number}", weight, persistent=False)
        self.provenance = Provenance(facts=self.backbone.facts)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) in [0, 1] -> (B,), 0 for equal pictures."""
        _check_side(self.name, hr, LEAST[self.backbone.network])
        pairs = zip(self._features(sr), self._features(hr), strict=True)
        terms = [
            (self.get_buffer(f"lin{number}") * (a - b).square()).sum(1).mean((1, 2))
            for number, (a, b) in enumerate(pairs)
        ]
        return torch.stack(terms).sum(0)

    def _features(self, image: Tensor) -> list[Tensor]:
        found = self.backbone((2 * image.to(self.shift.dtype) - 1 - self.shift) / self.scale)
        return [maps / (maps.square().sum(1, keepdim=True) + TINY).sqrt() for maps in map(at_least_float32, found)]


class Dists(nn.Module):
    """DISTS: likeness of structure and of texture, by VGG16's features; bears texture that is alike but elsewhere.

    Ding et al. 2020, arXiv 2004.07728. For the picture itself and five of VGG16's ReLUs (with L2 pooling in the place
    of max-pooling) means and covariances over places are compared as in SSIM, weighted by channel and summed; 1 less
    that. The weights of the channels are those that come with torchmetrics (the authors' own).

    Args:
        weights: a file with VGG16's weights in torchvision's layout; None for ImageNet's.

    Raises:
        OptionError: torchmetrics is not installed, or VGG16's weights cannot be had.
    """

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        calibrated = _torchmetrics("dists", "dists_models/weights.pt")
        self.backbone = Backbone("vgg16", weights, _l2_pool)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.channels = [3, *self.backbone.channels]
        for name in ("alpha", "beta"):
            weight = calibrated[name].detach() if calibrated else torch.empty(1, sum(self.channels), 1, 1)
            self.register_buffer(name, weight.flatten(), persistent=False)
        self.provenance = Provenance(facts=self.backbone.facts)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) in [0, 1] -> (B,), 0 for equal pictures."""
        _check_side("dists", hr, LEAST["vgg16"])
        alpha, beta = self.get_buffer("alpha"), self.get_buffer("beta")
        total = alpha.sum() + beta.sum()
        terms = []
        for a, b, texture, structure in zip(
            self._features(sr),
            self._features(hr),
            alpha.split(self.channels),
            beta.split(self.channels),
            strict=True,
        ):
            means, others = a.mean((2, 3)), b.mean((2, 3))
            light = (2 * means * others + 1e-6) / (means.square() + others.square() + 1e-6)
            variances = (a - means[..., None, None]).square().mean((2, 3))
            variances = variances + (b - others[..., None, None]).square().mean((2, 3))
            covariance = (a * b).mean((2, 3)) - means * others
            contrast = (2 * covariance + 1e-6) / (variances + 1e-6)
            terms.append((texture * light + structure * contrast).sum(1) / total)
        return 1 - torch.stack(terms).sum(0)

    def _features(self, image: Tensor) -> list[Tensor]:
        image = image.to(self.mean.dtype)
        return [image, *map(at_least_float32, self.backbone((image - self.mean) / self.deviation))]


def _l2_pool(x: Tensor) -> Tensor:
    """Half the size: the root of the squares under a 3 x 3 Hann window."""
    side = torch.tensor([0.5, 1.0, 0.5], device=x.device, dtype=x.dtype)
    window = (side[:, None] * side / side.sum() ** 2).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _torchmetrics(name: str, file: str) -> dict[str, Tensor]:
    """The tensors of a file in torchmetrics, which need not be imported for it; empty on the meta device."""
    package = find_spec("torchmetrics")
    if package is None or package.origin is None:
        raise OptionError(
            "use",
            f"{name} needs the channels' weights that come with torchmetrics, which is not installed: "
            "pip install 'srkit[perceptual]'.",
        )
    if on_meta():
        return {}
    path = Path(package.origin).parent / "functional" / "image" / file
    with clear_errors(path), torch.device("cpu"):
        tensors: dict[str, Tensor] = load_torch_file(path)
    return tensors


def _check_side(name: str, image: Tensor, least: int) -> None:
    if min(image.shape[-2:]) < least:
        raise UserError(
            f"{name} needs pictures of at least {least} pixels a side, got {image.shape[-1]} x {image.shape[-2]}"
        )
