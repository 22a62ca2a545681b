"""What a report compares: runs that were trained alike, on the photos they were validated on or on those named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.cli.saying import say
from srkit.errors import ExperimentError, SrkitError, UserError
from srkit.experiment.single import pick_one
from srkit.registry import KINDS, Registry
from srkit.registry.trust import NOT_BUILT

if TYPE_CHECKING:
    from srkit.cli.report_runs import FoundRun
    from srkit.evaluation.bench.benchmark import Contestant
    from srkit.evaluation.bench.entries import Comparison
    from srkit.evaluation.bench.gallery import Progress
    from srkit.evaluation.bench.judge import Judge
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.evaluation.report.contents import Chapter, Kept, Shown
    from srkit.evaluation.rows import Photo, Row
    from srkit.inference.named import NamedModel

__all__ = ["Work", "chapters"]

BASELINE = "bicubic"


@dataclass(frozen=True)
class Work:
    """How the chapters are made.

    Attributes:
        registry: where components are looked up.
        device: where to compute.
        folders: `HR` or `HR=LR`, as typed; empty for the photos that runs were validated on.
        photos: how many are shown of each set.
        progress: told how far it is.
    """

    registry: Registry
    device: Any
    folders: Sequence[str]
    photos: int
    progress: Progress


def chapters(runs: Sequence[FoundRun], work: Work) -> list[Chapter]:
    """A chapter for each set of photos and each way to make their LR pictures: what can be compared with each other.

    Raises:
        UserError: a set that was named cannot be had.
    """
    from srkit.evaluation.report.contents import Chapter
    from srkit.inference.run_models import run_model

    models: list[NamedModel] = []
    without: list[str] = []
    found: list[Chapter] = []
    for run in runs:
        try:
            model = replace(run_model(run.folder, work.registry), name=run.name)
        except SrkitError as error:
            without.append(f"{run.name} has no pictures and no scores: {error}")
            continue
        for sentence in model.complaints:
            say(f"warning: {run.name}: {sentence}", err=True)
        if why := _why_not_built(model, work):
            found += _as_they_said([model], runs, why, work.photos)
        else:
            models.append(model)
    found += [chapter for group in _groups(models, work) for chapter in _of_group(group, runs, work)]
    if not work.folders:
        found += [chapter for group in _by_photos(models) for chapter in _without_originals(group, work)]
    found = _told_apart(found)
    return [*found, Chapter("Runs without pictures", None, notes=without)] if without else found


def _why_not_built(model: NamedModel, work: Work) -> str:
    """Why a run's generator, or what makes its LR images, cannot be had here; empty where they can."""
    assert model.trained_on is not None  # a run's
    experiment, folder = model.trained_on.experiment, model.trained_on.folder
    try:
        pick_one(KINDS["generators"], experiment["generator"], work.registry, shown_as=model.name, folder=folder)
        _likeness(model, work)
    except ExperimentError as error:
        untrusted = any(one.message.startswith(NOT_BUILT) for one in error.problems)
        return f"{NOT_BUILT}; --trust loads it" if untrusted else str(error)
    return ""


def _told_apart(found: Sequence[Chapter]) -> list[Chapter]:
    """With the models' names behind titles that two chapters share: LR pictures may differ by their seed alone."""
    titles = [one.title for one in found]

    def names(one: Chapter) -> str:
        entries = one.comparison.entries if one.comparison is not None else ()
        return ", ".join(entry.row.model for entry in entries if entry.row.model != BASELINE)

    return [replace(one, title=f"{one.title}: {names(one)}") if titles.count(one.title) > 1 else one for one in found]


def _groups(models: Sequence[NamedModel], work: Work) -> list[list[NamedModel]]:
    """Models that enlarge alike, were trained for LR pictures made alike, and are judged on the same photos."""
    groups: dict[str, list[NamedModel]] = {}
    for model in models:
        groups.setdefault(_likeness(model, work), []).append(model)
    return list(groups.values())


def _likeness(model: NamedModel, work: Work) -> str:
    from srkit.cli.bench_sets import RECIPE_KEYS
    from srkit.evaluation.bench.recipes import recipe_of

    assert model.trained_on is not None  # a run's
    experiment, folder = model.trained_on.experiment, model.trained_on.folder
    tables = {key: experiment[key] for key in RECIPE_KEYS if key in experiment}
    recipe = recipe_of(tables, work.registry, shown_as=f"{model.name}'s experiment", folder=folder)
    own_code = str(folder) if "./" in json.dumps(tables) else ""
    key: list[Any] = [model.scale, recipe.key, own_code]
    if not work.folders:
        validate = experiment.get("data", {}).get("validate")
        draws = recipe.degradations or "lr_pipeline" in experiment or recipe.maker(model.scale or 1).draws_a_downscaler
        key += [validate, experiment.get("validation", {}).get("images"), experiment.get("seed") if draws else None]
    return json.dumps(key, sort_keys=True, default=str)


