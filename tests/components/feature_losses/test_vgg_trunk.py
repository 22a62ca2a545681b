"""The trunk against torchvision's VGG; before and after activation; its depth; what it leaves out of checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg16 as torchvision_vgg16
from torchvision.models import vgg19 as torchvision_vgg19

from srkit.components.feature_losses.architectures import Architecture, convolutions
from srkit.components.feature_losses.random_features import random_source
from srkit.components.feature_losses.trunk import Trunk
from srkit.components.feature_losses.vgg import vgg16, vgg19
from srkit.components.feature_losses.weights import find_trunk


class Once:
    """`contracts.Shared` as assembly has it."""

    def __init__(self) -> None:
        self.made: dict[Any, Any] = {}

    def __call__(self, key: Any, build: Callable[[], Any]) -> Any:
        if key not in self.made:
            self.made[key] = build()
        return self.made[key]


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def torchvisions(architecture: Architecture) -> nn.Sequential:
    """torchvision's own `features` with our random weights in it, everything after it left out."""
    with torch.device("meta"):
        features = (torchvision_vgg16 if architecture == "vgg16" else torchvision_vgg19)(weights=None).features
    features = features.to_empty(device="cpu")
    for convolution in convolutions(architecture):
        weight, bias = random_source(architecture)(convolution)
        features[convolution.index].load_state_dict({"weight": weight, "bias": bias})
    return features


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
@pytest.mark.parametrize("activation", ["before", "after"])
def test_features_are_torchvisions(architecture: Architecture, activation: str) -> None:
    names = {convolution.index: convolution.name for convolution in convolutions(architecture)}
    image = picture(1, 3, 32, 48)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    expected: dict[str, Tensor] = {}
    name = ""
    for index, layer in enumerate(torchvisions(architecture)):
        if isinstance(layer, nn.ReLU):
            x = x.relu()  # out of place: torchvision's own would overwrite what is kept
            if activation == "after":
                expected[name] = x
        else:
            x = layer(x)
        if index in names:
            name = names[index]
            if activation == "before":
                expected[name] = x
    trunk = find_trunk(architecture, "random", None)
    trunk.require(list(names.values())[-1])
    found = trunk(image, list(names.values()), activation)
    assert list(found) == list(expected)
    for layer_name, features in expected.items():
        torch.testing.assert_close(found[layer_name], features, rtol=1e-4, atol=1e-4)


def test_before_and_after_activation_are_told_apart() -> None:
    trunk = find_trunk("vgg16", "random", None)
    trunk.require("conv2_2")
    layers = ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    before, after = (trunk(picture(1, 3, 16, 16), layers, activation) for activation in ("before", "after"))
    for name in layers:
        assert before[name].min() < 0 <= after[name].min()
        assert torch.equal(before[name].relu(), after[name])


def test_leaving_layers_out_changes_none_of_the_others() -> None:
    trunk = find_trunk("vgg16", "random", None)
    trunk.require("conv3_1")
    image = picture(1, 3, 16, 16)
    for activation in ("before", "after"):
        every = trunk(image, ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"], activation)
        for chosen in (["conv1_2"], ["conv2_1", "conv3_1"]):
            found = trunk(image, chosen, activation)
            assert list(found) == chosen and all(torch.equal(found[name], every[name]) for name in chosen)


@pytest.mark.parametrize("order", [("conv1_2", "conv3_3"), ("conv3_3", "conv1_2")])
def test_one_trunk_as_deep_as_the_deepest_asks(order: tuple[str, str]) -> None:
    once = Once()
    losses = [vgg16(layers=(name,), weights="random", shared=once) for name in order]  # type: ignore[arg-type]
    assert losses[0].trunk is losses[1].trunk and len(once.made) == 1
    assert losses[0].trunk.depth == 7
    shapes = {name: tuple(buffer.shape) for name, buffer in losses[0].trunk.named_buffers() if "weight" in name}
    assert list(shapes) == [f"{convolution.name}_weight" for convolution in convolutions("vgg16")[:7]]


def test_other_weights_or_another_network_are_not_shared() -> None:
    once = Once()
    first = vgg16(layers=("conv1_1",), weights="random", shared=once)
    assert vgg19(layers=("conv1_1",), weights="random", shared=once).trunk is not first.trunk
    assert vgg16(layers=("conv1_1",), weights="random").trunk is not first.trunk


def test_growing_later_changes_nothing_before() -> None:
    trunk = find_trunk("vgg16", "random", None)
    trunk.require("conv1_2")
    image = picture(1, 3, 8, 8)
    before = trunk(image, ["conv1_2"], "before")["conv1_2"]
    trunk.to(torch.float64)
    trunk.require("conv2_1")
    assert trunk.get_buffer("conv2_1_weight").dtype == torch.float64
    torch.testing.assert_close(trunk(image.double(), ["conv1_2"], "before")["conv1_2"].float(), before)


def test_nothing_trains_and_nothing_is_saved_but_all_follows_the_device() -> None:
    loss = nn.ModuleDict({"vgg16": vgg16(weights="random", layers=("conv1_2",))})
    assert list(loss.parameters()) == [] and loss.state_dict() == {}
    loss.load_state_dict({})
    loss.to(memory_format=torch.channels_last)
    trunk: Trunk = loss["vgg16"].trunk  # type: ignore[assignment]
    assert trunk.get_buffer("conv1_2_weight").is_contiguous(memory_format=torch.channels_last)
    loss.to("meta")
    assert {buffer.device.type for buffer in trunk.buffers()} == {"meta"}
