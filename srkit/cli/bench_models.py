"""From the models on the command line to rows of a benchmark: their scales, their names, what they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.cli.saying import say
from srkit.errors import UserError
from srkit.evaluation.rows import BASELINES
from srkit.registry import KINDS, Registry

if TYPE_CHECKING:
    from torch import nn

    from srkit.contracts import Dataset
    from srkit.evaluation.bench.benchmark import Contestant
    from srkit.evaluation.bench.training_photos import TrainingSet
    from srkit.inference.named import NamedModel, TrainedOn

__all__ = ["Field", "gather", "target_scales"]


@dataclass(frozen=True)
class Field:
    """All models of a benchmark.

    Attributes:
        models: in the rows' order.
        against: the reference's name; None for each table's first row.
        repeat: how often a model is applied where its own scale is not the table's.
        registry: where their training images are looked up.
    """

    models: Sequence[NamedModel]
    against: str | None
    repeat: int
    registry: Registry

    def at(self, scale: int) -> list[Contestant]:
        """The rows of a table at one scale: the models that reach it."""
        found = [_contestant(one, scale, self.repeat, self.registry) for one in self.models]
        return [one for one in found if one is not None]

    def trained(self) -> list[tuple[str, TrainedOn]]:
        """What is known of training, by the model's name."""
        return [(one.name, one.trained_on) for one in self.models if one.trained_on is not None]


def gather(
    arguments: Sequence[str], registry: Registry, *, checkpoints: bool, against: str | None, repeat: int
) -> Field:
    """Find the models somebody named.

    Raises:
        UserError: one is not there or cannot be used, or is named twice.
    """
    from srkit.inference.naming import named_model

    typed = arguments
    arguments = [one for argument in typed for one in _runs_of(argument, unfinished=checkpoints)]
    if against is None and arguments != list(typed):
        # a study's first run is nobody's choice
        against = next((one for one in typed if one in BASELINES), None)
    if checkpoints:
        models = _with_checkpoints(arguments, registry)
    else:
        models = [named_model(one, registry) for one in arguments]
    reference = None
    if against is not None:
        reference = next((one for one in models if against in (one.name, one.argument)), None)
        if reference is None:
            reference = named_model(against, registry)
            models = [reference, *models]
    place = models.index(reference) if reference is not None else None
    models = _distinct(models)
    return Field(models, models[place].name if place is not None else None, repeat, registry)


def _runs_of(argument: str, *, unfinished: bool) -> list[str]:
    """Of a study the folders of its runs, those it says are left out aside; anything else as it is.

    Raises:
        UserError: no run of the study can be judged.
    """
    from srkit.studies.folder import is_study, read_study
    from srkit.studies.glance import glance
    from srkit.training.checkpoint import checkpoints
    from srkit.training.folder import is_run

    if not is_study(Path(argument)):
        return [argument]
    study = read_study(Path(argument))
    found = []
    for cell in study.cells:
        folder = study.run_folder(cell)
        done = glance(folder)
        begun = is_run(folder) and bool(checkpoints(folder / "checkpoints"))
        if begun and (unfinished or (done.total and done.step >= done.total)):
            found.append(str(folder))
        else:
            how_far = f", step {done.step} of {done.total}" if done.total else ""
            say(f"warning: left out: {cell.name} of {argument} ({cell.state}{how_far})", err=True)
    if not found:
        raise UserError(f"{argument}: no run of this study has ended yet; --checkpoints judges those on their way")
    return found


def _with_checkpoints(arguments: Sequence[str], registry: Registry) -> list[NamedModel]:
    """Every run's checkpoints in its place; what is no run stays."""
    from srkit.inference.naming import named_model
    from srkit.inference.run_models import run_checkpoints
    from srkit.training.folder import is_run

    runs = [one for one in arguments if is_run(Path(one))]
    if not runs:
        raise UserError(f"--checkpoints judges all checkpoints of a run, and {', '.join(arguments)} is no run folder")
    models: list[NamedModel] = []
    for argument in arguments:
        if argument not in runs:
            models.append(named_model(argument, registry))
            continue
        found, complaints = run_checkpoints(Path(argument), registry)
        for complaint in complaints:
            say(f"warning: left out: {complaint}", err=True)
        prefix = f"{Path(argument).resolve().name} " if len(runs) > 1 else ""
        models += [replace(one, name=prefix + one.name) for one in found]
    return models


