"""Rules for pixel, feature and adversarial losses, and for metrics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly import wants_views
from srkit.assembly.parts import as_module
from srkit.assembly.shrinking_again import needs_downscale
from srkit.testing.called_rules import alike, attempt, odd_size, shaped, weights_of
from srkit.testing.callings import discriminator_terms, judge, views_of
from srkit.testing.rule import Broken, NotTried, Rule
from srkit.testing.subject import Outputs, Subject

__all__ = ["ADVERSARIAL_LOSSES", "LOSSES", "METRICS"]


def _is_scalar(subject: Subject) -> None:
    for name, value in subject.called(subject.quiet(), subject.inputs()).items():
        if value.numel() != 1 or not value.is_floating_point():
            raise Broken(
                f"Its {name} is a tensor {tuple(value.shape)} of {value.dtype}; expected one number.",
                "End with .mean(), or give a dict of named scalars.",
            )


def _takes_odd_sizes(subject: Subject) -> None:
    inputs = subject.inputs(odd_size(subject.size), 1)
    attempt(lambda: subject.called(subject.quiet(), inputs), f"On pictures of shape {shaped(inputs[0])}")


def _teaches(subject: Subject) -> None:
    sr, hr = subject.inputs()
    total = _total(subject.call(subject.build(), [sr.requires_grad_(), hr]), "generator")
    if not total.requires_grad:
        raise Broken("Its value has no gradient.", "No torch.no_grad(), .detach() or .item() on the way from sr.")
    total.backward()
    if sr.grad is None or not bool(sr.grad.abs().sum() > 0):
        raise Broken("No gradient reaches the generator's picture, so the loss teaches nothing.", "No .detach() on sr.")


def _total(outputs: Outputs, player: str) -> torch.Tensor:
    """The sum of a loss's parts; of an adversarial loss, of one player's."""
    both = any(name.startswith("discriminator ") for name in outputs)
    own = [value for name, value in outputs.items() if not both or name.startswith(player)]
    return torch.stack([value.reshape(()) for value in own]).sum()


def _is_finite_when_equal(subject: Subject) -> None:
    _, hr = subject.inputs()
    sr = hr.clone().requires_grad_()
    total = _total(subject.call(subject.build(), [sr, hr]), "generator")
    if not bool(total.isfinite()):
        raise Broken(f"For two equal pictures its value is {total.item()}.")
    if not total.requires_grad:
        raise NotTried("its value has no gradient there")
    total.backward()
    if sr.grad is not None and not bool(sr.grad.isfinite().all()):
        raise Broken(
            "For two equal pictures its value is finite and its gradient is not, which ends a run.",
            "A square root needs something small and positive in it: (x**2 + 1e-12).sqrt().",
        )


def _is_a_mean_over_samples(subject: Subject) -> None:
    built, inputs = subject.quiet(), subject.inputs()
    once = subject.called(built, inputs)
    twice = subject.called(built, [torch.cat([one, one]) for one in inputs])
    if not all(alike(once[name], twice[name], 1e-3) for name in once):
        raise Broken(
            "Of a batch that holds each picture twice the loss is another.",
            "Take the mean over the batch, so that a weight means the same whatever the batch size.",
        )


def _own_weights_learn(subject: Subject) -> None:
    built = as_module(subject.build())
    if not weights_of(built):
        raise NotTried("it has no weights that train")
    total = _total(subject.call(built, subject.inputs()), "generator")
    if not total.requires_grad:
        raise Broken("Its value does not depend on its own weights.", "Use them, or set requires_grad_(False).")
    total.backward()
    missing = [name for name, one in weights_of(built) if one.grad is None]
    if missing:
        raise Broken(f"No gradient reaches {', '.join(missing[:4])}.", "Use it, or set requires_grad_(False).")


def _discriminator_learns(subject: Subject) -> None:
    network = judge()
    total = _total(discriminator_terms(subject, subject.build(), subject.inputs(), network), "discriminator")
    if total.requires_grad:
        total.backward()
    if any(one.grad is None for one in network.parameters()):
        raise Broken(
            "discriminator_term gives the discriminator no gradient.",
            "Ask views.discriminator for the logits of hr and of sr, without torch.no_grad().",
        )


def _says_that_it_shrinks(subject: Subject) -> None:
    """Call it with a downscaler that has no gradient, as those on decoded images."""
    loss = subject.build()
    is_adversarial = hasattr(loss, "generator_term")
    if not is_adversarial and not wants_views(loss):
        raise NotTried("it takes two images")
    call = loss.generator_term if is_adversarial else as_module(loss)
    asked: list[bool] = []

    def downscale(image: Tensor) -> Tensor:
        asked.append(image.requires_grad and torch.is_grad_enabled())
        return F.avg_pool2d(image, 2)

    sr, hr = subject.inputs()
    call(views_of(subject, loss, sr.requires_grad_(), hr, downscale=downscale))
    says = needs_downscale(loss)
    if any(asked) and not says:
        raise Broken(
            "It asks views.downscale for a gradient and does not say so; most experiments' downscaler has none.",
            "Write `needs_downscale = True` into the class: then srkit check tells which downscaler will do.",
        )
    if says and not any(asked):
        raise Broken("It says needs_downscale = True and asks views.downscale for no gradient.", "Leave it out.")


_SCALAR = Rule("scalar", "it gives one number, or a dict of named ones", _is_scalar)
_ODD = Rule("odd-sizes", "any size will do, and a single picture", _takes_odd_sizes)
_GRADIENT = Rule("gradients", "a gradient reaches the generator's picture", _teaches, ("runs", "scalar", "inputs"))
_FINITE = Rule(
    "equal-pictures", "two equal pictures give finite numbers", _is_finite_when_equal, ("runs", "scalar", "inputs")
)
_SHRINKS = Rule("downscale", "it says so where it needs a gradient through the downscaler", _says_that_it_shrinks)
_MEAN = Rule("batch-mean", "it is a mean over the batch", _is_a_mean_over_samples, ("runs", "scalar", "deterministic"))

LOSSES = (
    _SCALAR,
    _ODD,
    _GRADIENT,
    _FINITE,
    _MEAN,
    _SHRINKS,
    Rule(
        "own-weights", "a gradient reaches every weight of its own that trains", _own_weights_learn, ("runs", "scalar")
    ),
)
ADVERSARIAL_LOSSES = (
    _SCALAR,
    _ODD,
    _GRADIENT,
    _FINITE,
    _MEAN,
    _SHRINKS,
    Rule("discriminator-gradients", "the discriminator's term teaches it", _discriminator_learns, ("runs", "scalar")),
)


def _says_what_it_is(subject: Subject) -> None:
    built = subject.build()
    if not isinstance(getattr(built, "unit", None), str):
        raise Broken("It has no attribute `unit`.", 'Write `unit = "dB"` into the class, or `unit = ""` for none.')
    if not isinstance(getattr(built, "higher_is_better", None), bool):
        raise Broken("It has no attribute `higher_is_better`.", "Write `higher_is_better = True` or False.")


def _one_number_an_image(subject: Subject) -> None:
    built = subject.quiet()
    for batch in (2, 1):
        (value,) = subject.called(built, subject.inputs(batch=batch)).values()
        if tuple(value.shape) != (batch,) or not value.is_floating_point():
            raise Broken(
                f"Of a batch of {batch} it makes a tensor {tuple(value.shape)} of {value.dtype}; expected ({batch},).",
                "Take the mean over channels and pixels alone: .mean((1, 2, 3)).",
            )


def _images_are_apart(subject: Subject) -> None:
    built, inputs = subject.quiet(), subject.inputs()
    (together,) = subject.called(built, inputs).values()
    alone = [next(iter(subject.called(built, [one[n : n + 1] for one in inputs]).values())) for n in range(2)]
    if not alike(together, torch.cat(alone).to(together), 1e-3):
        raise Broken("An image's number depends on the other images of its batch.")


def _better_is_better(subject: Subject) -> None:
    built = subject.quiet()
    _, hr = subject.inputs()
    if isinstance(built, nn.Module) and any(one.requires_grad for one in built.parameters()):
        built.requires_grad_(False)
    noisy = (hr + 0.5 * (subject.inputs(seed=9)[1] - 0.5)).clamp(0, 1)
    (clean,) = subject.called(built, [hr, hr]).values()
    (bad,) = subject.called(built, [noisy, hr]).values()
    better = (clean > bad) if built.higher_is_better else (clean < bad)
    if not bool(better.all()):
        raise Broken(
            f"The original itself gets {float(clean[0]):.4g}, a noisy picture {float(bad[0]):.4g}, while higher is "
            f"said to be {'better' if built.higher_is_better else 'worse'}.",
            "Set `higher_is_better` the other way.",
        )


METRICS = (
    Rule("named", "it has a unit and says which way is better", _says_what_it_is, ("builds",)),
    Rule("numbers", "it gives one number for each image", _one_number_an_image),
    Rule("apart", "an image's number is its own", _images_are_apart, ("runs", "numbers", "deterministic")),
    Rule("direction", "the original is better than a noisy picture", _better_is_better, ("runs", "named", "numbers")),
    _ODD,
)
