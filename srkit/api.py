"""What Python has of srkit: `srkit.load`, `srkit.run`, `srkit.bench`, and the mark of a component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from srkit.inference.ready import ReadyModel
    from srkit.notebook.benchmark import BenchResult
    from srkit.notebook.training import RunResult

__all__ = ["bench", "component", "load", "run"]

T = TypeVar("T", bound=Callable[..., Any])


def component(kind: str) -> Callable[[T], T]:
    """Declare a class or function of an installed package as a component: `use = "package.module:Name"` finds it.

    Entry points need no such mark, and neither does `./file.py:Name`. It is looked for in the module's source, so it is
    written as it stands here.

    Args:
        kind: as entry-point groups have it, the plural with underscores: "feature_losses".

    Raises:
        UserError: there is no such kind.

    Example:
        >>> import srkit
        >>> @srkit.component("degradations")
        ... class Darker:
        ...     def __call__(self, batch, draws):
        ...         return batch * 0.9
    """
    # Here, so that `import srkit` stays light.
    from srkit.registry.declaring import declare

    return lambda factory: declare(factory, kind)


def load(model: str | Path, *, code: str | Path | None = None, trust: bool = False) -> ReadyModel:
    """A trained model as a torch module with its `scale`.

    Args:
        model: a run folder, one of its checkpoints, or a file that `--model` takes.
        code: for an exported file whose generator is own code, the `.py` file with its class.
        trust: load own code that was not trusted by `srkit trust FOLDER`, and programs in TorchScript files.

    Returns:
        On the CPU, in eval mode: LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped.

    Raises:
        UserError: there is no such model, or it cannot be used.
    """
    # Here, so that `import srkit` needs no torch.
    from srkit.inference.ready import ready_model

    return ready_model(str(model), code=code, trust=trust)


def run(
    experiment: str | Path,
    /,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    quiet: bool = False,
    trust: bool = False,
    **overrides: Any,
) -> RunResult:
    """Train an experiment and judge the result against bicubic, as `srkit run` does.

    Args:
        experiment: the file, or a run folder.
        out: the run folder; by default runs/NAME.
        resume: go on from the newest whole checkpoint.
        device: cpu, cuda, cuda:1 or mps; by default the best there is.
        quiet: no progress; only warnings.
        trust: load own code (`./file.py:Name`) that was not trusted by `srkit trust FOLDER`.
        overrides: values of the file to change: `steps=100`, a table as a dict, `generator={"channels": 64}`, or a
            dotted path, `**{"pixel_loss.mse.weight": 0.5}`.

    Returns:
        The result. A notebook shows it as a table and a picture, a shell as a table.

    Raises:
        UserError: the experiment, or what it needs, is wrong; with everything that is.
        KeyboardInterrupt: it was interrupted; once training has begun, after a checkpoint was saved.
    """
    from srkit.notebook.training import train

    return train(experiment, overrides, out=out, resume=resume, device=device, quiet=quiet, trust=trust)


def bench(
    *models: str | Path | RunResult,
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
    trust: bool = False,
) -> BenchResult:
    """Judge models side by side on photos, as `srkit bench` does; its help explains each option.

    Args:
        models: run folders, what `srkit.run` gave, checkpoints, files, or an interpolation such as "bicubic".
        on: folders of photos, "HR" or "HR=LR"; by default the photos that the runs were validated on.
        trust: load own code of runs, and programs in model files, that were not trusted before.

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
    return judge(models, question, trust=trust)
