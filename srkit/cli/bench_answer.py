"""From what `srkit bench` is asked to its tables; `srkit.bench` asks the same out of Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.cli.saying import moving, say
from srkit.errors import OptionError, UserError
from srkit.printable import printable
from srkit.registry import KINDS, Registry

if TYPE_CHECKING:
    from srkit.cli.bench_models import Field
    from srkit.contracts import Metric
    from srkit.evaluation.bench.entries import Comparison
    from srkit.evaluation.bench.gallery import Progress
    from srkit.evaluation.bench.judge import Judge
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.experiment import Pick

__all__ = ["Answer", "Question", "answer", "judge_by", "progress_line"]

DEFAULT_METRICS = ("srkit:psnr-y", "srkit:ssim-y")


@dataclass(frozen=True)
class Question:
    """What a benchmark is asked; every field is an option of `srkit bench`, as typed."""

    models: Sequence[str]
    folders: Sequence[str] = ()
    suite: Path | None = None
    scale: int | None = None
    downscaler: str | None = None
    degradations: Sequence[str] = ()
    seed: int = 0
    metrics: Sequence[str] = ()
    against: str | None = None
    repeat: int = 1
    checkpoints: bool = False
    workers: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Answer:
    """The tables, the machine in words, and what else is to be known of all of them."""

    comparisons: Sequence[Comparison]
    machine: str
    facts: Mapping[str, Any]


def answer(question: Question, registry: Registry, cache: Path | None = None) -> Answer:
    """Judge the models.

    Args:
        cache: the folder of what was measured before; by default the user's.

    Raises:
        UserError: a model or a set cannot be had, or they do not fit each other.
    """
    from srkit.cli.bench_models import gather, target_scales
    from srkit.cli.bench_sets import Request, photo_sets
    from srkit.training.device import choose_device, describe, prepare

    asked = question
    where = choose_device(asked.device)
    # the same scores from the same models, on an accelerator too
    prepare(where, deterministic=True)
    field = gather(asked.models, registry, checkpoints=asked.checkpoints, against=asked.against, repeat=asked.repeat)
    scales = target_scales(field, asked.scale)
    sets = Request(asked.folders, asked.suite, asked.downscaler, asked.degradations, asked.seed, field.trained())
    machine = describe(where)
    with progress_line() as progress:
        judge = judge_by(asked.metrics or DEFAULT_METRICS, registry, where, asked.workers, progress, cache)
        try:
            comparisons = [
                _compared(field, one, judge, None if asked.checkpoints else machine)
                for one in photo_sets(sets, scales, registry)
            ]
        except KeyboardInterrupt:
            say("what was judged so far is kept; the same command goes on from there", err=True)
            raise
    if judge.cache.trouble:
        say(f"warning: results could not be kept ({judge.cache.trouble})", err=True)
    if not comparisons:
        raise UserError("nothing was judged: no set is for a scale that a model has")
    return Answer(comparisons, machine, {"device": machine, "seed": asked.seed, "torch": _torch_version()})


def judge_by(
    names: Sequence[str],
    registry: Registry,
    device: Any,
    workers: int | None,
    progress: Progress,
    folder: Path | None = None,
) -> Judge:
    """How models are judged by these metrics, with the user's cache or one in another folder.

    Raises:
        UserError: a metric cannot be had here.
    """
    from srkit.evaluation.bench.cache import ScoreCache, cache_folder
    from srkit.evaluation.bench.judge import Judge
    from srkit.evaluation.bench.workers import default_workers
    from srkit.evaluation.described import described
    from srkit.experiment.single import pick_one, table_of

    picks: dict[str, Pick] = {}
    for text in names:
        table = table_of(text, "--metric")
        pick = pick_one(KINDS["metrics"], table, registry, shown_as="--metric", folder=None)
        name = described(pick) if len(table) > 1 else pick.component.name
        picks[pick.component.use if name in picks else name] = pick
    _built(picks)  # what cannot be had is said before any photo is looked at
    versions = {name: f"{described(one)} {one.component.use} {one.component.version}" for name, one in picks.items()}
    cache = ScoreCache(folder or cache_folder() / "bench")
    return Judge(partial(_built, picks), versions, device, workers or default_workers(device), cache, progress)


def _built(picks: Mapping[str, Pick]) -> dict[str, Metric]:
    from srkit.assembly import SharedParts

    shared, built = SharedParts(), {}
    for name, pick in picks.items():
        try:
            built[name] = pick.build(shared=shared)
        except OptionError as error:
            raise UserError(f"--metric {name}: {error.why}") from None
    return built


def _compared(field: Field, photo_set: PhotoSet, judge: Judge, machine: str | None) -> Comparison:
    from srkit.evaluation.bench.benchmark import benchmark
    from srkit.evaluation.bench.entries import compare

    contestants = field.at(photo_set.scale)
    leave_out = _left_out if machine is None else None
    entries = benchmark(contestants, photo_set, judge, machine=machine, leave_out=leave_out)
    names = [one.row.model for one in entries]
    return compare(entries, field.against if field.against in names else None)


def _left_out(sentence: str) -> None:
    say(f"warning: {sentence}", err=True)


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


@contextmanager
def progress_line() -> Iterator[Progress]:
    """A moving line on standard error while something is computed; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from srkit.cli.console import messages

    screen: Console = messages()
    if not screen.is_terminal:
        yield lambda words, done, total: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=16), MofNCompleteColumn())
    with moving(Progress(*columns, TimeRemainingColumn(compact=True), console=screen, transient=True)) as bar:
        task = bar.add_task("", visible=False)

        def told(words: str, done: int, total: int) -> None:
            if printable(words) != bar.tasks[0].description:
                bar.reset(task, description=printable(words), total=total, visible=True)
            bar.update(task, completed=done, total=total)

        yield told
