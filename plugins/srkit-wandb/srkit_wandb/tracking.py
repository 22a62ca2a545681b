"""Tracks a run with Weights & Biases: settings, losses, scores, pictures, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.data.decoding import FileStems
from srkit.errors import UserError
from srkit.hooks import hookimpl
from srkit_wandb.asking import ASKS, Place, asked_for
from srkit_wandb.config import run_config

if TYPE_CHECKING:
    import wandb
    from torch import Tensor

    from srkit.training.run import Run

SHOWN_PICTURES = 4
STUDIES = ("study.json", "study.db")
"""A folder that holds one of these holds runs that belong together."""

DONE, FAILED, STOPPED = 0, 1, 130


class Tracker:
    """Tracks runs with Weights & Biases where `SRKIT_WANDB` asks for it, and is silent otherwise.

    wandb is imported only then. A resumed run goes on under its id, which is saved with each checkpoint.
    """

    def __init__(self) -> None:
        self._tracked: wandb.Run | None = None
        self._id = ""
        self._shows_originals = True

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        """Begin to track, or go on where the run's last session ended."""
        if not run.resumed_from:
            self._id = ""
        place = asked_for()
        if place is None:
            if self._id:
                run.warn(f"its steps from here on are not tracked: {ASKS} is not set, and it was (run {self._id})")
            return
        self._shows_originals = True
        self._tracked = _begun(run, place, self._id)
        self._id = self._tracked.id
        # points of steps that are done again after a resume lie where the first ones were
        self._tracked.define_metric("step")
        self._tracked.define_metric("*", step_metric="step")

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        """The means of each log step, under TensorBoard's names."""
        if self._tracked is None or metrics is None:
            return
        rates = {f"lr/{role}": rate for role, rate in metrics["lr"].items()}
        rest = {f"train/{key}": value for key, value in metrics.items() if key != "lr"}
        self._log(run, step, rates | rest)

    @hookimpl
    def srkit_validation_end(
        self, run: Run, step: int, scores: Mapping[str, float], pictures: Mapping[str, Mapping[str, Tensor]]
    ) -> None:
        """The scores, and the first pictures; their LR and original once in a session."""
        if self._tracked is None:
            return
        values: dict[str, Any] = {f"validation/{metric}": value for metric, value in scores.items()}
        shown = ("lr", "sr", "hr") if self._shows_originals else ("sr",)
        stem = FileStems()
        for name in list(pictures)[:SHOWN_PICTURES]:
            views = {view: picture for view, picture in pictures[name].items() if view in shown}
            called = stem(name)
            values |= {f"pictures/{called}/{view}": _image(picture) for view, picture in views.items()}
        self._shows_originals = False
        self._log(run, step, values)

    @hookimpl
    def srkit_run_end(self, run: Run, reason: str) -> None:
        """How it ended: done, stopped by somebody or something, or failed with an error."""
        tracked, self._tracked, self._id = self._tracked, None, ""
        if tracked is None:
            return
        tracked.summary["state"] = reason
        tracked.summary["warnings"] = run.warnings
        failed = reason.startswith("error")
        tracked.finish(exit_code=FAILED if failed else STOPPED if run.step < run.total_steps else DONE)

    def state_dict(self) -> dict[str, Any]:
        return {"id": self._id}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._id = state["id"]

    def _log(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        """Values at a step; `attempt` tells steps that a rollback made void from those that came after it."""
        assert self._tracked is not None
        self._tracked.log({"step": step, "attempt": len(run.rollbacks), **values})


def _begun(run: Run, place: Place, known: str) -> wandb.Run:
    """wandb's own run, begun or gone on with.

    Raises:
        UserError: wandb cannot be reached, or knows nobody here.
    """
    import wandb

    try:
        return wandb.init(
            project=place.project,
            entity=place.entity,
            id=known or None,
            resume="allow" if known else None,
            name=run.name,
            group=_group(run.folder),
            dir=run.folder,
            config=run_config(run.folder),
            # the progress display owns the terminal; a run folder with links inside is not written into again
            settings=wandb.Settings(console="off", quiet=True, symlink=False),
        )
    except wandb.Error as error:
        raise UserError(
            f"{run.name} cannot be tracked, which {ASKS} asks for: {error} "
            "WANDB_MODE=offline tracks into the run folder, and `wandb sync` uploads that"
        ) from error


def _group(folder: Path) -> str | None:
    """The study that a run belongs to."""
    above = folder.resolve().parent
    return above.name if any((above / name).is_file() for name in STUDIES) else None


def _image(picture: Tensor) -> wandb.Image:
    """A picture, uint8 (3, H, W)."""
    import wandb

    return wandb.Image(picture.permute(1, 2, 0).cpu().numpy())


tracker = Tracker()
"""What is called in every run; between two runs it holds nothing."""
