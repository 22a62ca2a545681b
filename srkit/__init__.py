"""srkit: experiments with image super-resolution out of interchangeable parts."""

import sys

# `python -m srkit` puts the folder one stands in before all others, and what lies there would be imported in place of
# what was installed. It goes before anything else is imported; `__future__` would be imported too.
if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    _module = sys.orig_argv[-len(sys.argv)].partition(".")[0]
    if _module == "srkit" or (_module.startswith("-") and _module.endswith("msrkit")):  # `python -um srkit`, `-msrkit`
        del sys.path[:1]

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srkit.inference.ready import ReadyModel
    from srkit.notebook.benchmark import BenchResult
    from srkit.notebook.training import RunResult

__version__ = "0.1.0"


def load(model: str | Path) -> "ReadyModel":
    """A trained model as a torch module with its `scale`.

    Args:
        model: a run folder, one of its checkpoints, or a file that `--model` takes.

    Returns:
        On the CPU, in eval mode: LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped.

    Raises:
        UserError: there is no such model, or it cannot be used.
    """
    # Here, so that `import srkit` needs no torch.
    from srkit.inference.ready import ready_model

    return ready_model(str(model))


def run(
    experiment: str | Path,
    /,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    quiet: bool = False,
    **overrides: Any,
) -> "RunResult":
    """Train an experiment and judge the result against bicubic, as `srkit run` does.

    Args:
        experiment: the file, or a run folder.
        out: the run folder; by default runs/NAME.
        resume: go on from the newest whole checkpoint.
        device: cpu, cuda, cuda:1 or mps; by default the best there is.
        quiet: no progress; only warnings.
        overrides: values of the file to change: `steps=100`, a table as a dict, `generator={"channels": 64}`, or a
            dotted path, `**{"pixel_loss.mse.weight": 0.5}`.

    Returns:
        The result. A notebook shows it as a table and a picture, a shell as a table.

    Raises:
        UserError: the experiment, or what it needs, is wrong; with everything that is.
        KeyboardInterrupt: it was interrupted; once training has begun, after a checkpoint was saved.
    """
    from srkit.notebook.training import train

    return train(experiment, overrides, out=out, resume=resume, device=device, quiet=quiet)


def bench(
    *models: "str | Path | RunResult",
    on: str | Path | Sequence[str | Path] = (),
    suite: str | Path | None = None,
    scale: int | None = None,
    downscaler: str | None = None,
    degradation: str | Sequence[str] = (),
    seed: int = 0,
    metric: str | Sequence[str] = (),
    against: str | None = None,
    repeat: int = 1,
    checkpoints: bool = False,
    workers: int | None = None,
    device: str | None = None,
) -> "BenchResult":
    """Judge models side by side on photos, as `srkit bench` does; its help explains each option.

    Args:
        models: run folders, what `srkit.run` gave, checkpoints, files, or an interpolation such as "bicubic".
        on: folders of photos, "HR" or "HR=LR"; by default the photos that the runs were validated on.

    Returns:
        The result. A notebook and a shell show it as a table.

    Raises:
        UserError: a model or a set cannot be had, or they do not fit each other.
    """
    from srkit.cli.bench_answer import Question
    from srkit.notebook.benchmark import judge, several

    question = Question(
        models=(),
        folders=several(on),
        suite=None if suite is None else Path(suite),
        scale=scale,
        downscaler=downscaler,
        degradations=several(degradation),
        seed=seed,
        metrics=several(metric),
        against=against,
        repeat=repeat,
        checkpoints=checkpoints,
        workers=workers,
        device=device,
    )
    return judge(models, question)


contract = 1
"""The version of what components are called with and give: what a plugin may declare that it was written for."""
