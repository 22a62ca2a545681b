"""From the sets on the command line to what models are judged on: folders, pairs, suites, a run's own photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.cli.saying import say
from srkit.errors import UserError
from srkit.experiment.single import pick_one, table_of
from srkit.registry import KINDS, Registry

if TYPE_CHECKING:
    from srkit.evaluation.bench.recipes import LrRecipe
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.inference.named import TrainedOn

__all__ = ["Request", "photo_sets"]

RECIPE_KEYS = ("downscaler", "degradation", "lr_pipeline")


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        folders: `HR` or `HR=LR`, as typed.
        suite: a suite file.
        downscaler, degradations: how LR pictures are made, as typed.
        seed: what degradations are drawn from.
        trained: what is known of the models' training, by name.
    """

    folders: Sequence[str]
    suite: Path | None
    downscaler: str | None
    degradations: Sequence[str]
    seed: int
    trained: Sequence[tuple[str, TrainedOn]]


def photo_sets(asked: Request, scales: Sequence[int], registry: Registry) -> Iterator[PhotoSet]:
    """The sets, each at each scale.

    Args:
        asked: what was asked for.
        scales: those that the models have; empty where they can do any.

    Raises:
        UserError: a set cannot be had, or models were trained for different LR pictures and nobody says which to use.
    """
    if not asked.folders and asked.suite is None:
        yield from _own_photos(asked, scales, registry)
        return
    names = _names([_split(one)[0] for one in asked.folders])
    for text, name in zip(asked.folders, names, strict=True):
        hr, lr = _split(text)
        yield from _folder(asked, name, hr, scales, registry) if lr is None else _pairs(name, hr, lr, scales, registry)
    if asked.suite is not None:
        yield from _suite(asked.suite, scales, registry)


def _split(text: str) -> tuple[Path, Path | None]:
    """`HR` or `HR=LR`; a folder whose own name holds an equals sign is one."""
    if Path(text).exists() or "=" not in text:
        return Path(text), None
    hr, _, lr = text.partition("=")
    return Path(hr), Path(lr)


def _names(folders: Sequence[Path]) -> list[str]:
    """What folders are called: their own name, with the one above where that says nothing or is taken."""
    short = [one.resolve().name for one in folders]
    plain = ("hr", "HR", "gt", "GT", "images", "original", "originals")
    return [
        "/".join(folder.resolve().parts[-2:]) if name in plain or short.count(name) > 1 else name
        for folder, name in zip(folders, short, strict=True)
    ]


def _folder(asked: Request, name: str, hr: Path, scales: Sequence[int], registry: Registry) -> Iterator[PhotoSet]:
    from srkit.evaluation.bench.sets import folder_set

    if not scales:
        raise UserError("these models can do any scale: say which, --scale 2")
    recipe = _recipe(asked, registry)
    for scale in scales:
        yield folder_set(name, hr, scale, recipe, registry, seed=asked.seed)


def _pairs(name: str, hr: Path, lr: Path, scales: Sequence[int], registry: Registry) -> Iterator[PhotoSet]:
    from srkit.evaluation.bench.sets import pair_set

    scale = _scale_of_pairs(name, hr, lr)
    others = [one for one in scales if one != scale]
    if others:
        raise UserError(
            f"set {name} has LR pictures for x{scale}, and there is a model for x{others[0]}: judge it apart"
        )
    yield pair_set(name, hr, lr, scale, registry)


