"""Whether components leave the tensors alone that they are handed to look at."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit.errors import SrkitError

__all__ = ["Untouched"]


class Untouched:
    """Tensors that whoever is called may read and not write.

    Most writes show in a tensor's version, which costs nothing to look at. Those through `.data`, or through a NumPy
    array of the same memory, are found by sums over the bits alone, where `exactly` asks for them; these wait for the
    device once, in `settle`.

    Args:
        exactly: whether to take sums too.
        tensors: by the name that their readers know.
    """

    def __init__(self, exactly: bool, **tensors: Tensor) -> None:
        self.exactly = exactly
        self._tensors: dict[str, Tensor] = {}
        self._versions: dict[str, int] = {}
        self._sums: dict[str, Tensor] = {}
        self._seen: list[tuple[str, str, Tensor]] = []
        for name, tensor in tensors.items():
            self.add(name, tensor)

    def add(self, name: str, tensor: Tensor) -> None:
        """One more, as it is now; in the place of one that had the name."""
        if self._tensors.get(name) is tensor:
            return
        self._tensors[name], self._versions[name] = tensor, tensor._version
        if self.exactly:
            self._sums[name] = _sum(tensor)

    def after(self, who: str) -> None:
        """Called when somebody's turn is over.

        Raises:
            SrkitError: a tensor's version has changed; names who wrote into what.
        """
        for name, tensor in self._tensors.items():
            if tensor._version != self._versions[name]:
                raise _wrote(who, name)
            if self.exactly:
                now = _sum(tensor)
                self._seen.append((who, name, now != self._sums[name]))
                self._sums[name] = now

    def settle(self) -> None:
        """Called when all had their turn.

        Raises:
            SrkitError: a sum has changed; names the first who wrote, and into what.
        """
        if not self._seen:
            return
        seen, self._seen = self._seen, []
        changed = torch.stack([one for _, _, one in seen]).tolist()
        for (who, name, _), is_changed in zip(seen, changed, strict=True):
            if is_changed:
                raise _wrote(who, name)


@torch.no_grad()
def _sum(tensor: Tensor) -> Tensor:
    """A number that another content hardly has: of 32-bit numbers the sum of their bits, each times its place."""
    flat = tensor.detach().reshape(-1)
    bits = flat.view(torch.int32) if flat.element_size() == 4 else flat.float().view(torch.int32)
    places = torch.arange(1, bits.numel() + 1, dtype=torch.int32, device=bits.device)
    return (bits * places).sum()


def _wrote(who: str, name: str) -> SrkitError:
    return SrkitError(
        f"{who} writes into {name}, which others read too: everything after it would be computed of spoiled numbers. "
        f"It has to work on a copy: {name} = {name}.clone()"
    )
