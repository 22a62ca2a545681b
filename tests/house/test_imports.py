"""Imports run one way, as the house was drawn; who needs an exception stands here with the reason."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.house.source import PACKAGE, Import, dotted, imports, modules

GROUND = {
    "errors",
    "seeds",
    "draws",
    "contracts",
    "layout",
    "layer_outputs",
    "machine",
    "links",
    "locks",
    "json_files",
    "toml_files",
    "plain_files",
    "procfs",
    "out_of_memory",
    "exactness",
    "printable",
    "uncompiled",
    "places",
    "shared_state",
    "own_warnings",
    "weight_files",
}
LOWER = GROUND | {"registry", "hooks", "experiment"}
MIDDLE = LOWER | {"data", "assembly"}
UPPER = MIDDLE | {"training", "evaluation", "inference"}

MAY_IMPORT: dict[str, set[str]] = {
    "printable": set(),
    "uncompiled": set(),
    "shared_state": set(),
    "own_warnings": {"errors", "printable", "shared_state"},
    "places": set(),
    "errors": {"printable"},
    "seeds": set(),
    "machine": {"errors"},
    "draws": {"seeds"},
    "contracts": {"errors"},
    "layout": set(),
    "layer_outputs": {"errors"},
    "exactness": set(),
    "plain_files": set(),
    "links": {"errors", "plain_files"},
    "locks": {"errors", "links"},
    "json_files": {"errors", "plain_files"},
    "toml_files": set(),
    "procfs": set(),
    "out_of_memory": set(),
    "weight_files": {"errors", "plain_files"},
    "registry": {"errors", "contracts", "locks", "machine", "data", "plain_files", "shared_state"},
    "hooks": {"errors", "shared_state"},
    "experiment": {"errors", "registry", "toml_files", "plain_files"},
    "data": GROUND,
    "assembly": LOWER | {"data"},
    "components": GROUND | {"data"},
    "preparing": GROUND | {"registry", "experiment", "data"},
    "training": MIDDLE,
    "inference": MIDDLE,
    "evaluation": MIDDLE,
    "testing": MIDDLE,
    "readiness": UPPER,
    "execution": UPPER | {"readiness"},
    "dry_run": UPPER | {"readiness", "execution"},
    "preview": UPPER | {"readiness", "dry_run"},
    "studies": UPPER,
    "cli": UPPER | {"testing", "preparing", "execution", "dry_run", "preview", "studies"},
    # the commands as functions: what a notebook shows is what the command line computes
    "notebook": UPPER | {"execution", "studies", "cli"},
    "api": UPPER | {"notebook", "cli"},
    "__main__": {"cli"},
}
"""The rooms of the house: each may import itself and these, nothing else of srkit."""

EXCEPTIONS = {
    ("evaluation", "srkit.inference.forward"): "a picture is judged by the forward pass that upscaling does",
    ("inference", "srkit.training.checkpoint"): "a model is read out of the checkpoint that training wrote",
    ("inference", "srkit.training.binding"): "a model is read out of a checkpoint of its own run alone",
    ("inference", "srkit.training.folder"): "a model is found in the run folder that training made",
    (
        "testing",
        "srkit.inference.exported",
    ): "components that need a trained model are tried with one as export writes it",
    ("testing", "srkit.inference.own_words"): "likewise: what such a file says of itself",
    ("hooks", "srkit.training.run"): "names the type that hooks are handed; for type checkers alone",
}
"""Imports against the order: (room, module) -> why."""

BUILT_OF = {
    ("generators", "blocks"): "published generators are made of certain blocks, whatever a file picks elsewhere",
}
"""(kind, other kind) -> why the one may import the other's modules."""


def room(module: str) -> str:
    """The part of the house a dotted module belongs to; empty for the bare `srkit`, which holds the version alone."""
    return module.split(".")[1] if "." in module else ""


def own_imports(path: Path) -> list[Import]:
    return [one for one in imports(path) if one.target.split(".")[0] == "srkit"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    here = room(dotted(path))
    if not here:
        return
    wrong = [
        one.target
        for one in own_imports(path)
        if room(one.target) not in MAY_IMPORT[here] | {here, ""} and (here, one.target) not in EXCEPTIONS
    ]
    assert not wrong, f"{dotted(path)} imports {', '.join(wrong)}; MAY_IMPORT in this file says what it may"


def test_every_room_is_drawn() -> None:
    assert {room(dotted(path)) for path in modules()} - {""} == set(MAY_IMPORT)


def test_the_drawing_has_no_circle() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()  # raises CycleError


def test_every_exception_is_used() -> None:
    used = {(room(dotted(path)), one.target) for path in modules() for one in own_imports(path)}
    assert set(EXCEPTIONS) <= used


def test_exceptions_for_type_checkers_are_for_them_alone() -> None:
    for one in own_imports(PACKAGE / "hooks.py"):
        assert one.for_types or room(one.target) in MAY_IMPORT["hooks"]


@pytest.mark.parametrize("path", modules(PACKAGE / "components"), ids=lambda path: path.stem)
def test_a_component_knows_no_other_kind(path: Path) -> None:
    """Components of one kind may share modules of their folder; what kinds share lies beside the folders."""
    kind = dotted(path).split(".")[2] if path.parent.name != "components" else ""
    for one in own_imports(path):
        parts = one.target.split(".")
        if parts[1:2] == ["components"] and len(parts) > 3:
            known = parts[2] == kind or (kind, parts[2]) in BUILT_OF
            assert known, f"{dotted(path)} imports {one.target}, which is of another kind"


def test_torchvision_is_never_imported_at_the_top_of_a_module() -> None:
    """It takes over a second, and most runs need nothing of it."""
    found = [
        dotted(path)
        for path in modules()
        for one in imports(path)
        if one.at_top and not one.for_types and one.target.split(".")[0] == "torchvision"
    ]
    assert not found