def _of_group(group: Sequence[NamedModel], runs: Sequence[FoundRun], work: Work) -> Iterator[Chapter]:
    """The chapters of models that can be compared; out of their own tables where their photos cannot be had."""
    from srkit.cli.bench_sets import Request, photo_sets
    from srkit.evaluation.report.contents import Chapter

    first = group[0]
    assert first.trained_on is not None and first.scale is not None  # a run's
    if not work.folders and not first.trained_on.experiment.get("data", {}).get("validate"):
        names = ", ".join(one.name for one in group)
        yield Chapter(names, None, notes=["no scores: validated on no originals; --on FOLDER names some"])
        return
    asked = Request(work.folders, None, None, (), 0, [(first.name, first.trained_on)])
    try:
        for photo_set in photo_sets(asked, [first.scale], work.registry):
            yield _judged(group, runs, photo_set, work)
    except SrkitError as error:
        if work.folders:
            raise
        yield from _as_they_said(group, runs, str(error), work.photos)


def _judged(group: Sequence[NamedModel], runs: Sequence[FoundRun], photo_set: PhotoSet, work: Work) -> Chapter:
    from srkit.cli.bench_models import Field
    from srkit.evaluation.bench.benchmark import benchmark
    from srkit.evaluation.bench.entries import compare
    from srkit.evaluation.curves import scatters
    from srkit.evaluation.report.contents import Chapter
    from srkit.evaluation.report.pictures import chosen
    from srkit.inference.naming import named_model

    notes: list[str] = []
    judge = _judge(group, work, notes)
    contestants = Field([named_model(BASELINE, work.registry), *group], None, 1, work.registry).at(photo_set.scale)
    entries = benchmark(contestants, photo_set, judge, machine=None, leave_out=notes.append)
    names = [entry.row.model for entry in entries]
    photos = [photo_set.photo(index) for index in chosen(len(photo_set), work.photos)]
    comparison = replace(compare(entries), results=_results([one for one in runs if one.name in names]))
    shown = _shown(
        photos, [one for one in contestants if one.name in names], photo_set.scale, work, comparison=comparison
    )
    rows = [entry.row for entry in entries]
    return Chapter(_title(rows[0]), comparison, scatters(rows), shown, len(photo_set), notes)


def _judge(group: Sequence[NamedModel], work: Work, notes: list[str]) -> Judge:
    """The metrics that the runs were validated by, those that this machine has."""
    from srkit.cli.bench_answer import DEFAULT_METRICS, judge_by

    def judged_by(names: Sequence[str]) -> Judge:
        return judge_by(names, work.registry, work.device, None, work.progress)

    wanted: dict[str, None] = {}
    for model in group:
        assert model.trained_on is not None  # a run's
        names = model.trained_on.experiment.get("validation", {}).get("metrics") or DEFAULT_METRICS
        known = [work.registry.default_of(KINDS["metrics"], name) for name in names]
        wanted |= {_found(name, model.trained_on.folder): None for name in known}
    try:
        return judged_by(list(wanted))
    except UserError:
        pass  # said for each metric below
    there = []
    for name in wanted:
        try:
            judged_by([name])
            there.append(name)
        except UserError as error:
            notes.append(f"not measured: {str(error).removeprefix('--metric ')}")
    return judged_by(there or DEFAULT_METRICS)


def _found(metric: str, run: Path) -> str:
    """A metric's name; that of a user's own file with the place of the run's copy, whatever folder one stands in."""
    file, colon, attribute = metric.rpartition(":")
    return f"{(run / file).resolve()}{colon}{attribute}" if metric.startswith("./") else metric


def _shown(
    photos: Sequence[Photo],
    contestants: Sequence[Contestant],
    scale: int,
    work: Work,
    comparison: Comparison | None = None,
) -> list[Shown]:
    from srkit.evaluation.report.pictures import shown_photos
    from srkit.evaluation.report.tables import figures_by_photo

    figures = figures_by_photo(comparison) if comparison is not None else {}
    return shown_photos(
        photos,
        [(one.name, one.load) for one in contestants],
        lambda model, photo: figures.get(model, {}).get(photo, ""),
        scale,
        work.device,
        work.progress,
    )


