"""How a set's LR pictures are made: a downscaler and degradations by name, or as a run's experiment has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from srkit.assembly import SharedParts
from srkit.data.lr_images import LrMaker, Step
from srkit.draws import derived_seed
from srkit.evaluation.described import described
from srkit.experiment import Pick
from srkit.experiment.names import short_name
from srkit.experiment.single import pick_one
from srkit.registry import KINDS, Registry

__all__ = ["PUBLISHED_DOWNSCALER", "LrRecipe", "recipe_of"]

PUBLISHED_DOWNSCALER = "srkit:matlab-bicubic"
"""What made the LR pictures of nearly all published tables; used where nobody names another."""


@dataclass(frozen=True)
class LrRecipe:
    """From an original to its LR picture.

    Attributes:
        shrinks: the downscaler, or the pipeline that does all.
        degradations: (name, when, pick), in the file's order.
    """

    shrinks: Pick
    degradations: Sequence[tuple[str, str, Pick]] = ()

    @property
    def downscaler(self) -> str:
        """What shrinks, in words."""
        return described(self.shrinks)

    @property
    def degraded_by(self) -> tuple[str, ...]:
        """The degradations in words, in the order they are applied."""
        ordered = sorted(self.degradations, key=lambda one: one[1] == "after")
        return tuple(described(pick) + (" before" if when == "before" else "") for _, when, pick in ordered)

    def maker(self, scale: int) -> LrMaker:
        """The live objects.

        Raises:
            OptionError: the downscaler cannot do this scale.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(0, "bench"))
            shared = SharedParts()
            if self.shrinks.component.kind.plural == "lr_pipelines":
                return LrMaker(pipeline=self.shrinks.build(scale=scale, shared=shared))
            steps: dict[str, list[Step]] = {"before": [], "after": []}
            for name, when, pick in self.degradations:
                steps[when].append(Step(name, pick.build(shared=shared)))
            downscaler = self.shrinks.build(scale=scale, shared=shared)
        return LrMaker(downscaler, tuple(steps["before"]), tuple(steps["after"]))

    @property
    def key(self) -> str:
        """Equal for recipes that make the same LR pictures."""
        return json.dumps([self.downscaler, list(self.degraded_by)])


def recipe_of(tables: Mapping[str, Any], registry: Registry, *, shown_as: str, folder: Path | None) -> LrRecipe:
    """The recipe in an experiment's, a suite's or the command line's tables.

    Args:
        tables: of which `downscaler` (a table or a name), `degradation` (a list of them) and `lr_pipeline` are read;
            the published downscaler where there is none.
        registry: where components are looked up.
        shown_as: where it was written, for messages.
        folder: what its paths are relative to; None where it was typed.

    Raises:
        ExperimentError: with everything that is wrong with a component.
    """

    def pick(plural: str, value: Any) -> Pick:
        return pick_one(KINDS[plural], _table(value), registry, shown_as=shown_as, folder=folder)

    if tables.get("lr_pipeline"):
        return LrRecipe(pick("lr_pipelines", tables["lr_pipeline"]))
    degradations = []
    for value in tables.get("degradation", ()):
        table = _table(value)
        name = str(table.get("name") or short_name(table["use"]))
        degradations.append((name, str(table.get("when", "after")), pick("degradations", table)))
    return LrRecipe(pick("downscalers", tables.get("downscaler") or PUBLISHED_DOWNSCALER), tuple(degradations))


def _table(value: Any) -> dict[str, Any]:
    return {"use": value} if isinstance(value, str) else dict(value)
