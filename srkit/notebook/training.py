"""`srkit.run`: train an experiment out of Python; the result is a table, a picture and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.errors import ExperimentError, UserError
from srkit.evaluation.rows import Row, by_protocol
from srkit.notebook.overrides import settings_of
from srkit.notebook.shown import as_html, as_text, image_tag, paragraph
from srkit.places import shown
from srkit.printable import printable

if TYPE_CHECKING:
    from PIL import Image

    from srkit.evaluation.bench.entries import Comparison
    from srkit.execution import Outcome
    from srkit.experiment import Plan
    from srkit.inference.ready import ReadyModel
    from srkit.registry import Registry

__all__ = ["Interrupted", "RunResult", "train"]

SET_BY = "overrides"
"""What a message calls a value that was given as a keyword."""


class Interrupted(KeyboardInterrupt):
    """A run was interrupted after its step had ended and its checkpoint was saved.

    A `KeyboardInterrupt`, so that a notebook's further cells are not run on half a result.

    Attributes:
        folder: the run's, to go on with.
    """

    def __init__(self, folder: Path, step: int, total: int) -> None:
        self.folder = folder
        super().__init__(
            f"interrupted after step {step} of {total}; the checkpoint is saved. "
            f"Go on with srkit.run({shown(folder)!r}, resume=True)"
        )

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in the place of a traceback."""
        return [printable(str(self))]


@dataclass(frozen=True, eq=False)
class RunResult:
    """What came of a run. Shows itself as the final table and a picture in a notebook, as the table in a shell.

    Attributes:
        folder: the run folder.
        rows: the final table, bicubic first; empty where nothing judges the run.
        strips: the pictures original | bicubic | this run, one a photo.
        steps: updates done.
        stop_reason: why it ended before its last step; empty where it did not.
        warnings: what a reader of the numbers must know.
        trust: whether its own code was let in for this run alone, and is for its model.
    """

    folder: Path
    rows: Sequence[Row]
    strips: Sequence[Path]
    steps: int
    stop_reason: str = ""
    warnings: Sequence[str] = ()
    trust: bool = False

    @property
    def scores(self) -> dict[str, float | None]:
        """The run's own scores: metric -> mean over the photos; None for infinite."""
        return {name: one.mean for name, one in self.rows[-1].metrics.items()} if self.rows else {}

    @cached_property
    def model(self) -> ReadyModel:
        """The trained model, as `srkit.load` gives it."""
        from srkit.inference.ready import ready_model

        return ready_model(str(self.folder), trust=self.trust)

    def picture(self, photo: int = 0) -> Image.Image:
        """original | bicubic | this run, of one of the photos.

        Raises:
            IndexError: there is no such photo.
        """
        from PIL import Image

        from srkit.data.decoding import decode

        return Image.fromarray(decode(self.strips[photo]))

    def __repr__(self) -> str:
        from srkit.evaluation.table import scores_table

        return as_text([*(scores_table(rows) for rows in by_protocol(self.rows)), *self._lines()])

    def _repr_html_(self) -> str:
        tables = "".join(as_html(one) for one in self._comparisons())
        # inside of the page, and not as a picture beside it: a notebook would keep both
        first = next((one for one in self.strips[:1] if one.is_file()), None)
        caption = f"original, bicubic, {self.folder.name}"
        picture = image_tag(first.read_bytes(), caption) if first is not None else ""
        return f"{tables}{picture}{''.join(map(paragraph, self._lines()))}"

    def _comparisons(self) -> list[Comparison]:
        from srkit.evaluation.bench.entries import Entry, compare

        return [compare([Entry(row) for row in rows]) for rows in by_protocol(self.rows)]

    def _lines(self) -> list[str]:
        lines = [f"stopped after step {self.steps}: {self.stop_reason}"] if self.stop_reason else []
        lines += [] if self.rows else [f"{self.steps} steps done; nothing judges this run, so there is no table"]
        return [*lines, f"run folder: {shown(self.folder)}"]


def train(
    experiment: str | Path,
    overrides: Mapping[str, Any],
    *,
    out: str | Path | None,
    resume: bool,
    device: str | None,
    quiet: bool,
    trust: bool,
) -> RunResult:
    """Do what `srkit run` does.

    Raises:
        Interrupted: by Ctrl-C or a notebook's stop button; the checkpoint is saved.
        UserError: the experiment, or what it needs, is wrong.
        SrkitError: something else went wrong.
    """
    import torch

    from srkit.cli.console import messages, speaker
    from srkit.cli.plan import experiment_file
    from srkit.execution import execute
    from srkit.notebook.progress import progress
    from srkit.registry import Registry, Trust

    registry, screen = Registry.installed(Trust(trust)), messages()
    settings = settings_of(overrides)
    _refuse_study(Path(experiment), settings)
    plan = _sound_plan(experiment_file(Path(experiment)), settings, registry)
    with torch.random.fork_rng(devices=[]):  # the notebook's own random numbers go on as if nothing had been trained
        outcome = execute(
            plan,
            registry,
            out=None if out is None else Path(out),
            resume=resume,
            device=device,
            observers={} if quiet else {"progress": progress(screen)},
            notice=speaker(screen, quiet=quiet),
        )
    return _result(outcome, trust=trust)


def _refuse_study(path: Path, settings: Sequence[str]) -> None:
    """One run has one result; the many of a study have a folder and processes of their own.

    Raises:
        UserError: it is a study.
    """
    from srkit.experiment import read_study
    from srkit.studies.folder import is_study

    if is_study(path) if path.is_dir() else read_study(path, settings) is not None:
        raise UserError(
            f"{path} is a study of several runs, and srkit.run trains one. Train it by `srkit run {path}` (in a "
            f"notebook: `!srkit run {path}`), and look at its runs by srkit.bench."
        )


def _sound_plan(path: Path, settings: Sequence[str], registry: Registry) -> Plan:
    """The experiment, checked.

    Raises:
        ExperimentError: with all of its problems.
    """
    from srkit.experiment import complete, read_experiment, require_sound
    from srkit.experiment.foreseen import foresee

    try:
        reading = read_experiment(path, settings)
        if foresee(reading, registry):
            require_sound(reading)
        from srkit.assembly import rehearse

        plan = complete(reading, registry)
        if plan.problems:
            rehearse(plan)
        require_sound(plan)
    except ExperimentError as error:
        raise ExperimentError([_as_python_says(one) for one in error.problems]) from None
    return plan


def _as_python_says(problem: Any) -> Any:
    from dataclasses import replace

    from srkit.experiment.settings import COMMAND_LINE

    return replace(problem, file=SET_BY) if problem.file == COMMAND_LINE else problem


def _result(outcome: Outcome, *, trust: bool) -> RunResult:
    run = outcome.run
    if outcome.interrupted:
        raise Interrupted(run.folder, run.step, run.total_steps)
    facts = (run.folder, outcome.rows, outcome.strips, run.step, run.stop_reason, tuple(run.warnings))
    return RunResult(*facts, trust=trust)
