"""`[matrix]`: the product, what rows and folders are called, and what is wrong with it, by file and line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.experiment import StudyReading, complete, read_experiment, read_study
from srkit.experiment.study import gathered
from tests.experiment.conftest import BASE, Desk

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.integers(0, 99),
    "generator.channels": st.integers(1, 64),
    "data.batch_size": st.integers(1, 9),
    "optimizer.lr": st.floats(1e-6, 1, allow_nan=False),
    "precision": st.sampled_from(["auto", "fp32", "bf16"]),
    "augment.flip": st.booleans(),
    "pixel_loss.mse.weight": st.sampled_from([0.5, 1, 2.5]),
}


def study(desk: Desk, matrix: str, *given: str) -> StudyReading:
    found = read_study(desk.write(f"{BASE}{matrix}"), given)
    assert found is not None
    return found


def said(desk: Desk, matrix: str, *given: str) -> list[str]:
    """Everything that is wrong, as it is printed, files by their name alone."""
    reading = study(desk, matrix, *given)
    plans = [(one, complete(one.reading, desk.registry).problems) for one in reading.cells]
    problems = dict.fromkeys([*reading.all_problems(), *gathered(plans)])
    return [str(one).replace(f"{desk.folder}/", "") for one in problems]


@st.composite
def matrices(draw: st.DrawFn) -> dict[str, list[Any]]:
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    return {key: draw(st.lists(VALUES[key], min_size=1, max_size=3, unique_by=str)) for key in keys}


def nested(matrix: Mapping[str, Any]) -> dict[str, Any]:
    """The same keys as tables inside each other."""
    tables: dict[str, Any] = {}
    for key, values in matrix.items():
        *outer, last = key.split(".")
        table = tables
        for part in outer:
            table = table.setdefault(part, {})
        table[last] = values
    return tables


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(matrix=matrices(), as_tables=st.booleans())
def test_there_is_one_experiment_a_combination(matrix: dict[str, list[Any]], as_tables: bool, desk: Desk) -> None:
    reading = study(desk, tomli_w.dumps({"matrix": nested(matrix) if as_tables else matrix}))
    assert not reading.all_problems()
    combinations = {tuple(map(repr, one)) for one in itertools.product(*matrix.values())}
    assert {tuple(repr(cell.settings[key]) for key in matrix) for cell in reading.cells} == combinations
    assert len(reading.cells) == len(combinations) == len({one.name.casefold() for one in reading.cells})
    rows = len(combinations) // len(matrix.get("seed", [0]))
    assert len(reading.alternatives) == rows
    # the first seed's cells come first, so that every row has a run before any has two
    assert [one.alternative for one in reading.cells[:rows]] == reading.alternatives
    for cell in reading.cells:
        assert re.fullmatch(r"[A-Za-z0-9.-]+", cell.name)
        alone = read_experiment(desk.write(BASE), [f"{key}={tomli(value)}" for key, value in cell.settings.items()])
        assert cell.reading.experiment == alone.experiment


def tomli(value: Any) -> str:
    return tomli_w.dumps({"it": value}).partition(" = ")[2].strip()


def test_rows_are_called_by_label_by_component_or_by_key_and_value(desk: Desk) -> None:
    reading = study(
        desk,
        """
        [matrix]
        generator = ["espcn", { label = "My trunk!", use = "trunk", channels = 4 }, { use = "./parts.py:Net" }]
        pixel_loss = [["mse"], [{ use = "l1" }, "mse"]]
        "data.patch_size" = [32]
        lr = [{ label = "fast", value = { generator = 1e-2 } }, 1e-4]
        """,
    )
    assert reading.alternatives == [
        ", ".join(one)
        for one in itertools.product(["espcn", "My trunk!", "Net"], ["mse", "l1+mse"], ["patch_size=32"], ["fast", "lr=0.0001"])
    ]  # fmt: skip
    assert reading.cells[4].name == "My-trunk-mse-patch-size-32-fast"
    third = reading.cells[2].reading.experiment
    assert [one.use for one in third.pixel_loss] == ["l1", "mse"] and third.lr.generator == 1e-2


def test_seeds_alone_make_one_row_and_their_cells_are_called_by_them(desk: Desk) -> None:
    reading = study(desk, "[matrix]\nseed = [3, 1]\n")
    assert reading.alternatives == ["x"] and [one.name for one in reading.cells] == ["seed3", "seed1"]


def test_names_that_would_meet_on_a_disk_are_numbered(desk: Desk) -> None:
    loss = '{ label = "%s", value = ["mse"] }'
    labels = [loss.replace("mse", one) % label for label, one in (("A b", "l1"), ("a-b", "mse"), ("study", "huber"))]
    reading = study(desk, f"[matrix]\npixel_loss = [{', '.join(labels)}]\n")
    assert [one.name for one in reading.cells] == ["A-b", "a-b-2", "study-2"]
    assert reading.alternatives == ["A b", "a-b", "study"]


def test_a_table_of_the_matrix_takes_the_whole_table_s_place_and_deeper_keys_go_on_top(desk: Desk) -> None:
    reading = study(
        desk, '[matrix]\n"generator.channels" = [4]\ngenerator = [{ use = "trunk", blocks = 1, block = "plain" }]\n'
    )
    assert reading.cells[0].reading.experiment.generator.options == {"blocks": 1, "block": "plain", "channels": 4}


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("matrix = 3", "x.toml:1 matrix: found 3, expected a table of lists of alternatives."),
        ("[matrix]", "x.toml:10 matrix: found a table, expected a table of lists of alternatives."),
        ("[matrix]\nseed = 1", "x.toml:11 matrix.seed: found 1, expected a list of alternatives. For example seed = [1]."),
        ("[matrix]\nseed = []", "x.toml:11 matrix.seed: an empty list: there is nothing to try."),
        ("[matrix]\nseed = [1, 2, 1]", "x.toml:11 matrix.seed: 'seed=1' stands there twice."),
        ("[matrix]\nextends = ['a']", "x.toml:11 matrix.extends: extends cannot be varied."),
        ('[matrix]\n"data.batch_size" = [1]\ndata.batch_size = [2]', "x.toml:12 matrix.data.batch_size: this key stands in the matrix twice."),
        ('[matrix]\ngenerator = [\n"espcn",\n{ use = "espcn", channels = 2 }]', "x.toml:13 matrix.generator: two alternatives are called 'espcn'. Give each a name"),
        ('[[matrix.generator]]\nuse = "espcn"\n[[matrix.generator]]\nlabel = 3\nuse = "rrdb"', "x.toml:13 matrix.generator.label: found 3, expected what to call it"),
        ("[matrix]\nseed = [1]\n[launcher]\njobs = 2", "x.toml:12 launcher: it names no launcher. Write use = \"local\""),
        ('[launcher]\nuse = "local"', "x.toml:10 launcher: a launcher executes the runs of a study, and there is no [matrix]."),
        ("[matrx]\nseed = [1]", "x.toml:10 matrx: unknown key. Did you mean 'matrix'?"),
        # what only a cell shows
        ('[matrix]\nseed = [1]\ngenratr.channels = [2]', "x.toml:12 genratr.channels: there is no table [genratr]."),
        ('[matrix]\nseed = [1, -2]', "x.toml:11 seed: found -2, expected a whole number >= 0 (in seed=-2)."),
        ('[matrix]\nseed = [1, 2]\n[[matrix.generator]]\nuse = "espcn"\n[[matrix.generator]]\nuse = "trunk"\nchannel = 8\nblocks = 1\nblock = "plain"',
         "x.toml:16 generator.channel: generator 'trunk' has no option 'channel' (in trunk). Did you mean 'channels'?"),
        ('[matrix]\n"data.patch_size" = [32, 33]\n"augment.flip" = [true, false]', "x.toml:11 data.patch_size: 33 is not divisible by scale 2 (in patch_size=33). The nearest is 32."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_with_file_line_and_key(matrix: str, message: str, desk: Desk) -> None:
    text = f"{matrix}\n{BASE}" if matrix.startswith("matrix =") else f"{BASE}{matrix}\n"
    path = desk.write(text)
    reading = read_study(path)
    if reading is None:
        problems = read_experiment(path).problems
    else:
        plans = [(one, complete(one.reading, desk.registry).problems) for one in reading.cells]
        problems = list(dict.fromkeys([*reading.all_problems(), *gathered(plans)]))
    lines = [str(one).replace(f"{desk.folder}/", "") for one in problems]
    assert [message in line for line in lines].count(True) == 1, lines


@pytest.mark.parametrize("setting", ['launcher={use="local"}', "launcher.use=local"])
def test_a_launcher_on_the_command_line_wants_a_matrix_too(setting: str, desk: Desk) -> None:
    path = desk.write(BASE)
    assert read_study(path, [setting]) is None
    (problem,) = read_experiment(path, [setting]).problems
    assert str(problem).startswith("--set launcher: a launcher executes the runs of a study, and there is no [matrix].")


def test_a_problem_of_all_cells_names_none(desk: Desk) -> None:
    path = desk.write(BASE.replace('use = "mse"', 'use = "msee"') + "[matrix]\nseed = [1, 2]\n")
    reading = read_study(path)
    assert reading is not None
    (problem,) = gathered([(one, complete(one.reading, desk.registry).problems) for one in reading.cells])
    assert "(in " not in problem.message and problem.key == "pixel_loss.msee.use" and problem.line == 9


def test_the_command_line_sets_cells_and_alternatives(desk: Desk) -> None:
    matrix = '[matrix]\nseed = [1, 2]\ngenerator.channels = [4, 8]\n[launcher]\nuse = "local"\n'
    reading = study(desk, matrix, "steps=7", "matrix.generator.channels=[2]", "matrix.seed=[5]", "launcher.jobs=3")
    (cell,) = reading.cells
    assert cell.reading.experiment.steps == 7 and cell.settings == {"seed": 5, "generator.channels": 2}
    assert reading.launcher is not None and reading.launcher.table == {"use": "local", "jobs": 3}
    assert said(desk, matrix, "seed=3") == [
        "--set seed: the matrix varies seed. Set the alternatives: --set matrix.seed=[...]."
    ]
    made = read_study(desk.write(BASE), ["matrix.seed=[1, 2]"])
    assert made is not None and len(made.cells) == 2


def test_a_study_may_extend_a_file_and_paths_stay_relative_to_where_they_stand(desk: Desk) -> None:
    desk.write(BASE + "[matrix]\nseed = [1, 2]\n", "base/base.toml")
    path = desk.write('extends = "base/base.toml"\n[matrix]\nseed = [3]\n"data.train" = ["own", "../other"]\n')
    reading = read_study(path)
    assert reading is not None and not reading.all_problems()
    folders = [complete(one.reading, desk.registry).picks[("data", "train")].options["path"] for one in reading.cells]
    assert folders == [desk.folder / "own", desk.folder.parent / "other"]
    validate = complete(reading.cells[0].reading, desk.registry).picks[("data", "validate")].options["path"]
    assert validate == desk.folder / "base" / "photos"


def test_a_command_that_wants_one_experiment_refuses_a_study(desk: Desk) -> None:
    (problem,) = desk.read(f"{BASE}[matrix]\nseed = [1]\n").problems
    assert "this file is a study" in str(problem) and problem.line == 10
