"""The numbers of a run between two log steps, summed on the device so that no step waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from srkit.errors import SrkitError


class NotFinite(SrkitError):
    """A loss became infinite or not a number.

    Attributes:
        step: the update it happened in.
        term: the loss's name.
    """

    def __init__(self, step: int, term: str, value: float) -> None:
        self.step, self.term, self.value = step, term, value
        super().__init__(f"step {step}: the loss term {term!r} is {value}")


class Ledger:
    """Sums of named numbers since the last log step.

    The names may change between steps (a stage adds a loss), so sums are kept for each list of names.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sums: dict[tuple[str, ...], tuple[Tensor, int]] = {}
        self._bad: tuple[Tensor, tuple[str, ...]] | None = None

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
        row = torch.cat([torch.full((1,), float(step), device=values.device), values])
        if self._bad is None or self._bad[1] != names:
            self.check()
            self._bad = (torch.full_like(row, 0.0), names)
        kept = self._bad[0]
        fresh = (kept[0] == 0) & ~torch.isfinite(values).all()
        self._bad = (torch.where(fresh, row, kept), names)

    def check(self) -> None:
        """Raise `NotFinite` for the first step since the last check that had such a loss. Waits for the device."""
        if self._bad is None:
            return
        row, names = self._bad[0].tolist(), self._bad[1]
        if row[0] != 0:
            self._raise(int(row[0]), names, torch.tensor(row[1:]))

    @staticmethod
    def _raise(step: int, names: tuple[str, ...], values: Tensor) -> None:
        finite = torch.isfinite(values).tolist()
        # the parts come before their sums, so the first is the cause
        guilty = next(number for number, good in enumerate(finite) if not good)
        raise NotFinite(step, names[guilty], float(values[guilty]))

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
        self._sums = {tuple(names): (total.to(self.device), count) for names, total, count in state["sums"]}
