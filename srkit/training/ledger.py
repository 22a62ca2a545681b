"""The numbers of a run between two log steps, summed on the device so that no step waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from srkit.errors import SrkitError


class NotFinite(SrkitError):
    """A loss or a weight became infinite or not a number.

    Attributes:
        step: the update it happened in.
        fact: what is not finite, as a sentence without its end.
    """

    def __init__(self, step: int, fact: str) -> None:
        self.step, self.fact = step, fact
        super().__init__(f"step {step}: {fact}")


class Ledger:
    """Sums of named numbers since the last log step.

    The names may change between steps (a stage adds a loss), so sums are kept for each list of names.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sums: dict[tuple[str, ...], tuple[Tensor, int]] = {}
        self._bad: dict[tuple[str, ...], Tensor] = {}

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Add one step's numbers (scalars without graph).

        Raises:
            NotFinite: at once on the CPU; on a card it is found by `check`, since asking would make the step wait.
        """
        names = tuple(terms)
        values = torch.stack([value.detach().to(torch.float32).reshape(()) for value in terms.values()])
        total, count = self._sums.get(names, (torch.zeros_like(values), 0))
        self._sums[names] = (total + values, count + 1)
        if self.device.type == "cpu":
            if not bool(torch.isfinite(values).all()):
                self._raise(step, names, values)
        else:
            self._note(step, names, values)

    def _note(self, step: int, names: tuple[str, ...], values: Tensor) -> None:
        """Keep the first bad step of this list of names: a row of the step and its values, 0 while all was well."""
        row = torch.cat([torch.full((1,), float(step), device=values.device), values])
        kept = self._bad.get(names)
        if kept is None:
            kept = torch.zeros_like(row)
        fresh = (kept[0] == 0) & ~torch.isfinite(values).all()
        self._bad[names] = torch.where(fresh, row, kept)

    def check(self) -> None:
        """Raise `NotFinite` for the first step so far that had such a loss. Waits for the device."""
        found = [(row, names) for names, row in ((names, row.tolist()) for names, row in self._bad.items()) if row[0]]
        if found:
            row, names = min(found, key=lambda one: one[0][0])
            self._raise(int(row[0]), names, torch.tensor(row[1:]))

    @staticmethod
    def _raise(step: int, names: tuple[str, ...], values: Tensor) -> None:
        finite = torch.isfinite(values).tolist()
        # the parts come before their sums, so the first is the cause
        guilty = next(number for number, good in enumerate(finite) if not good)
        raise NotFinite(step, f"the loss term {names[guilty]!r} is {float(values[guilty])}")

    def read(self) -> dict[str, float]:
        """The means since the last reading; starts anew. Waits for the device."""
        self.check()
        sums: dict[str, tuple[float, int]] = {}
        for names, (total, count) in self._sums.items():
            for name, value in zip(names, total.tolist(), strict=True):
                before, times = sums.get(name, (0.0, 0))
                sums[name] = (before + value, times + count)
        self._sums.clear()
        return {name: total / count for name, (total, count) in sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint between two log steps keeps."""
        return {"sums": [[list(names), total.cpu(), count] for names, (total, count) in self._sums.items()]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._bad = {}
        self._sums = {tuple(names): (total.to(self.device), count) for names, total, count in state["sums"]}
