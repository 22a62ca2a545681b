"""What all components of a process share: none may change it for the others, and one that does is named."""

from __future__ import annotations

import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["STARTED_BY", "Patched", "SharedStateChanged", "left_alone"]

STARTED_BY = "started_by"
"""The attribute of a thread that says which component started it."""


class SharedStateChanged(UserWarning):
    """A component changed what others share; it was put back."""


class Patched(Exception):
    """A component replaced functions of torch; they are put back, and the message names them."""


@dataclass(frozen=True)
class _Kept:
    """One thing that is shared: how to read it, whether it is the same, how to put it back.

    Attributes:
        name: in words.
        read: its value now.
        put: sets it.
        is_same: whether two values are equal.
    """

    name: str
    read: Callable[[], Any]
    put: Callable[[Any], Any]
    is_same: Callable[[Any, Any], bool] = lambda one, other: one == other


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None  # it was removed


def _go_back(folder: Path | None) -> None:
    if folder is not None:
        os.chdir(folder)


_ALWAYS = (
    _Kept("the current folder", _folder, _go_back),
    _Kept("Python's random stream", random.getstate, random.setstate),
)


def _of_numpy(numpy: Any) -> tuple[_Kept, ...]:
    def same(one: Any, other: Any) -> bool:
        return one[2:] == other[2:] and bool((one[1] == other[1]).all())

    return (_Kept("NumPy's random stream", numpy.random.get_state, numpy.random.set_state, same),)


def _of_torch(torch: Any) -> tuple[_Kept, ...]:
    return (
        _Kept("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        _Kept("torch's default device", torch.get_default_device, lambda one: torch.set_default_device(one)),
        _Kept("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
        _Kept("whether torch takes gradients", torch.is_grad_enabled, torch.set_grad_enabled),
        _Kept(
            "whether torch is deterministic",
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        _Kept("torch's anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    )


def _stream_of_torch(torch: Any) -> tuple[_Kept, ...]:
    return (_Kept("torch's random stream", torch.get_rng_state, torch.set_rng_state, torch.equal),)


def _shared(*, torch_stream: bool) -> Iterator[_Kept]:
    yield from _ALWAYS
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if hasattr(numpy, "random"):
        yield from _of_numpy(numpy)
    if hasattr(torch, "get_default_device"):
        yield from _of_torch(torch)
        if torch_stream:
            yield from _stream_of_torch(torch)


def _namespaces() -> dict[str, Mapping[str, Any]]:
    """What code all over the place calls of torch, by where it stands."""
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "nn") or not hasattr(torch, "Tensor"):
        return {}
    nn = torch.nn
    found = {"torch": vars(torch), "torch.nn.functional": vars(nn.functional), "torch.Tensor": vars(torch.Tensor)}
    found["torch.nn"] = vars(nn)
    layers = {one for one in vars(nn).values() if isinstance(one, type) and issubclass(one, nn.Module)}
    return found | {f"torch.nn.{one.__name__}": vars(one) for one in layers}


def _is_torch_s(value: Any) -> bool:
    """Whether it is torch itself that replaced something of its own."""
    return str(getattr(value, "__module__", None) or "").partition(".")[0] == "torch"


def _patches(before: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Of each replaced function where it stands, its name and what was there; `_INHERITED` where it was a base's."""
    for place, now in _namespaces().items():
        then = before.get(place)
        if then is None or now == then:
            continue
        for name, new in now.items():
            old = then.get(name, _INHERITED)
            if new is old or not callable(new) or _is_torch_s(new):
                continue
            if callable(old) or (old is _INHERITED and _is_inherited(place, name)):
                yield place, name, old


_INHERITED = object()


def _is_inherited(place: str, name: str) -> bool:
    owner = _owner(place)
    return isinstance(owner, type) and any(name in vars(base) for base in owner.__mro__[1:-1])


def _restore(place: str, name: str, value: Any) -> None:
    if value is _INHERITED:
        delattr(_owner(place), name)
    else:
        setattr(_owner(place), name, value)


@contextmanager
def left_alone(who: str, when: str, *, torch_stream: bool = True, functions: bool = True) -> Iterator[None]:
    """While somebody's code is at work; what it changed that all share is put back afterwards, and it is named.

    Args:
        who: it, in words.
        when: what it did, such as "while it was built".
        torch_stream: whether torch's random stream is among it; where weights are drawn it is not.
        functions: whether to look for functions of torch that were replaced.

    Raises:
        Patched: functions of torch were replaced: what others compute would be something else.

    Warns:
        SharedStateChanged: anything else.
    """
    before = [(one, one.read()) for one in _shared(torch_stream=torch_stream)]
    namespaces = {place: dict(names) for place, names in _namespaces().items()} if functions else {}
    threads = set(threading.enumerate())
    try:
        yield
    finally:
        changed = [one for one, value in before if _put_back(one, value)]
        patched = list(_patches(namespaces))
        for place, name, value in patched:
            _restore(place, name, value)
        for thread in threading.enumerate():
            if thread not in threads and not thread.daemon:
                setattr(thread, STARTED_BY, who)
    if changed:
        names = ", ".join(one.name for one in changed)
        warnings.warn(
            f"{who} changed {names} {when}, which all components share; it was put back", SharedStateChanged, 3
        )
    if patched:
        names = ", ".join(f"{place}.{name}" for place, name, _ in patched)
        raise Patched(
            f"{who} replaced {names} {when}, which everything else calls too: no number could be compared any more. "
            "Call its own function by its own name"
        )


def _put_back(one: _Kept, value: Any) -> bool:
    """Whether it had been changed."""
    if one.is_same(one.read(), value):
        return False
    one.put(value)
    return True


def _owner(place: str) -> Any:
    owner: Any = sys.modules["torch"]
    for part in place.split(".")[1:]:
        owner = getattr(owner, part)
    return owner