def _scale_of_pairs(name: str, hr: Path, lr: Path) -> int:
    """How many times larger the largest HR picture is than the largest LR one."""
    from srkit.data.decoding import image_size
    from srkit.data.picture_files import PictureFiles

    widths = []
    for folder in (lr, hr):
        if not folder.is_dir():
            raise UserError(f"set {name}: there is no folder {folder}")
        files = PictureFiles(folder).files()
        if not files:
            raise UserError(f"set {name}: no pictures in {folder}")
        widths.append(max(image_size(one)[0] for one in files))
    return max(1, widths[1] // max(1, widths[0]))


def _suite(file: Path, scales: Sequence[int], registry: Registry) -> Iterator[PhotoSet]:
    from srkit.evaluation.bench.suites import read_suite, suite_set, verify

    sets = read_suite(file)
    there = [one for one in sets if (file.parent / one.hr).is_dir()]
    for one in sets:
        if one not in there:
            say(f"warning: set {one.name} is left out: there is no folder {file.parent / one.hr}", err=True)
    if not there:
        raise UserError(f"{file}: none of its sets is on this machine")
    for one in there:
        fitting = [scale for scale in one.scales if not scales or scale in scales]
        if not fitting:
            known = ", ".join(f"x{scale}" for scale in one.scales)
            say(f"warning: set {one.name} of {file} is for {known} and left out: no model is", err=True)
        for number, scale in enumerate(fitting):
            found = suite_set(one, scale, file, registry)
            if number == 0:
                for sentence in verify(one, found, file):
                    say(sentence, err=True)
            yield found


def _recipe(asked: Request, registry: Registry) -> LrRecipe:
    """LR pictures as the command line says, else as all models were trained, else as published tables have them."""
    from srkit.evaluation.bench.recipes import recipe_of

    degradations = [table_of(one, "--degradation") for one in asked.degradations]
    if asked.downscaler is not None:
        tables = {"downscaler": table_of(asked.downscaler, "--downscaler"), "degradation": degradations}
        return recipe_of(tables, registry, shown_as="--downscaler", folder=None)
    agreed = _agreed(asked.trained, registry)
    if not degradations:
        return agreed or recipe_of({}, registry, shown_as="--downscaler", folder=None)
    given = recipe_of({"degradation": degradations}, registry, shown_as="--degradation", folder=None)
    return given if agreed is None else type(given)(agreed.shrinks, given.degradations)


def _agreed(trained: Sequence[tuple[str, TrainedOn]], registry: Registry) -> LrRecipe | None:
    """How the LR pictures of all models' training were made; None where nothing is known.

    Raises:
        UserError: they differ.
    """
    from srkit.evaluation.bench.recipes import recipe_of

    recipes: dict[str, tuple[str, LrRecipe]] = {}
    tables_seen = set()
    for name, one in trained:
        tables = {key: one.experiment[key] for key in RECIPE_KEYS if key in one.experiment}
        written = json.dumps([tables, str(one.folder) if "./" in json.dumps(tables) else ""], sort_keys=True)
        if written not in tables_seen:
            tables_seen.add(written)
            found_by = registry.registered_only if one.shared else registry
            recipe = recipe_of(tables, found_by, shown_as=f"{name}'s experiment", folder=one.folder)
            recipes.setdefault(recipe.key, (name, recipe))
    if len(recipes) > 1:
        ways = "; ".join(
            f"{name}: {', then '.join([recipe.downscaler, *recipe.degraded_by])}" for name, recipe in recipes.values()
        )
        raise UserError(
            f"these models were trained on LR pictures made in different ways ({ways}), and a table has one: "
            "name it by --downscaler and --degradation"
        )
    return next((recipe for _, recipe in recipes.values()), None)


def _own_photos(asked: Request, scales: Sequence[int], registry: Registry) -> Iterator[PhotoSet]:
    """The photos that the models' runs were validated on, shrunk as theirs were: the final table's of a run."""
    from srkit.cli.training_places import require_beside
    from srkit.data.cache import gives_pairs
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.evaluation.described import dataset_name
    from srkit.evaluation.rows import GIVEN

    wanted: dict[str, tuple[str, TrainedOn]] = {}
    for name, one in asked.trained:
        table = one.experiment.get("data", {}).get("validate")
        key = json.dumps([table, one.experiment.get("validation", {}).get("images"), one.experiment.get("seed")])
        wanted.setdefault(key, (name, one))
    if len(wanted) != 1 or not next(iter(wanted.values()))[1].experiment.get("data", {}).get("validate"):
        raise UserError("name the photos to judge on: --on FOLDER, or --suite FILE" + _why_no_own(wanted))
    name, known = next(iter(wanted.values()))
    validate: dict[str, Any] = known.experiment["data"]["validate"]
    shown_as = f"{name}'s experiment"
    found_by = registry.registered_only if known.shared else registry
    pick = pick_one(KINDS["datasets"], validate, found_by, shown_as=shown_as, folder=known.folder)
    require_beside(pick, known, shown_as)
    dataset = pick.build()
    given = gives_pairs(dataset)
    if given and (asked.downscaler is not None or asked.degradations):
        raise UserError("these photos come with their LR pictures: leave --downscaler and --degradation out")
    recipe = None if given else _recipe(asked, registry)
    for scale in scales:
        maker = recipe.maker(scale) if recipe is not None else None
        limit = known.experiment.get("validation", {}).get("images")
        yield PhotoSet(
            name=dataset_name(pick),
            dataset=dataset,
            scale=scale,
            maker=maker,
            downscaler=recipe.downscaler if recipe is not None else GIVEN,
            degradations=recipe.degraded_by if recipe is not None else (),
            border=scale,
            seed=int(known.experiment.get("seed", 0)),
            shrink=_shrink(maker) if maker is not None else None,
            limit=limit,
        )


def _shrink(maker: Any) -> Callable[[Any], Any] | None:
    return None if maker.downscaler is None or maker.draws_a_downscaler else maker.shrink


def _why_no_own(wanted: dict[str, Any]) -> str:
    if not wanted:
        return " (only a run has photos of its own)"
    return " (the runs were validated on different photos)" if len(wanted) > 1 else " (the run was validated on none)"
