"""The feature losses `vgg16` and `vgg19`: their options, and the loss they make."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from srkit.components.feature_losses.architectures import Vgg16Layer, Vgg19Layer
from srkit.components.feature_losses.loss import VggLoss, VggOptions, chosen_layers
from srkit.components.feature_losses.weights import Weights, find_trunk
from srkit.contracts import Shared

__all__ = ["vgg16", "vgg19"]

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]

UP_TO_CONV3_3: tuple[Vgg16Layer, ...] = (
    "conv1_1",
    "conv1_2",
    "conv2_1",
    "conv2_2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
)
REAL_ESRGAN: dict[Vgg19Layer, float] = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}


def vgg16(
    layers: tuple[Vgg16Layer, ...] | dict[Vgg16Layer, float] = UP_TO_CONV3_3,
    decay: Positive = 1.0,
    activation: Literal["before", "after"] = "before",
    criterion: Literal["mse", "l1"] = "mse",
    prescale: Annotated[int, Meta(ge=1)] = 1,
    prescale_transfer: Literal["none", "srgb"] | Positive = 2.2,
    shift: Count = 0,
    border: Count = 0,
    weights: Weights = "imagenet",
    shared: Shared | None = None,
) -> VggLoss:
    """Perceptual loss on VGG16's features: sharper, more believable texture than pixel losses.

    Johnson et al. 2016, arXiv 1603.08155; the network is Simonyan and Zisserman's, arXiv 1409.1556, in torchvision's
    layout without batch norm, frozen, on images normalized with ImageNet's mean and deviation. Defaults are the notes
    (experiments/notes.md): all seven convolutions up to conv3_3, before activation, mean squared error at each, summed.
    Layers after the last one chosen are not built; losses of one run share the network.

    SR and HR (B, 3, H, W) in [0, 1] -> each layer's part, a scalar with its weight in it; their sum is the loss. No
    gradient reaches HR.

    Args:
        layers: the convolutions compared: a list of names (weight 1 each) or a table of names and weights.
        decay: multiplies the weight of the second chosen layer, squared that of the third, and so on; 0.5 halves.
        activation: take features before the ReLU, which keeps negative responses, or after it.
        criterion: distance between features, the mean over all of them: mse or l1.
        prescale: see both images this many times smaller; sizes it does not divide lose pixels at right and bottom.
        prescale_transfer: average for prescale in linear light: an exponent, "srgb", or "none" to average plain values.
        shift: cut both images alike at a corner drawn from 0 to shift - 1 pixels, before prescale; 0 is off.
        border: pixels (after prescale) left out at each side; in features halved n times it is border / 2^n.
        weights: "imagenet" (downloaded once), "auto" (this machine's, else random features), "random" or a file's path.
        shared: builds the network once for all losses of a run.
    """
    options = VggOptions(
        layers=chosen_layers("vgg16", layers, decay),
        activation=activation,
        criterion=criterion,
        prescale=prescale,
        prescale_transfer=prescale_transfer,
        shift=shift,
        border=border,
    )
    return VggLoss(find_trunk("vgg16", weights, shared), options)


def vgg19(
    layers: tuple[Vgg19Layer, ...] | dict[Vgg19Layer, float] = REAL_ESRGAN,
    decay: Positive = 1.0,
    activation: Literal["before", "after"] = "before",
    criterion: Literal["mse", "l1"] = "l1",
    prescale: Annotated[int, Meta(ge=1)] = 1,
    prescale_transfer: Literal["none", "srgb"] | Positive = 2.2,
    shift: Count = 0,
    border: Count = 0,
    weights: Weights = "imagenet",
    shared: Shared | None = None,
) -> VggLoss:
    """Perceptual loss on VGG19's features, as SRGAN, ESRGAN and Real-ESRGAN use it.

    The network is Simonyan and Zisserman's, arXiv 1409.1556, in torchvision's layout without batch norm, frozen, on
    images normalized with ImageNet's mean and deviation. Defaults are Real-ESRGAN's (Wang et al. 2021, arXiv
    2107.10833): five layers before activation, weights 0.1, 0.1, 1, 1, 1, l1. SRGAN (arXiv 1609.04802): `layers =
    ["conv5_4"]`, `activation = "after"`, `criterion = "mse"`; ESRGAN (arXiv 1809.00219): `layers = ["conv5_4"]`. Layers
    after the last one chosen are not built; losses of one run share the network.

    SR and HR (B, 3, H, W) in [0, 1] -> each layer's part, a scalar with its weight in it; their sum is the loss. No
    gradient reaches HR. conv5_4 needs images of at least 16 pixels.

    Args:
        layers: the convolutions compared: a list of names (weight 1 each) or a table of names and weights.
        decay: multiplies the weight of the second chosen layer, squared that of the third, and so on; 0.5 halves.
        activation: take features before the ReLU, which keeps negative responses, or after it.
        criterion: distance between features, the mean over all of them: mse or l1.
        prescale: see both images this many times smaller; sizes it does not divide lose pixels at right and bottom.
        prescale_transfer: average for prescale in linear light: an exponent, "srgb", or "none" to average plain values.
        shift: cut both images alike at a corner drawn from 0 to shift - 1 pixels, before prescale; 0 is off.
        border: pixels (after prescale) left out at each side; in features halved n times it is border / 2^n.
        weights: "imagenet" (downloaded once), "auto" (this machine's, else random features), "random" or a file's path.
        shared: builds the network once for all losses of a run.
    """
    options = VggOptions(
        layers=chosen_layers("vgg19", layers, decay),
        activation=activation,
        criterion=criterion,
        prescale=prescale,
        prescale_transfer=prescale_transfer,
        shift=shift,
        border=border,
    )
    return VggLoss(find_trunk("vgg19", weights, shared), options)