def _distinct(models: Sequence[NamedModel]) -> list[NamedModel]:
    """Models with names of their own; of two with one name each is called as it was typed."""
    names = [one.name for one in models]
    renamed = [one if names.count(one.name) == 1 else replace(one, name=one.argument) for one in models]
    again = [one.name for one in renamed]
    twice = next((name for name in again if again.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{twice} is named twice; a table has one row for each model")
    return renamed


def target_scales(field: Field, wanted: int | None) -> list[int]:
    """The scales that tables are made for; empty where any scale would do.

    Raises:
        UserError: a model cannot reach the one that was asked for.
    """
    from srkit.inference.repeat import repeats_needed

    own = {one.name: one.scale for one in field.models if one.scale is not None}
    if wanted is not None:
        for name, scale in own.items():
            if repeats_needed(scale, wanted, field.repeat) is None:
                times = f", {scale**field.repeat} after {field.repeat} times" if field.repeat > 1 else ""
                raise UserError(f"{name} enlarges {scale} times{times}; --scale {wanted} cannot be had of it")
        return [wanted]
    reached = {scale**field.repeat for scale in own.values()}
    return sorted({scale if scale in reached else scale**field.repeat for scale in own.values()})


def _contestant(model: NamedModel, scale: int, repeat: int, registry: Registry) -> Contestant | None:
    from srkit.evaluation.bench.benchmark import Contestant
    from srkit.inference.named import identity_of
    from srkit.inference.repeat import repeats_needed

    times = 1 if model.scale is None else repeats_needed(model.scale, scale, repeat)
    if times is None:
        return None
    known = model.trained_on
    unknown = "" if model.scale is None else "unknown"
    return Contestant(
        name=model.name if times == 1 else f"{model.name} ({times} times x{model.scale})",
        identity=identity_of(model.identity, scale, times),
        load=partial(_loaded, model, scale, times),
        counted=model.counted,
        trained_on=", ".join(dict.fromkeys((known.data, known.lr_images))) if known is not None else unknown,
        training=_training_set(known, registry) if known is not None else None,
        warnings=model.warnings,
    )


def _loaded(model: NamedModel, scale: int, times: int) -> nn.Module:
    from srkit.inference.repeat import Repeated

    network = model.load(scale)
    return network if times == 1 else Repeated(network, times).eval()


def _training_set(known: TrainedOn, registry: Registry) -> TrainingSet | None:
    from srkit.cli.training_places import with_place
    from srkit.evaluation.bench.training_photos import TrainingSet

    placed = with_place(known)
    table = placed.experiment.get("data", {}).get("train")
    if not isinstance(table, dict):
        return None
    # what only a file says is looked up as files are, and nothing is kept under the fingerprint that it claims
    is_here = placed is not known or not known.shared
    offered, fingerprint = (registry, known.fingerprint) if is_here else (registry.registered_only, "")
    return TrainingSet(placed.data, fingerprint, partial(_dataset, table, placed, offered))


def _dataset(table: dict[str, Any], known: TrainedOn, registry: Registry) -> Dataset:
    """The training set. Where an exported file tells of it, it may have changed since."""
    from srkit.data.audit import fingerprint
    from srkit.experiment.single import pick_one

    shown_as = "its training images"
    pick = pick_one(KINDS["datasets"], table, registry, shown_as=shown_as, folder=known.folder)
    dataset: Dataset = pick.build()
    in_folders = any(isinstance(value, (Path, list)) for one in pick.walk() for value in one.options.values())
    if known.shared and in_folders and known.fingerprint != fingerprint(dataset, pick.all_options()):
        raise UserError(f"what lies in {known.data} is not what it was trained on")
    return dataset
