"""Interpolations against Pillow, torch and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from srkit.components.generators.interpolations import Bilinear, Lanczos, Nearest
from srkit.errors import OptionError

NOISE = torch.rand(1, 3, 14, 17, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_nearest_repeats_pixels(scale: int) -> None:
    expected = np.kron(NOISE[0].numpy(), np.ones((1, scale, scale), np.float32))
    assert np.array_equal(Nearest(scale)(NOISE)[0].numpy(), expected)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bilinear_is_torchs(scale: int) -> None:
    expected = F.interpolate(NOISE, scale_factor=scale, mode="bilinear", align_corners=False)
    assert torch.allclose(Bilinear(scale)(NOISE), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lanczos_is_pillows_but_for_the_border(scale: int) -> None:
    """Pillow cuts its kernel off at the border, where MATLAB mirrors the picture."""
    plane = NOISE[0, 0].numpy()
    size = (plane.shape[1] * scale, plane.shape[0] * scale)
    expected = np.array(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))
    inside = (slice(3 * scale, -3 * scale),) * 2
    assert Lanczos(scale)(NOISE)[0, 0].numpy()[inside] == pytest.approx(expected[inside], abs=1e-5)


@pytest.mark.parametrize("kind", [Nearest, Bilinear, Lanczos])
def test_flat_pictures_stay_flat_and_nothing_is_learned(kind: type[torch.nn.Module]) -> None:
    flat = torch.full((1, 3, 5, 4), 0.3)
    network = kind(3)
    assert torch.allclose(network(flat), torch.full((1, 3, 15, 12), 0.3), atol=1e-6)
    assert not list(network.parameters())
    with pytest.raises(OptionError, match="scale"):
        kind(0)
