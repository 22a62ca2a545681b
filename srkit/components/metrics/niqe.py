"""NIQE: how natural a picture looks, without its original."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srkit.components.metrics.natural_scenes import BLOCK, block_features, distance
from srkit.components.metrics.planes import luma
from srkit.components.pretrained import hub_folder
from srkit.errors import OptionError, UserError

__all__ = ["Niqe"]

PARAMETERS = "niqe_pris_params.npz"
FEATURES = 36

LARGEST = 200_000
"""Bytes; the file has 12 thousand."""


class Niqe:
    """NIQE, from 0: how unnatural a picture looks, without its original; lower is better.

    Mittal, Soundararajan and Bovik 2013, "Making a 'completely blind' image quality analyzer", as in MATLAB's release
    and BasicSR: rounded BT.601 luma (16..235), blocks of 96 x 96 pixels at two scales, 18 numbers each. What natural
    scenes are like is read from BasicSR's `niqe_pris_params.npz` in torch's hub folder.

    SR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped, of at least two blocks (96 x 192)
    -> (B,) float64.
    """

    unit = ""
    higher_is_better = False

    def __init__(self) -> None:
        self.mean, self.covariance = _parameters(hub_folder() / PARAMETERS)

    def __call__(self, sr: Tensor) -> Tensor:
        """SR (B, 3, H, W) -> (B,)."""
        height, width = sr.shape[-2:]
        if (height // BLOCK) * (width // BLOCK) < 2:
            raise UserError(
                f"NIQE needs pictures of at least {BLOCK} x {2 * BLOCK} pixels after the border is cropped, got "
                f"{width} x {height}"
            )
        planes = luma(sr).round().cpu().numpy()[:, 0]
        values = [distance(block_features(plane), self.mean, self.covariance) for plane in planes]
        return torch.tensor(values, dtype=torch.float64)


def _parameters(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of natural scenes' features.

    Raises:
        OptionError: the file is not there, or is another; says how to bring it.
    """
    bring = f"BasicSR's source has it as basicsr/metrics/{PARAMETERS} (12 KB); put it into {file.parent}"
    if not file.is_file():
        raise OptionError("use", f"niqe needs what natural scenes are like, and {file} is not there. {bring}.")
    try:
        _check_size(file)
        with np.load(file, allow_pickle=False) as content:
            mean, covariance = content["mu_pris_param"].ravel(), content["cov_pris_param"]
    except (OSError, ValueError, KeyError, MemoryError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        raise OptionError("use", f"{file} is not what niqe needs ({' '.join(str(error).split())}). {bring}.") from error
    if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES):
        raise OptionError("use", f"{file} is not what niqe needs (shapes {mean.shape}, {covariance.shape}). {bring}.")
    return mean.astype(np.float64), covariance.astype(np.float64)


def _check_size(file: Path) -> None:
    """Read nothing that is larger than what belongs into the file, or says so of itself.

    Raises:
        ValueError: something is.
    """
    with zipfile.ZipFile(file) as archive:
        for one in archive.infolist():
            if one.file_size > LARGEST or max(one.compress_size, file.stat().st_size) > LARGEST:
                raise ValueError(f"{one.filename} has {one.file_size:,} bytes")
            with archive.open(one) as content:
                version = np.lib.format.read_magic(content)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, kind = read(content)
            if math.prod(shape) * kind.itemsize > LARGEST:
                raise ValueError(f"{one.filename} claims the shape {shape}")
