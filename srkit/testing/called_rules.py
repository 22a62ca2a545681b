"""Rules for whatever is called on pictures: it runs, repeats itself, and leaves alone what is not its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from srkit.errors import FAILURES
from srkit.shared_state import Patched, SharedStateChanged, left_alone
from srkit.testing.globals import random_states, settings, unusual_streams
from srkit.testing.limits import in_short
from srkit.testing.rule import Broken, NotTried, Rule
from srkit.testing.subject import Outputs, Size, Subject, refused

__all__ = ["CALLED", "MODULE", "alike", "attempt", "differ", "odd_size", "shaped", "weights_of"]


def attempt(call: Callable[[], Outputs], what: str, fix: str = "") -> Outputs:
    """What a call gives; `fix` is the usual way out where it fails.

    Raises:
        NotTried: it refuses plainly (a `UserError`, such as a picture that is too small).
        Broken: it fails in another way.
    """
    try:
        return call()
    except (Broken, NotTried):
        raise
    except FAILURES as error:
        plainly = refused(error)
        if plainly is not None:
            raise plainly from error
        raise Broken(f"{what}, it fails with {in_short(error)}.", fix) from error


def shaped(batch: Tensor) -> str:
    """A batch's shape, with what its numbers are."""
    return f"(batch, channels, height, width) = {tuple(batch.shape)}"


