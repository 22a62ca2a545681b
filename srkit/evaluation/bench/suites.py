"""Suite files: sets with their protocol, written down once, so that a table of next year is one of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from srkit.errors import UserError, nearest
from srkit.evaluation.bench.recipes import recipe_of
from srkit.evaluation.bench.sets import PhotoSet, folder_set, pair_set
from srkit.experiment.tree import Tree, TreePath, read_tree
from srkit.registry import Registry

__all__ = ["SuiteSet", "read_suite", "suite_set", "verify"]


Scale = Annotated[int, Meta(ge=1, le=16)]

SHAPE = "A suite is one or several [[set]] tables with name and hr"


class SuiteSet(Struct, kw_only=True, forbid_unknown_fields=True):
    """One `[[set]]` of a suite.

    Attributes:
        name: what tables call it.
        hr: folder of the originals, relative to the suite's file.
        lr: folder of LR pictures, with `{scale}` in its place; left out, they are made.
        scales: at which it is judged.
        downscaler: what makes the LR pictures, or made the given ones.
        degradation: what else is done to them, as in an experiment file.
        border: SR pixels cropped on every side; the scale by default.
        images: how many there must be.
        sha256: of the originals' pixels; `srkit bench` says it where it is left out.
        seed: what degradations are drawn from.
        paper: where the set comes from.
    """

    name: Annotated[str, Meta(min_length=1)]
    hr: str
    lr: str | None = None
    scales: Annotated[list[Scale], Meta(min_length=1)] = msgspec.field(default_factory=lambda: [2, 3, 4])
    downscaler: str | dict[str, Any] | None = None
    degradation: list[dict[str, Any]] = []
    border: Annotated[int, Meta(ge=0)] | None = None
    images: Annotated[int, Meta(ge=1)] | None = None
    sha256: str | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    paper: str = ""


def read_suite(path: Path) -> list[SuiteSet]:
    """The sets of a suite file.

    Raises:
        UserError: it cannot be read, is no TOML, or a key is wrong; names the key.
    """
    tree = read_tree(path, what="suite file")
    tables = tree.values.get("set")
    for key in tree.values:
        if key != "set":
            raise UserError(f"{_place(tree, (key,), path)}: unknown key {key!r}. {nearest(key, ['set']) or SHAPE}")
    if not isinstance(tables, list) or not tables:
        raise UserError(f"{path}: {SHAPE}")
    sets = [_typed(tree, index, path) for index in range(len(tables))]
    names = [one.name for one in sets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: two sets are called {twice[0]!r}")
    return sets


def _typed(tree: Tree, index: int, path: Path) -> SuiteSet:
    fields = [one.name for one in msgspec.structs.fields(SuiteSet)]
    table = tree.get(("set", index))
    for key in table if isinstance(table, dict) else ():
        if key not in fields:
            where = f"{_place(tree, ('set', index, key), path)}: set {index + 1} {key}"
            raise UserError(f"{where}: unknown key. {nearest(key, fields) or 'Known: ' + ', '.join(fields)}")
    try:
        return msgspec.convert(table, SuiteSet)
    except msgspec.ValidationError as error:
        raise UserError(f"{_place(tree, ('set', index), path)}: set {index + 1}: {error}") from None


def _place(tree: Tree, at: TreePath, path: Path) -> str:
    """The file and, where it is known, the line of a key."""
    line = tree.origin(at).line
    return str(path) if line is None else f"{path}:{line}"


def suite_set(one: SuiteSet, scale: int, file: Path, registry: Registry) -> PhotoSet:
    """A set of a suite at one scale.

    Raises:
        UserError: a folder is missing, or a component cannot be had.
    """
    folder = file.resolve().parent
    shown_as = f"{file}: set {one.name}"
    recipe = recipe_of(
        {"downscaler": one.downscaler, "degradation": one.degradation}, registry, shown_as=shown_as, folder=folder
    )
    if one.lr is None:
        return folder_set(one.name, folder / one.hr, scale, recipe, registry, border=one.border, seed=one.seed)
    made_by = recipe if one.downscaler is not None else None
    lr = folder / one.lr.replace("{scale}", str(scale))
    return pair_set(one.name, folder / one.hr, lr, scale, registry, made_by=made_by, border=one.border)


def verify(one: SuiteSet, photo_set: PhotoSet, file: Path) -> Sequence[str]:
    """Hold a set against what the suite says of it; gives what is to be said, such as the hash of a set without one.

    Raises:
        UserError: other pictures, or another number of them.
    """
    if one.images is not None and len(photo_set) != one.images:
        raise UserError(f"{file}: set {one.name} has {len(photo_set)} pictures, and the suite says {one.images}")
    digest = photo_set.digest()
    if one.sha256 is None:
        return [f'{file}: set {one.name} has no hash; today it is sha256 = "{digest}"']
    if one.sha256 != digest:
        raise UserError(
            f"{file}: the pictures of set {one.name} are not those the suite was written for: their hash is {digest}, "
            f"and the suite says {one.sha256}"
        )
    return []
