"""How the kit calls the components of each kind, and what it hands them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly import wants_views
from srkit.assembly.multiples import generated, multiple_of
from srkit.assembly.parts import as_module
from srkit.contracts import DiscriminatorOutput, GeneratorOutput, Views
from srkit.layer_outputs import needed_layers
from srkit.testing.needs import Offered, extras_for, features_for
from srkit.testing.rule import Broken
from srkit.testing.stock import Discriminator
from srkit.testing.subject import Calling, Inputs, Outputs, Size, Subject, draws, pictures

__all__ = ["CALLINGS", "judge", "views_of"]

SMALL: tuple[Size, ...] = ((8, 12), (16, 24), (32, 48), (64, 64))
LARGE: tuple[Size, ...] = ((24, 36), (48, 48), (64, 64), (128, 128), (192, 192), (256, 256))


EXTRAS = "Say so: claims = Claims(needs={'extras': ['{name}']}), from srkit.contracts."
LAYERS = "Say so in its class: needs_layers = ('{name}',)."


def _one_picture(subject: Subject, size: Size, batch: int, seed: int) -> Inputs:
    return [pictures(size, batch, seed)]


def _features(subject: Subject, size: Size, batch: int, seed: int) -> Inputs:
    return [pictures(size, batch, seed, subject.channels) - 0.5]


def _two_pictures(subject: Subject, size: Size, batch: int, seed: int) -> Inputs:
    hr = pictures(size, batch, seed)
    return [(hr + 0.1 * (pictures(size, batch, seed + 1000) - 0.5)).clamp(0, 1).mul(255).round() / 255, hr]


def tensor(value: Any, what: str) -> Tensor:
    """The value, which has to be a tensor."""
    if not isinstance(value, Tensor):
        raise Broken(f"It gives {what} as {_article(type(value).__name__)}.", "Give a torch tensor.")
    return value


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def _generate(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    if multiple_of(built) > 1:
        return {"sr": tensor(generated(built, *inputs), "the picture")}  # as the trainer's validation calls it
    output = built(*inputs)
    return {"sr": tensor(output.sr if isinstance(output, GeneratorOutput) else output, "the picture")}


def _transform(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    return {"output": tensor(built(*inputs), "its output")}


def _discriminate(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    (image,) = inputs
    forward = built.forward if isinstance(built, nn.Module) else built
    wants_lr = "lr" in inspect.signature(forward).parameters
    output = built(image, lr=F.avg_pool2d(image, 2)) if wants_lr else built(image)
    if isinstance(output, DiscriminatorOutput):
        named = {f"logits[{n}]": tensor(one, "logits") for n, one in enumerate(output.logits)}
        return named | {f"features[{n}]": tensor(one, "features") for n, one in enumerate(output.features)}
    return {"logits[0]": tensor(output, "logits")}


def judge() -> Discriminator:
    """The kit's discriminator, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return Discriminator()


def views_of(
    subject: Subject,
    built: Any,
    sr: Tensor,
    hr: Tensor,
    discriminator: nn.Module | None = None,
    downscale: Callable[[Tensor], Tensor] | None = None,
) -> Views:
    """One step's images as a loss gets them, with what it says that it needs beside them."""
    network = discriminator or judge().requires_grad_(False)
    needs = subject.claims.needs
    scale = needs.get("lr", 2)
    height, width = (side // scale * scale for side in hr.shape[-2:])  # as a run's batches are
    sr, hr = sr[..., :height, :width], hr[..., :height, :width]
    lr = F.avg_pool2d(hr, scale)

    def discriminate(image: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput([network(image)], features_for(needs.get("features", 3), network, image))

    return Views(
        sr=sr,
        hr=hr,
        lr=lr,
        step=1,
        draws=draws(len(hr)),
        downscale=downscale or (lambda image: F.avg_pool2d(image, 2)),
        discriminator=discriminate,
        extras=Offered("views.extras", EXTRAS, extras_for(needs.get("extras", ()), sr, lr)),
        make_ema_sr=lambda: (sr.detach() + hr) / 2,
        layers=Offered("views.layers", LAYERS, {name: _layer(sr) for name in needed_layers([built])}),
    )


def _layer(sr: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 6, H / 2, W / 2): what a generator's layer may have given on the way to this image."""
    small = F.avg_pool2d(sr, 2)
    return torch.cat([small, 1 - small], 1)


def parts(value: Any, what: str) -> Outputs:
    """A loss's value by the names of its parts."""
    named = value if isinstance(value, dict) else {what: value}
    return {str(name): tensor(one, f"its {what}") for name, one in named.items()}


def _lose(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    loss = as_module(built)
    return parts(loss(views_of(subject, built, inputs[0], inputs[1])) if wants_views(loss) else loss(*inputs), "loss")


def _play(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    generator = parts(built.generator_term(views_of(subject, built, inputs[0], inputs[1])), "generator_term")
    named = {f"generator {name}": value for name, value in generator.items()}
    return named | discriminator_terms(subject, built, inputs)


def discriminator_terms(subject: Subject, built: Any, inputs: Inputs, network: nn.Module | None = None) -> Outputs:
    """The discriminator's terms, as in its own step: fakes without graph, weights that train."""
    sr, hr = inputs
    views = views_of(subject, built, sr.detach(), hr, network or judge())
    with torch.enable_grad():  # a gradient penalty differentiates whatever the caller does
        terms = parts(built.discriminator_term(views), "discriminator_term")
    return {f"discriminator {name}": value for name, value in terms.items()}


def _shrink(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    (hr,) = inputs
    if built.works_on == "image":
        levels = (hr * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        small = [torch.from_numpy(built(level).copy()) for level in levels]
        return {"lr": torch.stack(small).permute(0, 3, 1, 2)}
    if "draws" in inspect.signature(built).parameters:
        return {"lr": tensor(built(hr, draws(len(hr))), "the LR picture")}
    return {"lr": tensor(built(hr), "the LR picture")}


def _spoil(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    (batch,) = inputs
    return {"output": tensor(built(batch, draws(len(batch))), "its output")}


def _measure(subject: Subject, built: Any, inputs: Inputs) -> Outputs:
    forward = built.forward if isinstance(built, nn.Module) else built
    named = inspect.signature(forward).parameters
    needed = [one for one in named.values() if one.default is one.empty]
    if "views" in named:
        value = built(views_of(subject, built, inputs[0], inputs[1]))
    else:
        value = built(*inputs) if len(needed) == 2 or "hr" in named else built(inputs[0])
    return {"value": torch.as_tensor(value)}


_LOSS = Calling(LARGE, _two_pictures, _lose)

CALLINGS = {
    "generators": Calling(SMALL, _one_picture, _generate),
    "blocks": Calling(SMALL, _features, _transform),
    "discriminators": Calling(LARGE, _one_picture, _discriminate),
    "pixel_losses": _LOSS,
    "feature_losses": _LOSS,
    "adversarial_losses": Calling(LARGE, _two_pictures, _play),
    "downscalers": Calling(LARGE[:3], _one_picture, _shrink),
    "degradations": Calling(LARGE[:3], _one_picture, _spoil),
    "lr_pipelines": Calling(LARGE[:3], _one_picture, _spoil),
    "metrics": Calling(LARGE, _two_pictures, _measure),
}
"""Kind -> how its components are called on pictures."""