def _as_they_said(group: Sequence[NamedModel], runs: Sequence[FoundRun], why: str, count: int) -> Iterator[Chapter]:
    """The tables and the strips that the runs ended with, where the photos cannot be looked at again."""
    from srkit.evaluation.bench.entries import RECORDED, Entry, compare
    from srkit.evaluation.curves import scatters
    from srkit.evaluation.report.contents import Chapter
    from srkit.evaluation.rows import by_protocol
    from srkit.evaluation.scores_file import read_scores

    names = {one.name for one in group}
    own = [run for run in runs if run.name in names]
    rows = []
    for run in own:
        file = run.folder / "scores.json"
        if file.is_file():
            rows += [one if one.model == BASELINE else replace(one, model=run.name) for one in read_scores(file)]
    if not rows:
        yield Chapter(", ".join(sorted(names)), None, notes=[f"no pictures and no scores: {why}"])
    for alike in by_protocol(rows):
        # each run has a row for the baseline, the same but for its time; and times are of different hours
        table = list({row.model: replace(row, seconds_per_megapixel=None) for row in alike}.values())
        table.sort(key=lambda row: row.model != BASELINE)
        comparison = replace(compare([Entry(row) for row in table]), origin=RECORDED, results=_results(own))
        shown = {row.model for row in table}
        strips = [one for run in own if run.name in shown for one in _strips(run, count)]
        what = "scores and strips" if strips else "scores"
        said = f"{what} as the runs ended with, without looking at the images again: {why}"
        yield Chapter(_title(table[0]), comparison, scatters(table), notes=[said], strips=strips)


def _results(runs: Sequence[FoundRun]) -> dict[str, str]:
    """The short hash of each run's `results.json`, for papers."""
    from srkit.training.results import short_hash

    return {run.name: short for run in runs if (short := short_hash(run.folder))}


def _strips(run: FoundRun, count: int) -> list[Kept]:
    from srkit.evaluation.report.contents import Kept
    from srkit.evaluation.report.pictures import chosen
    from srkit.links import is_link

    folder = run.folder / "strips"
    # what a link leads to is no strip, and a page is handed on
    files = [one for one in sorted(folder.glob("[!.]*.png")) if not is_link(folder) and not is_link(one)]
    return [Kept(run.name, files[index]) for index in chosen(len(files), count)] if files else []


def _title(row: Row) -> str:
    """The set, the scale, and by what components LR pictures came about."""
    from srkit.evaluation.rows import lr_origin

    origin = lr_origin(row.downscaler, row.degradations, names_alone=True)
    return f"{row.set}, x{row.scale}, LR {origin}" if origin else f"{row.set}, x{row.scale}"


def _by_photos(models: Sequence[NamedModel]) -> list[list[NamedModel]]:
    """Models that upscaled the same pictures without originals at each validation."""
    groups: dict[tuple[Any, str], list[NamedModel]] = {}
    for model in models:
        assert model.trained_on is not None  # a run's
        folder = model.trained_on.experiment.get("validation", {}).get("photos")
        if folder:
            groups.setdefault((model.scale, str(folder)), []).append(model)
    return list(groups.values())


def _without_originals(group: Sequence[NamedModel], work: Work) -> Iterator[Chapter]:
    from srkit.cli.bench_models import Field
    from srkit.evaluation.report.contents import Chapter
    from srkit.inference.naming import named_model

    known, scale = group[0].trained_on, group[0].scale
    assert known is not None and scale is not None  # a run's
    folder = known.folder / Path(known.experiment["validation"]["photos"])
    title = f"{folder.name}, x{scale}, pictures without originals"
    try:
        total, photos = _low(folder, work)
        contestants = Field([named_model(BASELINE, work.registry), *group], None, 1, work.registry).at(scale)
        yield Chapter(title, None, (), _shown(photos, contestants, scale, work), total)
    except SrkitError as error:
        yield Chapter(title, None, notes=[f"no pictures: {error}"])


def _low(folder: Path, work: Work) -> tuple[int, list[Photo]]:
    """How many LR pictures a folder has, and those that are shown."""
    import torch

    from srkit.errors import OptionError
    from srkit.evaluation.report.pictures import chosen
    from srkit.evaluation.rows import Photo

    try:
        dataset = work.registry.find(KINDS["datasets"], "srkit:folder", Path.cwd()).factory(path=folder, seed=None)
    except OptionError as error:
        raise UserError(error.why) from None
    places = chosen(len(dataset), work.photos)
    pictures = [(dataset.name(one), torch.from_numpy(dataset[one].copy()).permute(2, 0, 1)) for one in places]
    return len(dataset), [Photo(name, None, lr) for name, lr in pictures]
