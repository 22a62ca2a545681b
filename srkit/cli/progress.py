"""What a person sees of a run: a moving line in a terminal, a plain line at each log step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from srkit.cli.console import duration
from srkit.hooks import hookimpl
from srkit.training.run import Run

WAITING_TOO_LONG = 0.2


class Bar(Progress):
    """The moving line, and the losses on lines of their own beneath it: a GAN's do not fit beside a bar."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            if task.fields["numbers"]:
                yield Padding(Text(task.fields["numbers"]), (0, 0, 0, 2))


class ProgressDisplay:
    """Shows step, losses, images a second and time left.

    Args:
        console: where to; a terminal gets a bar, anything else plain lines.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None
        self.warned = False
        self.begun = 0.0

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        self.begun = time.monotonic()
        if not self.console.is_terminal:
            return
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=self.console,
        )
        self.task = self.bar.add_task(run.name, total=run.total_steps, completed=run.step, numbers="")
        self.bar.start()

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=step)
            if metrics is not None:
                self.bar.update(self.task, numbers=summary(metrics))
        elif metrics is not None:
            done = step - run.resumed_from
            left = (time.monotonic() - self.begun) / done * (run.total_steps - step)
            self.console.print(
                f"step {step}/{run.total_steps}  {summary(metrics)}  {duration(left)} left",
                highlight=False,
                soft_wrap=True,
            )
        if metrics is not None:
            self._warn_of_waiting(run, metrics["waiting"])

    def _warn_of_waiting(self, run: Run, share: float) -> None:
        # the first numbers hold the start of the workers and the filling of the cache
        if self.warned or share <= WAITING_TOO_LONG or run.step < 2 * run.experiment.log.every:
            return
        self.warned = True
        self.console.print(
            f"warning: {share:.0%} of the time the step waits for pictures. Raise data.workers, or data.cache so that "
            "all of them fit into memory",
            style="yellow",
            soft_wrap=True,
        )

    @hookimpl
    def srkit_rolled_back(self, step: int) -> None:
        self.begun = time.monotonic()  # steps are counted from the checkpoint again
        if self.bar is not None:
            self.bar.update(self.task, completed=step)

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        if step < run.total_steps and scores:
            words = "  ".join(f"{metric} {value:.4g}" for metric, value in scores.items())
            self.console.print(f"validation at {step}  {words}", highlight=False, soft_wrap=True)

    @hookimpl
    def srkit_run_end(self, run: Run) -> None:
        if self.bar is not None:
            self.bar.stop()


def summary(metrics: Mapping[str, Any]) -> str:
    """The numbers that fit into a line or two: each loss without its parts, as it is before its weight, with its share
    of the weighted sum; how often the discriminator is right; gradients; images a second; the share spent waiting."""
    hidden = ("lr", "images_per_second", "waiting", "colour_shift")
    losses = {key: value for key, value in metrics.items() if key not in hidden and "/" not in key}
    if len(losses) == 2:
        losses.pop("loss")  # one loss and the sum of it
    words = []
    for name, value in losses.items():
        share = metrics.get(f"share/{name}")
        words.append(f"{name} {value:.3g}" + (f" ({share:.0%})" if share is not None else ""))
    right = [metrics.get(f"discriminator/accuracy_{which}") for which in ("real", "fake")]
    if None not in right:
        words.append(f"D right on {right[0]:.0%} real, {right[1]:.0%} fake")
    norms = {role: metrics.get(f"gradient_norm/{role}") for role in ("generator", "discriminator")}
    if norms["discriminator"] is not None:
        words.append("gradients " + ", ".join(f"{role[0].upper()} {norm:.2g}" for role, norm in norms.items() if norm))
    skipped = sum(value for key, value in metrics.items() if key.startswith("skipped/"))
    if skipped:
        words.append(f"{skipped:.0f} skipped")
    return "  ".join([*words, f"{metrics['images_per_second']:.3g} img/s", f"wait {metrics['waiting']:.0%}"])


def console() -> Console:
    """Where a run is shown: standard error, so that standard output holds results alone."""
    return Console(file=sys.stderr)
