"""Parts that a component only looks through (`borrowed`): never trained, never saved, always in eval mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from srkit.errors import SrkitError
from srkit.registry.kinds import Kind

__all__ = ["lend"]


def lend(component: Any, kind: Kind) -> None:
    """Freeze what a component says is none of its own, and keep it out of what is saved of the component.

    Raises:
        SrkitError: it names something that is no part of it, or is a generator, whose files have to hold all of it.
    """
    if not isinstance(component, nn.Module):
        return
    if kind.plural == "generators" and _names(component):
        message = f"{type(component).__name__} has borrowed parts, and a generator's file has to hold all of it"
        raise SrkitError(f"{message}: freeze them by requires_grad_(False) in its place")
    for part in _parts(component):
        part.requires_grad_(False).eval()
    if _names(component):
        component.register_state_dict_post_hook(_left_out)
        component.register_load_state_dict_post_hook(_not_missed)
        component.register_forward_pre_hook(_in_eval_mode)


def _names(component: nn.Module) -> tuple[str, ...]:
    names = getattr(component, "borrowed", ())
    if not isinstance(names, (tuple, list)) or not all(isinstance(one, str) and one for one in names):
        raise SrkitError(f"borrowed = {names!r} of {type(component).__name__} has to be names of its parts")
    return tuple(names)


def _parts(component: nn.Module) -> Iterator[nn.Module]:
    for name in _names(component):
        try:
            yield component.get_submodule(name)
        except AttributeError:
            message = f"borrowed of {type(component).__name__} names {name!r}, and it has no such part"
            raise SrkitError(message) from None


def _left_out(component: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for key in [one for one in state if one.startswith(prefix) and _is_borrowed(component, one[len(prefix) :])]:
        del state[key]


def _not_missed(component: nn.Module, incompatible: Any) -> None:
    kept = [one for one in incompatible.missing_keys if not _is_borrowed(component, one)]
    incompatible.missing_keys[:] = kept


def _in_eval_mode(component: nn.Module, _: Any) -> None:
    for part in _parts(component):
        if part.training:
            part.eval()


def _is_borrowed(component: nn.Module, key: str) -> bool:
    return any(key.startswith(f"{name}.") for name in _names(component))
