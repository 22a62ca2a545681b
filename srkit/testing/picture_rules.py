"""Rules for downscalers, degradations and LR pipelines."""

from __future__ import annotations

import inspect
from functools import partial

import torch

from srkit.assembly.shrinking_again import passes_gradients
from srkit.data.lr_images import LrMaker
from srkit.errors import OptionError
from srkit.testing.called_rules import alike, attempt, odd_size, shaped
from srkit.testing.callings import tensor
from srkit.testing.rule import Broken, NotTried, Rule, sent_to_a_worker
from srkit.testing.subject import SCALES, Size, Subject, draws

__all__ = ["DEGRADATIONS", "DOWNSCALERS", "LR_PIPELINES"]

SLACK = 0.5
"""How far outside of [0, 1] a value may lie: kernels overshoot."""


def _says_where_it_works(subject: Subject) -> None:
    where = getattr(subject.build(), "works_on", None)
    if where not in ("image", "batch"):
        raise Broken(
            f"Its attribute `works_on` is {where!r}.",
            'Write `works_on = "image"` (uint8 (H, W, 3), in the loader) or `works_on = "batch"` (float tensors).',
        )


def _shrinks(subject: Subject, scale: int, size: Size, batch: int) -> None:
    built = subject.build(scale=scale)
    inputs = subject.inputs(size, batch)
    what = f"On a batch of shape {shaped(inputs[0])} at scale {scale}"
    (small,) = attempt(lambda: subject.called(built, inputs), what).values()
    wanted = (batch, 3, size[0] // scale, size[1] // scale)
    if tuple(small.shape) != wanted:
        raise Broken(
            f"{what} it makes {tuple(small.shape)}; expected {wanted}.",
            "Cut what the scale does not divide off at right and bottom first: hr[..., : h // scale * scale, ...].",
        )


def _shrinks_by_scale(subject: Subject) -> None:
    _shrinks(subject, subject.scale, subject.size, 2)


def _shrinks_odd(subject: Subject) -> None:
    _shrinks(subject, subject.scale, odd_size(subject.size), 1)


def _shrinks_at_each_scale(subject: Subject) -> None:
    for scale in SCALES:
        try:
            _shrinks(subject, scale, subject.size, 1)
        except OptionError:
            continue  # refusing a scale is what the contract asks for


def _dtype_is_kept(subject: Subject) -> None:
    built = subject.quiet()
    wanted = torch.uint8 if getattr(built, "works_on", "batch") == "image" else torch.float32
    (output,) = subject.called(built, subject.inputs()).values()
    if output.dtype != wanted:
        raise Broken(f"It gives {output.dtype}; expected {wanted}.", "Give back the dtype that came in.")


def _range_is_kept(subject: Subject) -> None:
    (output,) = subject.called(subject.quiet(), subject.inputs()).values()
    values = output.float() / (255 if output.dtype == torch.uint8 else 1)
    low, high = float(values.min()), float(values.max())
    if not (-SLACK <= low <= high <= 1 + SLACK) or not bool(values.isfinite().all()):
        raise Broken(
            f"Of pictures in [0, 1] it makes values from {low:.3g} to {high:.3g}.",
            "Pictures go from 0 to 1, not to 255.",
        )


def _grey_stays_grey(subject: Subject) -> None:
    inputs = [torch.full_like(subject.inputs()[0], 128 / 255)]
    (output,) = subject.called(subject.quiet(), inputs).values()
    values = output.float() / (255 if output.dtype == torch.uint8 else 1)
    if float((values - 128 / 255).abs().max()) > 1.5 / 255:
        raise Broken(
            f"A grey of {128 / 255:.3f} all over becomes {float(values.mean()):.3f}.",
            "The kernel's weights have to sum to 1, at the border too.",
        )


def _shape_is_a_picture(subject: Subject) -> None:
    for size, batch in ((subject.size, 2), (odd_size(subject.size), 1)):
        inputs = subject.inputs(size, batch)
        what = f"On a batch of shape {shaped(inputs[0])}"
        (output,) = attempt(partial(subject.called, subject.quiet(), inputs), what).values()
        if output.dim() != 4 or tuple(output.shape[:2]) != (batch, 3) or min(output.shape[2:]) < 1:
            raise Broken(
                f"Of a batch of shape {shaped(inputs[0])} it makes {tuple(output.shape)}; expected ({batch}, 3, h, w)."
            )


def _samples_are_apart(subject: Subject) -> None:
    """A sample's result is a function of its own stream, whoever shares the batch."""
    built, (batch,) = subject.quiet(), subject.inputs(batch=3)
    if not _takes_draws(subject):
        whole = next(iter(subject.called(built, [batch]).values()))
        alone = next(iter(subject.called(built, [batch[1:2]]).values()))
    else:
        with torch.no_grad():
            whole = tensor(built(batch.clone(), draws(3)), "its output")
            alone = tensor(built(batch[1:2].clone(), draws(1, first=1)), "its output")
    if not alike(whole[1:2], alone, 1e-3):
        raise Broken(
            "What becomes of a picture depends on which others share its batch.",
            "Take one number a sample from each call of `draws`, and no mean over the batch.",
        )


def _takes_draws(subject: Subject) -> bool:
    built = subject.build()
    call = built.forward if isinstance(built, torch.nn.Module) else built
    return "draws" in inspect.signature(call).parameters


def _is_driven_by_draws(subject: Subject) -> None:
    """The same streams under another seed of torch's global stream: nothing may change."""
    if not _takes_draws(subject):
        raise NotTried("it takes no draws")
    one = subject.called(subject.quiet(), subject.inputs(), seed=1)
    other = subject.called(subject.quiet(), subject.inputs(), seed=2)
    if not all(torch.equal(one[key], other[key]) for key in one):
        raise Broken("With the same draws it gives different results.", "Draw from `draws`, never from torch directly.")


def _pickles(subject: Subject) -> None:
    built = subject.quiet()
    copy = sent_to_a_worker(built, "No lambdas, open files or local classes in its attributes.")
    one, other = subject.called(built, subject.inputs()), subject.called(copy, subject.inputs())
    if not all(torch.equal(one[key], other[key]) for key in one):
        raise Broken("After pickling it gives another result.", "Hold everything it needs in its attributes.")


_DTYPE = Rule("dtype", "it gives back the dtype that came in", _dtype_is_kept)
_RANGE = Rule("range", "pictures stay about in [0, 1]", _range_is_kept, ("runs", "dtype"))
_APART = Rule(
    "apart",
    "a picture's result is its own, whoever shares the batch",
    _samples_are_apart,
    ("runs", "deterministic", "random-streams", "stateless"),
)
_DRAWS = Rule(
    "draws", "all randomness comes from `draws`", _is_driven_by_draws, ("runs", "deterministic", "random-streams")
)
_PICKLES = Rule("pickles", "it can be sent to another process", _pickles, ("runs", "deterministic", "stateless"))
_SHRINKING = (
    Rule("shape", "the picture is `scale` times smaller", _shrinks_by_scale),
    Rule("odd-sizes", "what `scale` does not divide is cut off", _shrinks_odd, ("runs", "shape")),
    Rule("scales", "it does each scale or says that it cannot", _shrinks_at_each_scale, ("runs", "shape")),
)


def _passes_gradients(subject: Subject) -> None:
    built = subject.quiet()
    if built.works_on == "image":
        raise NotTried("it works on decoded images, which have none")
    if not passes_gradients(LrMaker(built), subject.scale, torch.device("cpu")):
        raise Broken(
            "No gradient comes back through it, so a loss that shrinks the generator's image learns nothing.",
            'No .detach(), NumPy, rounding or torch.no_grad() on the way; or works_on = "image".',
        )


DOWNSCALERS = (
    Rule("works-on", "it says whether it works on an image or a batch", _says_where_it_works, ("builds",)),
    *_SHRINKING,
    _DTYPE,
    _RANGE,
    Rule("grey", "an even grey stays the same grey", _grey_stays_grey, ("runs", "dtype", "range")),
    _APART,
    _DRAWS,
    Rule("gradients", "a gradient comes back through it", _passes_gradients, ("runs", "works-on")),
    _PICKLES,
)
DEGRADATIONS = (
    Rule("shape", "pictures stay pictures, at any size", _shape_is_a_picture),
    _DTYPE,
    _RANGE,
    _APART,
    _DRAWS,
    _PICKLES,
)
LR_PIPELINES = (*_SHRINKING, _DTYPE, _RANGE, _APART, _DRAWS, _PICKLES)
