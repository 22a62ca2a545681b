"""Metrics that pyiqa computes. It is an extra: it brings much along, and its licence allows no commercial use."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from srkit.errors import OptionError
from srkit_iqa.calling import each

__all__ = ["CwSsim", "Mad", "Nlpd"]


class PyiqaMetric:
    """A metric of pyiqa's that compares pictures.

    Attributes:
        name: the metric's name, for messages.
        key: what pyiqa calls it.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    unit = ""
    higher_is_better = True

    def __init__(self) -> None:
        self.networks: dict[str, Any] = {"cpu": created(self.name, self.key)}

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) in [0, 1] -> (B,)."""
        return each(self.name, self._on(sr.device), sr.clamp(0, 1), hr.clamp(0, 1))

    def _on(self, device: torch.device) -> Any:
        """The metric on a device; pyiqa moves its inputs to where a metric was created."""
        if str(device) not in self.networks:
            self.networks[str(device)] = created(self.name, self.key, str(device))
        return self.networks[str(device)]


class PyiqaJudge(PyiqaMetric):
    """A metric of pyiqa's that judges a picture without its original."""

    def __call__(self, sr: Tensor) -> Tensor:  # type: ignore[override]  # one picture is all it takes
        """SR (B, 3, H, W) in [0, 1] -> (B,)."""
        return each(self.name, self._on(sr.device), sr.clamp(0, 1))


def created(name: str, key: str, device: str = "cpu") -> Any:
    """A metric of pyiqa's.

    Raises:
        OptionError: pyiqa is not installed, or the metric's weights cannot be had; says what to do.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            import pyiqa

            return pyiqa.create_metric(key, device=device)
        except ImportError as error:
            raise OptionError(
                "use",
                f"{name} is computed by pyiqa, and that or what it needs is not installed ({error}): "
                "pip install 'srkit-iqa[pyiqa]'.",
            ) from error
        # urllib's, huggingface's, torch's and zip files' errors
        except Exception as error:
            folder = torch.hub.get_dir()
            raise OptionError(
                "use",
                f"{name} could not be made by pyiqa ({type(error).__name__}: {' '.join(str(error).split())}). Its "
                f"weights are downloaded once, into {folder}/pyiqa or huggingface's cache: let "
                f"`python -c \"import pyiqa; pyiqa.create_metric('{key}')\"` fetch them where there is a network, and "
                "copy that folder here.",
            ) from error


class Nlpd(PyiqaMetric):
    """NLPD, from 0: distance of normalized Laplacian pyramids, near to what an eye's first stages see; lower is better.

    Laparra et al. 2016, "Perceptual image quality assessment using a normalized Laplacian pyramid", on luma.
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 32 pixels -> (B,).
    """

    name, key = "nlpd", "nlpd"
    higher_is_better = False


class Mad(PyiqaMetric):
    """MAD, from 0: what is seen of faint errors, and how much of the appearance strong ones change; lower is better.

    Larson and Chandler 2010, "Most apparent distortion".
    SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "mad", "mad"
    higher_is_better = False


class CwSsim(PyiqaMetric):
    """CW-SSIM, from 0 to 1: likeness of structure by complex wavelets; bears small shifts and turns.

    Sampat et al. 2009, "Complex wavelet structural similarity".
    SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "cw-ssim", "cw_ssim"


class TopiqFr(PyiqaMetric):
    """TOPIQ against the original, about 0 to 1: a network's features, from the whole to the detail.

    Chen et al. 2023, arXiv 2308.03060. Weights are downloaded once.
    SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "topiq-fr", "topiq_fr"


class TopiqNr(PyiqaJudge):
    """TOPIQ without an original, about 0 to 1.

    Chen et al. 2023, arXiv 2308.03060, trained on KonIQ-10k. Weights are downloaded once.
    SR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "topiq-nr", "topiq_nr"


class Musiq(PyiqaJudge):
    """MUSIQ, 0 to 100: how good a picture looks, by a transformer over patches of several sizes.

    Ke et al. 2021, arXiv 2108.05997, trained on KonIQ-10k. Weights are downloaded once.
    SR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "musiq", "musiq"


class Maniqa(PyiqaJudge):
    """MANIQA, 0 to 1: how good a picture looks, by attention over channels and places; made for GANs' pictures.

    Yang et al. 2022, arXiv 2204.08958, trained on KonIQ-10k. Weights are downloaded once.
    SR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "maniqa", "maniqa"


class ClipIqa(PyiqaJudge):
    """CLIP-IQA, 0 to 1: whether CLIP finds "good photo" or "bad photo" nearer.

    Wang, Chan and Loy 2022, arXiv 2207.12396. Weights are downloaded once.
    SR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, key = "clipiqa", "clipiqa"