def alike(one: Tensor, other: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two results are the same but for rounding, relative to their size."""
    if one.shape != other.shape:
        return False
    one, other = one.detach().double(), other.detach().double()
    return bool(
        torch.allclose(one, other, rtol=tolerance, atol=tolerance * max(1.0, float(other.abs().max())), equal_nan=True)
    )


def differ(one: Outputs, other: Outputs, tolerance: float | None = None) -> bool:
    """Whether two results differ; to the last bit, or by more than a tolerance."""
    if one.keys() != other.keys():
        return True
    if tolerance is not None:
        return not all(alike(one[key], other[key], tolerance) for key in one)
    return any(
        one[key].shape != other[key].shape or not torch.equal(one[key].nan_to_num(), other[key].nan_to_num())
        for key in one
    )


def odd_size(size: Size) -> Size:
    """Sides that nothing divides, a little larger."""
    return size[0] + 5, size[1] + 1


def _runs(subject: Subject) -> None:
    outputs = attempt(lambda: subject.called(subject.quiet(), subject.inputs()), "On a batch of two pictures")
    for name, value in outputs.items():
        if value.is_floating_point() and bool(value.isnan().any()):
            raise Broken(
                f"Its {name} holds NaN for ordinary pictures.",
                "Look for a division by zero, and for a root or logarithm of something that can be negative.",
            )


def _is_deterministic(subject: Subject) -> None:
    inputs = subject.inputs()
    if differ(subject.called(subject.quiet(), inputs), subject.called(subject.quiet(), subject.inputs())):
        raise Broken(
            "Built twice from one seed and called on the same pictures, it gives two different results.",
            "Draw from the `draws` it is handed; where there are none, from torch's global stream while it is built.",
        )


def _is_stateless(subject: Subject) -> None:
    built = subject.quiet()
    first = {key: value.clone() for key, value in subject.called(built, subject.inputs()).items()}
    subject.called(built, subject.inputs(seed=2))
    if differ(first, subject.called(built, subject.inputs())):
        raise Broken(
            "Called on A, then on B, then on A again, it gives another result for A.",
            "Keep nothing from one call to the next; what trains belongs into parameters and buffers.",
        )


def _leaves_streams_alone(subject: Subject) -> None:
    built = subject.quiet()
    with unusual_streams(), torch.no_grad():
        before = random_states()
        subject.call(built, subject.inputs())
        after = random_states()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise Broken(
            f"A call changes {', '.join(changed)}.",
            "Draw from `draws`; dropout draws in training only (nn.Dropout, or F.dropout(x, p, self.training)).",
        )


def _leaves_settings_alone(subject: Subject) -> None:
    built = subject.quiet()
    before = settings()
    subject.call(built, subject.inputs())
    after = settings()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise Broken(
            f"A call changes a setting of the whole process: {', '.join(changed)}.",
            "Do without, or put the old value back before the call returns.",
        )


def _leaves_functions_alone(subject: Subject) -> None:
    built = subject.quiet()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SharedStateChanged)
            with left_alone("It", "in a call"):
                subject.call(built, subject.inputs())
    except Patched as error:
        raise Broken(f"{error}.") from None


def _leaves_inputs_alone(subject: Subject) -> None:
    built, inputs = subject.quiet(), subject.inputs()
    copies, versions = [one.clone() for one in inputs], [one._version for one in inputs]
    subject.called(built, inputs)
    # torch counts what it writes, also where the same numbers come out; numpy's writing shows in the numbers alone
    is_written = any(one._version != version for one, version in zip(inputs, versions, strict=True))
    if is_written or any(not torch.equal(one, copy) for one, copy in zip(inputs, copies, strict=True)):
        raise Broken(
            "It writes into the tensor that it is handed.",
            "No in-place operation on an input: `x = x * 2`, not `x *= 2`; no inplace=True in the first layer.",
        )


CALLED = (
    Rule("runs", "it runs on a batch of small pictures", _runs, ("builds",)),
    Rule("deterministic", "built from one seed, it gives one result", _is_deterministic),
    Rule("stateless", "a result does not depend on earlier calls", _is_stateless, ("runs", "deterministic")),
    Rule("random-streams", "it leaves the global random streams alone", _leaves_streams_alone, ("runs",)),
    Rule("settings", "it leaves the settings of the process alone", _leaves_settings_alone),
    Rule("functions", "it leaves torch's own functions alone", _leaves_functions_alone),
    Rule("inputs", "it does not write into its inputs", _leaves_inputs_alone),
)


def _takes_channels_last(subject: Subject) -> None:
    built, inputs = subject.module().eval(), subject.inputs()
    wanted = subject.called(built, subject.inputs())
    built = built.to(memory_format=torch.channels_last)
    last = [one.to(memory_format=torch.channels_last) for one in inputs]
    fix = "Use reshape or flatten in the place of view."
    given = attempt(lambda: subject.called(built, last), "In the memory format channels_last", fix)
    if differ(wanted, given, 1e-3):
        raise Broken("In the memory format channels_last it gives another result.", fix)


def _runs_in_bf16(subject: Subject) -> None:
    built, inputs = subject.module(), subject.inputs()
    if len(inputs) == 2:
        inputs[0] = inputs[0].bfloat16()  # the generator's picture as it comes out of autocast

    def call() -> Outputs:
        with torch.autocast("cpu", torch.bfloat16):
            return subject.called(built, inputs)

    outputs = attempt(
        call,
        "Under autocast to bfloat16",
        "Bring what is put together to one type: y.to(x.dtype), or x.float() for both.",
    )
    if any(not bool(value.float().isfinite().all()) for value in outputs.values()):
        raise Broken("Under autocast to bfloat16 it gives numbers that are not finite.")


def _survives_saving(subject: Subject) -> None:
    from safetensors.torch import load_file, save_file

    first, second = subject.module(0).eval(), subject.module(1).eval()
    file = subject.folder / "state.safetensors"
    save_file({key: value.clone().contiguous() for key, value in first.state_dict().items()}, file)
    try:
        second.load_state_dict(load_file(file))
    except RuntimeError as error:
        raise Broken(f"Its saved state cannot be loaded: {' '.join(str(error).split())[:200]}.") from None
    if differ(subject.called(first, subject.inputs()), subject.called(second, subject.inputs())):
        raise Broken(
            "Saved, and loaded into a fresh one, it gives another result: something it holds is not saved.",
            "Hold what is learned or drawn in nn.Parameter or register_buffer, not in a plain attribute or a list.",
        )


def _is_settled_by_eval(subject: Subject) -> None:
    built = subject.module()
    built.eval()
    if any(one.training for one in built.modules()):
        raise Broken("After eval() a part of it is still in training mode.", "Call super().train(mode) in `train`.")
    before = {key: value.clone() for key, value in built.state_dict().items()}
    subject.called(built, subject.inputs())
    changed = [key for key, value in built.state_dict().items() if not torch.equal(value, before[key])]
    if changed:
        raise Broken(
            f"In evaluation mode a call changes its {', '.join(map(repr, changed[:4]))}.",
            "Update that only where self.training is true.",
        )
    if not built.train().training:
        raise Broken("After train() it is not in training mode.", "Call super().train(mode) in `train`.")


MODULE = (
    Rule(
        "channels-last",
        "the memory format channels_last changes nothing",
        _takes_channels_last,
        ("runs", "stateless", "random-streams"),
    ),
    Rule("bf16", "it runs under autocast to bfloat16", _runs_in_bf16),
    Rule("saved", "saved and loaded it is the same", _survives_saving, ("runs", "stateless", "random-streams")),
    Rule("eval-mode", "eval() settles it and train() wakes it", _is_settled_by_eval),
)


def weights_of(built: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that train, by name."""
    return [(name, one) for name, one in built.named_parameters() if one.requires_grad]
