"""What is wrong is said all at once and in the order of the lines: across files, and beside a `use` that nobody has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srkit.errors import Problem, in_line_order
from srkit.experiment import read_study
from tests.cli.conftest import Command, srkit  # noqa: F401  (a fixture)
from tests.experiment.conftest import Desk

GOOD = """
scale = 2
steps = 100
[data]
train = "photos"
[generator]
use = "espcn"
[[pixel_loss]]
use = "mse"
"""


def keys(problems: list[Problem]) -> list[tuple[str, int | None, str]]:
    return [(Path(one.file).name, one.line, one.key) for one in problems]


def test_problems_come_in_the_order_of_the_lines_first_of_the_file_then_of_those_it_extends(desk: Desk) -> None:
    desk.write("scale = 0\n[checkpoint]\nevry = 2\n", "lowest.toml")
    desk.write('extends = "lowest.toml"\n[optimizer]\nuse = "adam"\nbetas = 3\n[log]\nevery = "x"\n', "base.toml")
    text = """
    extends = "base.toml"
    stepz = 4
    [[pixel_loss]]
    use = "msee"
    [generator]
    use = "espcn"
    chanels = 3
    [data]
    train = "photos"
    patch_size = -1
    """
    assert keys(desk.problems(text, "seed=x")) == [
        ("--set", None, "seed"),
        ("x.toml", 2, "stepz"),
        ("x.toml", 4, "pixel_loss.msee.use"),
        ("x.toml", 7, "generator.chanels"),
        ("x.toml", 10, "data.patch_size"),
        ("base.toml", 4, "optimizer.betas"),
        ("base.toml", 6, "log.every"),
        ("lowest.toml", 1, "scale"),
        ("lowest.toml", 3, "checkpoint.evry"),
    ]


def test_check_and_run_say_structure_and_components_in_one_order(
    desk: Desk,
    srkit: Command,  # noqa: F811  (the fixture)
) -> None:
    desk.write(
        GOOD.replace('"espcn"', '"espcn"\nchanels = 3').replace("[[pixel", "patch = 3\n[[pixel") + "[log]\nevry = 2\n"
    )
    wanted = [7, 8, 12]  # no such option twice, no such key; that there is no such folder is known with torch alone
    said = srkit("check", "x.toml", "--json")
    assert [one["line"] for one in json.loads(said.out)] == wanted
    for command in ("check", "run"):
        said = srkit(command, "x.toml")
        lines = (said.out + said.err).splitlines()
        found = [int(line.split("x.toml:")[1].split()[0]) for line in lines if "x.toml:" in line]
        assert said.code == 2 and found == wanted, lines


def test_a_study_too(desk: Desk) -> None:
    text = GOOD.replace("steps = 100", "stepz = 100") + '[log]\nevry = 2\n[matrix]\nseed = [1, 2]\n"lr" = ["a", 1e-3]\n'
    study = read_study(desk.write(text))
    assert study is not None
    lines = [one.line for one in study.all_problems()]
    assert len(lines) >= 3 and lines == sorted(lines, key=lambda one: one or 0)


def test_lines_are_ordered_as_numbers_and_what_has_none_comes_first() -> None:
    files = ["b.toml", "a.toml"]
    given = [
        Problem("", file=file, line=line)
        for file, line in (("a.toml", 1), ("b.toml", 10), ("b.toml", 9), ("b.toml", None), ("--set", None))
    ]
    assert [(one.file, one.line) for one in in_line_order(given, files)] == [
        ("--set", None),
        ("b.toml", None),
        ("b.toml", 9),
        ("b.toml", 10),
        ("a.toml", 1),
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('use = "espnc"\nchanels = 3', "has no option 'chanels'. Did you mean 'channels'"),
        ('use = "srkit:espnc"\nchanels = 3', "has no option 'chanels'. Did you mean 'channels'"),
        ('use = "rrdbb"\nblocs = 3', "has no option 'blocs'. Did you mean 'blocks'"),
        ('use = "trunk"\nblock = { use = "dilatd", rats = [1, 2] }', "has no option 'rats'"),
    ],
)
def test_misspelled_options_are_told_beside_a_use_that_nobody_has(desk: Desk, table: str, said: str) -> None:
    text = GOOD.replace('use = "espcn"', table)
    found = desk.said(text)
    assert any("Did you mean" in one and ".use: no " in one for one in found), found
    assert any(said in one for one in found), found


def test_right_options_and_those_of_nothing_alike_are_not_complained_of(desk: Desk) -> None:
    (only,) = desk.said(GOOD.replace('"espcn"', '"espnc"\nchannels = 3'))
    assert "generator.use: no generator 'espnc'" in only
    (only,) = desk.said(GOOD.replace('"espcn"', '"qqqqqq"\nwhatever = 3'))
    assert "generator.use: no generator 'qqqqqq'" in only


def test_options_of_own_code_that_cannot_be_imported_are_read_from_its_source(desk: Desk) -> None:
    desk.write(
        """
        import nothing_of_this_name
        from torch import nn
        class Net(nn.Module):
            def __init__(self, scale: int, width: int = 8) -> None: ...
        """,
        "net.py",
    )
    found = desk.said(GOOD.replace('"espcn"', '"./net.py:Net"\nwidht = 3'))
    assert any("nothing_of_this_name" in one for one in found)
    assert any("generator 'Net' has no option 'widht'. Did you mean 'width'?" in one for one in found), found


@pytest.mark.parametrize(("written", "value"), [("1e3", 1000), ("1_000", 1000), ("1.0E+3", 1000), ("2.0", 2)])
def test_a_whole_number_may_be_written_as_a_float(desk: Desk, written: str, value: int) -> None:
    plan = desk.sound(GOOD.replace("100", written))
    assert plan.experiment.steps == value and type(plan.experiment.steps) is int
    plan = desk.sound(GOOD, f"steps={written}", f"generator.channels={written}", f"data.workers={written}")
    assert (plan.experiment.steps, plan.experiment.data.workers) == (value, value)
    channels = plan.picks[("generator",)].options["channels"]
    assert channels == value and type(channels) is int
    channels = desk.sound(GOOD, f"generator.channels=[{written}, 4e0]").picks[("generator",)].options["channels"]
    assert list(channels) == [value, 4] and {type(one) for one in channels} == {int}


def test_what_is_not_whole_is_refused_and_floats_stay_floats(desk: Desk) -> None:
    for written in ("1.5", "1e400", "nan", "1e-3", "true", '"1e3"'):
        (only,) = desk.said(GOOD, f"steps={written}")
        assert "steps: found" in only and "expected a whole number" in only
    plan = desk.sound(GOOD, "lr=1e0", "pixel_loss.mse.weight=2.0")
    assert type(plan.experiment.lr) is float and type(plan.experiment.pixel_loss[0].weight) is float
    betas = desk.sound(GOOD + "[optimizer]\nbetas = [0.0, 0.5]\n").picks[("optimizer",)].options["betas"]
    assert [type(one) for one in betas] == [float, float]


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (60, 1), (100, 2), (400, 10), (2000, 50), (100_000, 50)])
def test_a_short_run_is_logged_often_enough_for_a_curve(desk: Desk, steps: int, every: int) -> None:
    from srkit.experiment.resolved import resolve

    plan = desk.sound(GOOD, f"steps={steps}")
    assert plan.experiment.log.every == every == resolve(plan, {})["log"]["every"]
    assert desk.sound(GOOD, f"steps={steps}", "log.every=7").experiment.log.every == 7
    half = f"[[stage]]\nsteps = {max(1, steps // 2)}\nlr = 1e-3\n"
    plan = desk.sound(GOOD.replace("steps = 100\n", "") + half + half)
    assert plan.experiment.log.every == max(1, min(50, max(1, steps // 2) * 2 // 40))
