"""What a person sees of a run: a moving line in a terminal, a plain line at each log step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from srkit.cli.console import duration, sentence
from srkit.cli.saying import moving
from srkit.hooks import hookimpl
from srkit.printable import printable
from srkit.training.run import Run

INDENT, GAP = "  ", "  "


class Bar(Progress):
    """The moving line, and the losses on lines of their own beneath it: a GAN's do not fit beside a bar."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            for line in laid_out(task.fields["numbers"], self.console.width - len(INDENT)):
                yield Text(INDENT + line, no_wrap=True, overflow="ellipsis")
            if task.fields["besides"]:
                yield Text(INDENT + task.fields["besides"], no_wrap=True, overflow="ellipsis")


class ProgressDisplay:
    """Shows step, losses, images a second and time left, which is that of the steps.

    Args:
        console: where to; a terminal gets a bar, anything else plain lines.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None
        self.begun = 0.0
        self.validating = 0.0
        """When the validation that is going on began; 0 for none."""
        self._shown = ExitStack()

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        self.begun = time.monotonic()
        run.on_judged = self.judged
        if not self.console.is_terminal:
            return
        self.bar = Bar(
            TextColumn(
                "{task.description}",
                markup=False,  # a run may be called anything
                table_column=Column(no_wrap=True, overflow="ellipsis", max_width=30),
            ),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self.console,
        )
        self.task = self.bar.add_task(
            printable(run.name), total=run.total_steps, completed=run.step, numbers=(), besides="", left=""
        )
        self._shown.enter_context(moving(self.bar))

    def judged(self, done: int, total: int) -> None:
        """Of how many validation images the scores are known; the clock of the steps stands until all is over."""
        self.validating = self.validating or time.monotonic()
        if self.bar is not None:
            self.bar.update(self.task, besides=f"validating {done}/{total}")

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=step, left=self._left(run, step))
            if metrics is not None:
                self.bar.update(self.task, numbers=groups(metrics))
        elif metrics is not None:
            sentence(self.console, self.line(run, step, metrics))

    def line(self, run: Run, step: int, metrics: Mapping[str, Any]) -> str:
        """Where the run is, what is worth a look, and how long it will still take."""
        return GAP.join([f"step {step}/{run.total_steps}", *chain(*groups(metrics)), self._left(run, step)])

    def _left(self, run: Run, step: int) -> str:
        done = max(1, step - run.resumed_from)
        return f"{duration((time.monotonic() - self.begun) / done * (run.total_steps - step))} left"

    @hookimpl
    def srkit_rolled_back(self, step: int) -> None:
        self.begun = time.monotonic()  # steps are counted from the checkpoint again
        if self.bar is not None:
            self.bar.update(self.task, completed=step)

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        if self.validating:
            self.begun += time.monotonic() - self.validating  # with its samples, which were written by now
            self.validating = 0.0
        if self.bar is not None:
            self.bar.update(self.task, besides="")
        if step < run.total_steps and scores:
            words = "  ".join(f"{metric} {value:.4g}" for metric, value in scores.items())
            sentence(self.console, f"validation at {step}  {words}")

    @hookimpl
    def srkit_run_end(self, run: Run) -> None:
        self._shown.close()


def groups(metrics: Mapping[str, Any]) -> list[list[str]]:
    """What is worth a look, in words that belong together: the losses; the two players' balance; the whole."""
    return [one for one in (_losses(metrics), _balance(metrics), _whole(metrics)) if one]


def _losses(metrics: Mapping[str, Any]) -> list[str]:
    """Each loss without its parts, as it is before its weight, with its share of the weighted sum."""
    words = []
    for name, value in _single(metrics).items():
        share = metrics.get(f"share/{name}")
        words.append(f"{name} {value:.3g}" + (f" ({share:.0%})" if share is not None else ""))
    return words


def _single(metrics: Mapping[str, Any]) -> dict[str, float]:
    hidden = ("lr", "loss", "images_per_second", "waiting", "discriminator")
    return {key: value for key, value in metrics.items() if key not in hidden and "/" not in key}


def _balance(metrics: Mapping[str, Any]) -> list[str]:
    """The discriminator's loss, how often it is right, and the gradients of both."""
    if "discriminator" not in metrics:
        return []
    words = [f"discriminator {metrics['discriminator']:.3g}"]
    right = [metrics.get(f"discriminator/accuracy_{which}") for which in ("real", "fake")]
    if None not in right:
        words.append(f"right on {right[0]:.0%} real, {right[1]:.0%} fake")
    norms = {role: metrics.get(f"gradient_norm/{role}") for role in ("generator", "discriminator")}
    known = [f"{role[0].upper()} {norm:.2g}" for role, norm in norms.items() if norm is not None]
    return [*words, f"gradients {', '.join(known)}"] if known else words


def _whole(metrics: Mapping[str, Any]) -> list[str]:
    """The weighted sum of several losses, updates that came to nothing, images a second, the share spent waiting."""
    words = [f"loss {metrics['loss']:.3g}"] if len(_single(metrics)) > 1 else []
    skipped = sum(value for key, value in metrics.items() if key.startswith("skipped/"))
    if skipped:
        words.append(f"{skipped:.0f} updates skipped")
    return [*words, f"{metrics['images_per_second']:.3g} img/s", f"wait {metrics['waiting']:.0%}"]


def laid_out(groups: Sequence[Sequence[str]], width: int) -> list[str]:
    """Words on lines of at most a width: all on one where they fit, else each group on lines of its own."""
    whole = GAP.join(chain(*groups))
    if len(whole) <= width:
        return [whole] if whole else []
    lines: list[str] = []
    for group in groups:
        line = ""
        for word in group:
            longer = f"{line}{GAP}{word}" if line else word
            if line and len(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines
