"""Random features: the same for everyone, of unit variance on photos."""

from __future__ import annotations

import pytest
import skimage.data
import torch
from torch import Tensor

from srkit.components.feature_losses.architectures import Architecture, convolutions
from srkit.components.feature_losses.weights import find_trunk


def photos() -> Tensor:
    """The middle 256 x 256 pixels of the colour photos in scikit-image's wheel, (5, 3, 256, 256)."""
    middle = []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        middle.append(getattr(skimage.data, name)())
    middle.append(skimage.data.stereo_motorcycle()[0])
    cut = [image[(image.shape[0] - 256) // 2 :, (image.shape[1] - 256) // 2 :][:256, :256] for image in middle]
    return torch.stack([torch.from_numpy(image.copy()).permute(2, 0, 1) for image in cut]).float() / 255


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_every_layer_has_unit_variance_on_photos(architecture: Architecture) -> None:
    names = [convolution.name for convolution in convolutions(architecture)]
    trunk = find_trunk(architecture, "random", None)
    trunk.require(names[-1])
    with torch.no_grad():
        variances = torch.stack(
            [
                torch.stack([features.var() for features in trunk(photo[None], names, "before").values()])
                for photo in photos()
            ]
        )
    # Photos differ in contrast; their mean is what the gains were measured for.
    torch.testing.assert_close(variances.mean(0), torch.ones(len(names)), rtol=0.02, atol=0)
    assert variances.min() > 0.25 and variances.max() < 2.5


def test_the_same_whatever_the_global_stream_depth_or_network() -> None:
    first = find_trunk("vgg16", "random", None)
    first.require("conv3_1")
    with torch.random.fork_rng():
        torch.manual_seed(99)
        state = torch.random.get_rng_state()
        second = find_trunk("vgg19", "random", None)
        second.require("conv1_1")
        second.require("conv5_4")
        assert torch.equal(torch.random.get_rng_state(), state)
    for name, buffer in first.named_buffers():
        assert torch.equal(buffer, second.get_buffer(name))


def test_layers_are_independent() -> None:
    trunk = find_trunk("vgg16", "random", None)
    trunk.require("conv3_3")
    one, other = trunk.get_buffer("conv3_2_weight").flatten(), trunk.get_buffer("conv3_3_weight").flatten()
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.01
