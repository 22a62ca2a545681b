"""What single layers of a network give in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from srkit.errors import UserError, nearest

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["layer_outputs", "needed_layers", "require_layers"]


def needed_layers(losses: Iterable[Any]) -> tuple[str, ...]:
    """The generator's layers that losses name in `needs_layers`, each once.

    Raises:
        UserError: a loss says something that is no sequence of names.
    """
    found: dict[str, None] = {}
    for loss in losses:
        owner = getattr(loss, "function", loss)
        names = getattr(owner, "needs_layers", ())
        if not isinstance(names, (tuple, list)) or not all(isinstance(one, str) for one in names):
            raise UserError(f"needs_layers = {names!r} of {type(owner).__name__} has to be names of layers")
        found |= dict.fromkeys(names)
    return tuple(found)


def require_layers(network: nn.Module, names: Sequence[str]) -> None:
    """Refuse names of layers that the network has not.

    Raises:
        UserError: naming the first of them, with the nearest that it has.
    """
    known = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in known:
            least = [one for one in known if "." not in one]
            hint = nearest(name, known) or f"It has {', '.join(least)}" + (" and what is in them." if least else "")
            raise UserError(f"{type(network).__name__} has no layer {name!r}. {hint}")


@contextmanager
def layer_outputs(network: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """While inside, what these layers gave in the network's last pass, by name, as the next layer found it.

    Args:
        network: is called inside.
        names: as `named_modules` has them, such as "body.3".

    Raises:
        UserError: the network has no such layer, or it gives something else than a tensor.
    """
    found: dict[str, Tensor] = {}
    if not names:
        yield found
        return
    require_layers(network, names)

    def keep(name: str, output: Any) -> None:
        if not hasattr(output, "requires_grad"):
            raise UserError(
                f"the layer {name!r} of {type(network).__name__} gives a {type(output).__name__}, no tensor"
            )
        found[name] = output

    with ExitStack() as stack:
        for name in names:
            layer = network.get_submodule(name)
            handle = layer.register_forward_hook(lambda _, __, output, name=name: keep(name, output))
            stack.callback(handle.remove)
        yield found
