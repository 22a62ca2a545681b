"""`srkit.bench`: models side by side out of Python; the result is a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.errors import UserError
from srkit.notebook.shown import WIDTH, as_html, as_text
from srkit.notebook.training import RunResult

if TYPE_CHECKING:
    from srkit.cli.bench_answer import Answer, Question

__all__ = ["BenchResult", "Words", "judge", "several"]

Words = str | Path | Sequence[str | Path]


@dataclass(frozen=True, eq=False)
class BenchResult:
    """Models side by side, one table for each set and scale. Shows itself as tables in a notebook and in a shell."""

    answer: Answer

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every row as `srkit bench --format json` gives it."""
        from srkit.evaluation.bench.formats import as_json

        whole = json.loads(as_json(self.answer.comparisons, self.answer.facts))
        return list(whole["rows"])

    def __repr__(self) -> str:
        from srkit.evaluation.bench.table import comparison_table

        tables = [comparison_table(one, WIDTH, self.answer.machine) for one in self.answer.comparisons]
        return "\n\n".join(as_text([one]) for one in tables)

    def _repr_html_(self) -> str:
        return "".join(as_html(one, self.answer.machine) for one in self.answer.comparisons)

    def _repr_markdown_(self) -> str:
        from srkit.evaluation.bench.formats import as_markdown

        return as_markdown(self.answer.comparisons, self.answer.machine)


def judge(models: Sequence[Any], question: Question, *, trust: bool) -> BenchResult:
    """Do what `srkit bench` does.

    Raises:
        UserError: a model or a set cannot be had, or they do not fit each other.
    """
    from dataclasses import replace

    from srkit.cli.bench_answer import answer
    from srkit.registry import Registry, Trust

    if not models:
        raise UserError("name at least one model: a run's folder or result, a checkpoint, a file, or 'bicubic'")
    registry = Registry.installed(Trust(trust))
    return BenchResult(answer(replace(question, models=[_model(one) for one in models]), registry))


def _model(given: Any) -> str:
    if isinstance(given, RunResult):
        return str(given.folder)
    if isinstance(given, (str, Path)):
        return str(given)
    raise UserError(
        f"a {type(given).__name__} cannot be judged. Name the run's folder, a checkpoint, a file or an interpolation "
        "such as 'bicubic', or hand over what srkit.run gave."
    )


def several(given: Words) -> tuple[str, ...]:
    """One text or path, or several of them, as texts."""
    return (str(given),) if isinstance(given, (str, Path)) else tuple(map(str, given))
