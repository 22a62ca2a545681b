"""Networks that a file describes: built without memory first, and only as large as the file's own weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from srkit.errors import FAILURES, UserError, in_short

__all__ = ["TooLarge", "built_to_fit", "no_larger_than"]

MORE_BYTES = 256_000_000
"""What a network may hold beside four times its file's weights: masks and the like, which are not saved."""

MORE_PARTS = 5_000
PARTS_A_TENSOR = 50


class TooLarge(UserError):
    """A file describes a network that is not the one whose weights it holds."""


@contextmanager
def no_larger_than(tensors: Mapping[str, Tensor], file: Path) -> Iterator[None]:
    """Let this thread build a network only as large as a file's weights make plausible; it ends before memory is used.

    Raises:
        TooLarge: it would have more, or larger, parts.
    """
    stored = sum(one.numel() * one.element_size() for one in tensors.values())
    most_bytes, most_parts = 4 * stored + MORE_BYTES, PARTS_A_TENSOR * len(tensors) + MORE_PARTS
    thread, counted = threading.get_ident(), {"parts": 0, "bytes": 0}

    def count(_: nn.Module, name: str, part: Any) -> None:
        if threading.get_ident() != thread:
            return
        counted["parts"] += 1
        if isinstance(part, Tensor):
            counted["bytes"] += part.numel() * part.element_size()
        if counted["parts"] > most_parts or counted["bytes"] > most_bytes:
            raise TooLarge(
                f"{file}: what it says of its network is far larger than its {len(tensors)} weights of "
                f"{stored / 1e6:.3g} MB; it is not built"
            )

    with ExitStack() as held:
        for register in (
            hooks.register_module_parameter_registration_hook,
            hooks.register_module_buffer_registration_hook,
            hooks.register_module_module_registration_hook,
        ):
            held.callback(register(count).remove)
        yield


def built_to_fit(
    build: Callable[[], nn.Module],
    tensors: Mapping[str, Tensor],
    file: Path,
    check: Callable[[Mapping[str, Tensor]], None],
) -> nn.Module:
    """The network, after one on the meta device was held against the file's shapes.

    Args:
        build: makes it.
        tensors: the file's, which may be on the meta device.
        file: for messages.
        check: raises unless a network's state goes with the file's; is handed the state.

    Raises:
        TooLarge: it is larger than the file's weights.
        UserError: it cannot be built.
    """
    outline: nn.Module | None = None
    # own code may compute with real numbers while it is made: the second building, as bounded as this one, tells
    with _clear_errors(file), suppress(RuntimeError), no_larger_than(tensors, file), torch.device("meta"):
        outline = build()
    if outline is not None:
        check(outline.state_dict())
    with _clear_errors(file), no_larger_than(tensors, file):
        return build()


@contextmanager
def _clear_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except FAILURES as error:  # a component of anyone's, with options of a stranger's
        raise UserError(f"{file}: the network it describes cannot be built ({in_short(error)[:200]})") from error
