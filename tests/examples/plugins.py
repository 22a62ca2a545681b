"""Every hook once: what a plugin can do at each."""

from __future__ import annotations

import json
import time

from srkit.hooks import hookimpl


@hookimpl
def srkit_run_start(run):
    """Keep something of the experiment beside the run."""
    (run.folder / "plan.json").write_text(json.dumps({"steps": run.total_steps, "began_at": run.step}))


@hookimpl
def srkit_step_end(run, step, metrics):
    """Stop when the loss is good enough; `metrics` is None between log steps."""
    if metrics is not None and metrics["loss"] < 1e-9:
        run.request_stop("there is nothing left to learn")


@hookimpl
def srkit_validation_end(run, step, scores, pictures):
    """Save a checkpoint of a good moment, whether one is due or not."""
    if scores.get("psnr-y", 0.0) > 30.0:
        run.request_checkpoint()


@hookimpl
def srkit_checkpoint_saved(step, path):
    """Tell another program that a checkpoint stands."""
    (path.parent / "newest.txt").write_text(path.name)


@hookimpl
def srkit_rolled_back(run, step, reason):
    """Note why a run went back."""
    with (run.folder / "troubles.txt").open("a") as file:
        file.write(f"{time.strftime('%H:%M')} back to {step}: {reason}\n")


@hookimpl
def srkit_run_end(run, reason):
    """Say how it went."""
    (run.folder / "ended.txt").write_text(reason)
