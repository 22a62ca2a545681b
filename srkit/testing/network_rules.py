"""Rules for generators, blocks and discriminators."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from srkit.errors import OptionError
from srkit.testing.called_rules import alike, attempt, odd_size, shaped, weights_of
from srkit.testing.exporting import EXPORTED
from srkit.testing.limits import in_short
from srkit.testing.rule import Broken, NotTried, Rule
from srkit.testing.subject import CHANNELS, SCALES, Outputs, Subject

__all__ = ["BLOCKS", "DISCRIMINATORS", "GENERATORS"]


def _shapes_fit(
    subject: Subject, times: int, sizes: list[tuple[int, tuple[int, int]]], fix: str = "", **given: int
) -> None:
    built = subject.build(**given).eval()
    for batch, size in sizes:
        inputs = subject.inputs(size, batch)
        outputs = attempt(partial(subject.called, built, inputs), f"On a batch of shape {shaped(inputs[0])}", fix)
        wanted = (*inputs[0].shape[:2], size[0] * times, size[1] * times)
        for value in outputs.values():
            if tuple(value.shape) != wanted:
                raise Broken(
                    f"Of a batch of shape {shaped(inputs[0])} it makes {tuple(value.shape)}; expected {wanted}.", fix
                )


_PAD = "What is halved inside loses a pixel of an odd side: pad first (F.pad), and cut the surplus off again."


def _enlarges(subject: Subject) -> None:
    fix = "End with nn.PixelShuffle(scale), or enlarge by F.interpolate(x, scale_factor=scale)."
    _shapes_fit(subject, subject.scale, [(2, subject.size)], fix)


def _enlarges_odd(subject: Subject) -> None:
    _shapes_fit(subject, subject.scale, [(1, odd_size(subject.size))], _PAD)


def _enlarges_at_each_scale(subject: Subject) -> None:
    for scale in SCALES:
        if scale == subject.scale:
            continue
        try:
            _shapes_fit(subject, scale, [(1, subject.size)], scale=scale)
        except OptionError:
            continue  # refusing a scale is what the contract asks for
        except Broken:
            raise
        except Exception as error:
            raise Broken(
                f"Built with scale = {scale} it fails with {in_short(error)}.",
                "Raise OptionError('scale', 'the reason and what is possible') for what it cannot do.",
            ) from error


def _keeps_the_shape(subject: Subject) -> None:
    fix = "As many channels out as in, and padding=kernel // 2 (times the dilation) in each convolution."
    _shapes_fit(subject, 1, [(2, subject.size)], fix)


def _keeps_odd_shapes(subject: Subject) -> None:
    _shapes_fit(subject, 1, [(1, odd_size(subject.size))], _PAD)


def _takes_other_channels(subject: Subject) -> None:
    own = subject.channels
    for channels in CHANNELS[:3]:
        try:
            built = subject.build(channels=channels).eval()
        except OptionError:
            continue  # refusing a number of channels is what the contract asks for
        except Exception as error:
            raise Broken(
                f"Built with {channels} channels it fails with {in_short(error)}.",
                "Raise OptionError('channels', 'the reason and what is possible') for what it cannot do.",
            ) from error
        subject.channels = channels
        try:
            inputs = subject.inputs()
            (output,) = attempt(partial(subject.called, built, inputs), f"With {channels} channels").values()
        finally:
            subject.channels = own
        if output.shape != inputs[0].shape:
            raise Broken(
                f"With {channels} channels it makes {tuple(output.shape)} of a batch of shape {shaped(inputs[0])}.",
                "Use the `channels` it is built with, and no number of its own.",
            )


def _is_float(subject: Subject) -> None:
    for name, value in subject.called(subject.quiet(), subject.inputs()).items():
        if value.dtype != torch.float32:
            raise Broken(f"Of float32 pictures it makes {name} as {value.dtype}.", "Compute in the input's own dtype.")


def _gradients_arrive(subject: Subject) -> None:
    built = subject.module()
    if not weights_of(built):
        raise NotTried("it has no weights that train")
    outputs = _trained(subject, built, subject.inputs())
    sum(value.float().square().mean() for value in outputs.values() if value.requires_grad).backward()  # type: ignore[union-attr]  # a sum of tensors
    missing = [name for name, one in weights_of(built) if one.grad is None]
    if missing:
        raise Broken(
            f"No gradient reaches {', '.join(missing[:4])}{' and others' if missing[4:] else ''}.",
            "Use it in forward, do not build it, or set requires_grad_(False) where it is not to train.",
        )


def _trained(subject: Subject, built: torch.nn.Module, inputs: list[Tensor]) -> Outputs:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        outputs = attempt(lambda: subject.call(built.train(), inputs), "In training mode")
    if not any(value.requires_grad for value in outputs.values()):
        raise Broken("Its output has no gradient.", "No torch.no_grad() and no .detach() on the way to the output.")
    return outputs


def _passes_gradients(subject: Subject) -> None:
    built = subject.module()
    inputs = [one.requires_grad_() for one in subject.inputs()]
    outputs = attempt(lambda: subject.call(built, inputs), "With a picture that wants a gradient")
    logits = [value for name, value in outputs.items() if not name.startswith("features")]
    if not all(value.requires_grad for value in logits):
        raise Broken("Its output has no gradient.", "No torch.no_grad() and no .detach() on the way to the output.")
    sum(value.sum() for value in logits).backward()  # type: ignore[union-attr]  # a sum of tensors
    if inputs[0].grad is None or not bool(inputs[0].grad.abs().sum() > 0):
        raise Broken("No gradient reaches its input, so nothing before it can learn.", "No .detach() on the input.")


def _gives_logits(subject: Subject) -> None:
    _are_logits(subject, 2, subject.size)


def _gives_logits_of_odd(subject: Subject) -> None:
    _are_logits(subject, 1, odd_size(subject.size))


def _are_logits(subject: Subject, batch: int, size: tuple[int, int]) -> None:
    outputs = attempt(lambda: subject.called(subject.quiet(), subject.inputs(size, batch)), f"On {batch} x 3 x {size}")
    logits = {name: value for name, value in outputs.items() if name.startswith("logits")}
    if not logits:
        raise Broken("It gives no logits.")
    for name, value in logits.items():
        if value.dim() not in (2, 4) or tuple(value.shape[:2]) != (batch, 1):
            wanted = f"({batch}, 1, H', W') or ({batch}, 1)"
            raise Broken(
                f"Of a batch of {batch} its {name} are {tuple(value.shape)}; expected {wanted}.",
                "End with a convolution to one channel, or with a linear layer to one number.",
            )


def _border_is_as_claimed(subject: Subject) -> None:
    border = subject.claims.border
    if border is None:
        raise NotTried("it claims nothing of its border")
    cut, scale = 4, subject.scale if subject.pick.component.kind.plural == "generators" else 1
    (whole,) = subject.inputs((2 * border + cut + 9, 2 * border + cut + 11), 1)
    built = subject.quiet()
    (wide,) = subject.called(built, [whole]).values()
    (narrow,) = subject.called(built, [whole[..., cut:, cut:].contiguous()]).values()
    inner = (Ellipsis, slice(border * scale, None), slice(border * scale, None))
    if not alike(wide[..., cut * scale :, cut * scale :][inner], narrow[inner]):
        raise Broken(
            f"Of a picture cut {cut} pixels smaller it makes another inside, more than {border} pixels from the cut.",
            "Claim a wider border (the receptive field's radius), or none.",
        )


_NETWORK = (
    Rule("dtype", "float32 in, float32 out", _is_float),
    Rule("gradients", "a gradient reaches every weight that trains", _gradients_arrive),
    Rule("input-gradient", "a gradient reaches its input", _passes_gradients, ("runs", "inputs")),
)
_BORDER = Rule("border", "far from the border the border does not matter, as claimed", _border_is_as_claimed)

GENERATORS = (
    Rule("shape", "the picture is `scale` times larger", _enlarges),
    Rule("odd-sizes", "any size will do, and a single picture", _enlarges_odd, ("runs", "shape")),
    Rule("scales", "it does each scale or says that it cannot", _enlarges_at_each_scale, ("runs", "shape")),
    *_NETWORK,
    _BORDER,
    *EXPORTED,
)
BLOCKS = (
    Rule("shape", "it keeps the shape", _keeps_the_shape),
    Rule("odd-sizes", "any size will do, and a single picture", _keeps_odd_shapes, ("runs", "shape")),
    Rule(
        "channels", "it does each number of channels or says that it cannot", _takes_other_channels, ("runs", "shape")
    ),
    *_NETWORK,
    _BORDER,
    *EXPORTED,
)
DISCRIMINATORS = (
    Rule("shape", "it gives one logit for the picture or for each place", _gives_logits),
    Rule("odd-sizes", "any size will do, and a single picture", _gives_logits_of_odd, ("runs", "shape")),
    *_NETWORK,
    *EXPORTED,
)
