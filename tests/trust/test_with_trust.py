"""What is refused before somebody says yes works after it: no feature is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w

import srkit as package
from srkit.errors import UserError
from tests.cli.conftest import Command
from tests.trust.table.experiment_forms import plant_bytecode
from tests.trust.table.experiment_places import base
from tests.trust.table.ground import Ground
from tests.trust.table.run_folders import trust

OWN = {
    "generator": {"use": "./net.py:Net", "channels": 3},
    "downscaler": {"use": "./net.py:Halve"},
    "degradation": [{"use": "./net.py:Darker"}],
    "pixel_loss": [{"use": "./net.py:Loss"}],
    "schedule": {"use": "./net.py:Falling"},
    "validation": {"metrics": ["psnr-y", "./net.py:Error"]},
}
"""An experiment with code of its own in six places."""

RUN = ("--device", "cpu", "--quiet")

ON_EXPERIMENTS = {
    "check": ("check", "mine.toml"),
    "check --json": ("check", "mine.toml", "--json"),
    "run": ("run", "mine.toml", "--out", "OUT/run", *RUN),
    "run --dry-run": ("run", "mine.toml", "--dry-run", "--device", "cpu"),
    "inspect": ("inspect", "mine.toml", "--device", "cpu"),
    "data": ("data", "mine.toml", "--out", "OUT/sheet.png", "--device", "cpu"),
    "show": ("show", "generators", "./net.py:Net"),
    "plugin check": ("plugin", "check", "./net.py:Darker", "--kind", "degradations"),
    "prepare": (
        "prepare",
        "photos",
        "--out",
        "OUT/p",
        "--patch-size",
        "16",
        "--workers",
        "1",
        "--downscaler",
        "./net.py:Halve",
    ),
    "bench --downscaler": ("bench", "bicubic", "--on", "photos", "--scale", "2", "--downscaler", "./net.py:Halve"),
    "bench --degradation": ("bench", "bicubic", "--on", "photos", "--scale", "2", "--degradation", "./net.py:Darker"),
    "bench --metric": ("bench", "bicubic", "--on", "photos", "--scale", "2", "--metric", "./net.py:Error"),
}

ON_RUNS = {
    "check": ("check", "RUN"),
    "inspect": ("inspect", "RUN", "--device", "cpu"),
    "data": ("data", "RUN", "--out", "OUT/sheet.png", "--device", "cpu"),
    "upscale": ("upscale", "photos", "--model", "RUN", "--out", "OUT/large", "--device", "cpu"),
    "bench": ("bench", "RUN", "--device", "cpu"),
    "strip": ("strip", "RUN", "--out", "OUT/strips", "--device", "cpu"),
    "animate": ("animate", "bicubic", "RUN", "--out", "OUT/animations", "--device", "cpu"),
    "export": ("export", "RUN", "--out", "OUT/model.safetensors"),
    "report": ("report", "RUN", "--out", "OUT/page.html", "--device", "cpu"),
    "verify --rescore": ("verify", "RUN", "--rescore", "--device", "cpu"),
    "run --resume": ("run", "RUN", "--resume", *RUN),
}


@pytest.fixture
def mine(ground: Ground) -> Ground:
    """A ground with `mine.toml`, whose code lies beside it."""
    (ground.here / "mine.toml").write_text(tomli_w.dumps(base() | OWN), encoding="utf-8")
    ground.code(ground.here / "net.py")
    return ground


@pytest.fixture
def run(mine: Ground) -> Path:
    """A run of it that this user has just trained, in a folder that they trust."""
    trust(mine, mine.here)
    package.run("mine.toml", out="trained", device="cpu", quiet=True)
    mine.marks()
    return Path("trained")


def placed(ground: Ground, words: tuple[str, ...], model: str = "") -> list[str]:
    return [one.replace("OUT", str(ground.out)).replace("RUN", model) for one in words]


def trusted(ground: Ground) -> dict[str, object]:
    file = ground.config / "trusted.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def test_with_the_option_all_commands_load_it_and_none_records_it(mine: Ground, srkit: Command) -> None:
    failed = {}
    for name, words in ON_EXPERIMENTS.items():
        said = srkit(*placed(mine, words), "--trust")
        without = srkit(*placed(mine, words))
        if (said.code, without.code) != (0, 0 if name == "show" else 2):
            failed[name] = (said.code, said.out[-300:], said.err[-300:], without.code)
        mine.empty_out()
    assert not failed
    assert mine.marks() == ["net.py"]
    assert trusted(mine) == {}


def test_in_a_trusted_folder_no_option_is_needed(mine: Ground, srkit: Command) -> None:
    assert srkit("trust", str(mine.here)).code == 0
    assert not mine.marks(), "to trust code is not to run it"
    failed = {}
    for name, words in ON_EXPERIMENTS.items():
        said = srkit(*placed(mine, words))
        if said.code:
            failed[name] = (said.code, said.out[-300:], said.err[-300:])
        mine.empty_out()
    assert not failed


def test_a_run_of_this_user_s_needs_no_question(run: Path, mine: Ground, srkit: Command) -> None:
    failed = {}
    for name, words in ON_RUNS.items():
        said = srkit(*placed(mine, words, str(run)))
        if said.code:
            failed[name] = (said.code, said.out[-300:], said.err[-300:])
        mine.empty_out()
    assert not failed


def test_a_run_that_was_moved_is_known_by_its_code(run: Path, mine: Ground, srkit: Command) -> None:
    trust(mine, code=(run,))
    run.rename(mine.root / "moved")
    said = srkit("upscale", "photos", "--model", str(mine.root / "moved"), "--out", str(mine.out / "large"))
    assert said.code == 0, said.err
    assert mine.marks() == ["net.py"]


@pytest.mark.parametrize("how", ["a line more", "another file", "a link beside"])
def test_code_that_changed_is_asked_about_again(how: str, run: Path, mine: Ground, srkit: Command) -> None:
    trust(mine, code=(run,))
    changes: dict[str, Callable[[Path], object]] = {
        "a line more": lambda code: (code / "net.py").write_text((code / "net.py").read_text() + "#\n"),
        "another file": lambda code: (code / "more.py").touch(),
        "a link beside": lambda code: (code / "more.py").symlink_to(mine.precious / "file"),
    }
    changes[how](run / "code")
    said = srkit("bench", str(run))
    assert (said.code, mine.marks()) == (2, []), said.out
    assert "not trusted" in said.err
    with_option = srkit("bench", str(run), "--trust")
    assert with_option.code == 0, with_option.err


def test_a_file_that_changed_in_a_trusted_folder_stays_trusted(mine: Ground, srkit: Command) -> None:
    assert srkit("trust", ".").code == 0
    (mine.here / "below").mkdir()
    (mine.here / "net.py").rename(mine.here / "below" / "net.py")
    with (mine.here / "below" / "net.py").open("a") as file:
        file.write("# changed\n")
    text = (mine.here / "mine.toml").read_text(encoding="utf-8").replace("./net.py", "./below/net.py")
    (mine.here / "mine.toml").write_text(text, encoding="utf-8")
    said = srkit("check", "mine.toml")
    assert said.code == 0, said.out


def test_only_source_runs_where_bytecode_was_planted(mine: Ground, srkit: Command) -> None:
    plant_bytecode(mine, mine.here / "net.py")
    said = srkit("check", "mine.toml", "--trust")
    assert (said.code, mine.marks()) == (0, ["net.py"]), said.out


def test_a_study_s_workers_inherit_the_answer(mine: Ground, srkit: Command) -> None:
    study = ("run", "mine.toml", "--set", "matrix.seed=[1, 2]", "--out", str(mine.out / "study"), "--jobs", "2", *RUN)
    said = srkit(*study)
    assert (said.code, mine.marks()) == (2, [])
    said = srkit(*study, "--trust")
    assert said.code == 0, said.err
    assert mine.marks() == ["net.py"]
    assert trusted(mine) == {}
    assert srkit("table", str(mine.out / "study")).code == 0
    assert srkit("bench", str(mine.out / "study" / "seed1")).code == 2
    assert srkit("bench", str(mine.out / "study" / "seed1"), "--trust").code == 0


def test_python_says_it_by_an_argument(mine: Ground) -> None:
    run = package.run("mine.toml", out="trained", device="cpu", quiet=True, trust=True)
    assert package.load("trained", trust=True).scale == 2
    assert package.bench("trained", device="cpu", trust=True).rows
    assert run is not None and mine.marks() == ["net.py"]
    assert trusted(mine) == {}


def test_an_export_of_own_code_says_how_it_is_loaded(run: Path, mine: Ground, srkit: Command) -> None:
    file = mine.out / "model.safetensors"
    said = srkit("export", str(run), "--out", str(file))
    assert said.code == 0, said.err
    mine.marks()
    with pytest.raises(UserError, match="trust=True"):
        package.load(file)
    trust(mine)
    with pytest.raises(UserError, match="trust"):
        package.load(file, code="net.py")
    assert mine.marks() == []
    assert package.load(file, code="net.py", trust=True).scale == 2
