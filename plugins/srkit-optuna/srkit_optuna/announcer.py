"""What a person sees while a search lasts: a line when a trial ends, and the bar of the one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from srkit.cli.progress import ProgressDisplay
from srkit_optuna.question import Question
from srkit_optuna.space import toml_text

ALWAYS = "warning:"


class Announcer:
    """Says on a console what becomes of each trial; warnings of the runs are said once.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._said: set[str] = set()

    def begin(self, question: Question) -> None:
        """Say what is searched."""
        way = "more" if question.higher_is_better else "less"
        self._say(
            f"{question.out}: the unchanged experiment and {question.trials} trials, by {question.metric} "
            f"({way} is better)"
        )
        for one in question.space:
            self._say(f"  {one.key}: {one}")
        if question.plan.experiment.validation.every is None:
            self._say("no trial is pruned: validation.every is not set, so nothing is known before a run's end")

    def begins(self, name: str, values: Mapping[str, Any] | None) -> None:
        """Say which values a trial has."""
        self._say(f"{name}: {shown(values)}")

    def observers(self) -> dict[str, Any]:
        """What shows a run while it lasts: in a terminal its bar, elsewhere nothing."""
        return {"progress": ProgressDisplay(self.console)} if self.console.is_terminal else {}

    def notice(self, sentence: str) -> None:
        """Pass on what a run has to say, if it is a warning and new, or that it goes on from a checkpoint."""
        if sentence.startswith("resuming"):
            self._say(f"  {sentence}")
        elif sentence.startswith(ALWAYS) and sentence not in self._said:
            self._said.add(sentence)
            self._say(f"  {sentence}", style="yellow")

    def done(self, name: str, question: Question, score: float, best: str) -> None:
        """Say what a trial reached, and which is the best so far."""
        so_far = "the best so far" if name == best else f"the best so far is {best}"
        self._say(f"  {question.metric} {score:.4f}; {so_far}")

    def pruned(self, name: str, why: str) -> None:
        """Say that a trial was given up."""
        self._say(f"  {name} is pruned: {why}")

    def failed(self, name: str, why: str) -> None:
        """Say that a trial failed; the others go on."""
        self._say(f"  {name} failed: {why}", style="red")

    def in_use(self, name: str) -> None:
        """Say that another process has not let go of a trial yet."""
        self._say(f"  {name} is still trained by another process, which gave no sign of life; waiting for its end")

    def waits(self, names: list[str]) -> None:
        """Say what this process waits for."""
        runs = " and ".join(names) if len(names) < 3 else f"{len(names)} trials"
        self._say(f"nothing is left to begin; waiting for {runs}, which another process runs or has left")

    def _say(self, sentence: str, style: str | None = None) -> None:
        self.console.print(sentence, style=style, highlight=False, soft_wrap=True, markup=False)


def shown(values: Mapping[str, Any] | None) -> str:
    """Values as they are written in an experiment, numbers with four digits."""
    if values is None:
        return "the experiment as it is"
    return ", ".join(f"{key} = {_figure(value)}" for key, value in values.items())


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else toml_text(value)
