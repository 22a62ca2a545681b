"""A plugin that is installed later and reuses srkit's names changes no finished run, and no baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import srkit as package
from tests.cli.conftest import TINY, Command
from tests.registry.conftest import Distribute, distribute

__all__ = ["distribute"]

RIVAL = '''
"""Takes names that are taken."""
from torch import nn


class Rival(nn.Module):
    """Nothing of the kind."""

    def __init__(self, scale: int = 2, path: str = "", seed: int = 0) -> None:
        raise AssertionError("the rival was built")
'''

KINDS = {
    "generators": ("espcn", "bicubic"),
    "optimizers": ("adam",),
    "schedules": ("constant",),
    "pixel_losses": ("mse",),
    "metrics": ("psnr-y", "ssim-y"),
    "datasets": ("folder",),
    "downscalers": ("pillow",),
}

COMMANDS = {
    "run --resume": ("run", "runs/espcn", "--resume", "--set", "steps=3", "--device", "cpu"),
    "upscale": ("upscale", "photos", "--model", "runs/espcn", "--out", "large"),
    "bench": ("bench", "runs/espcn", "bicubic", "--on", "photos"),
    "report": ("report", "runs/espcn", "--out", "r.html"),
    "export": ("export", "runs/espcn"),
    "inspect": ("inspect", "runs/espcn"),
    "strip": ("strip", "runs/espcn", "--on", "photos"),
    "verify": ("verify", "runs/espcn"),
    "verify --rescore": ("verify", "runs/espcn", "--rescore"),
    "table": ("table", "runs/espcn"),
    "curves": ("curves", "runs/espcn"),
    "check": ("check", "runs/espcn"),
    "data": ("data", "runs/espcn", "--out", "sheet.png"),
    "init": ("run", "again.toml", "--device", "cpu"),
}


def take(distribute: Distribute, kinds: dict[str, tuple[str, ...]]) -> None:
    lines = [
        f"[srkit.{kind}]\n" + "".join(f"{name} = rival_parts:Rival\n" for name in names)
        for kind, names in kinds.items()
    ]
    distribute("rival", "".join(lines), {"rival_parts.py": RIVAL})


@pytest.fixture
def rivals(workplace: Path, distribute: Distribute) -> Path:
    take(distribute, KINDS)
    return workplace


def written_before(run: Path) -> None:
    """As an earlier srkit wrote it: plain names."""
    file = run / "experiment.toml"
    text = file.read_text(encoding="utf-8")
    assert '"srkit:espcn"' in text and '"srkit:psnr-y"' in text and '"srkit:adam"' in text
    file.write_text(text.replace('"srkit:', '"'), encoding="utf-8")


@pytest.mark.parametrize("age", ["today's", "an earlier one's"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_finished_run_is_what_it_was(command: str, age: str, rivals: Path, srkit: Command) -> None:
    if age != "today's":
        written_before(rivals / "runs/espcn")
    text = (
        TINY.replace('"espcn"', '"srkit:espcn"').replace('"mse"', '"srkit:mse"') + '[init]\ngenerator = "runs/espcn"\n'
    )
    (rivals / "again.toml").write_text(text, encoding="utf-8")
    said = srkit(*COMMANDS[command])
    assert said.code == 0, said.out + said.err


def test_an_export_of_before_is_what_it_was(workplace: Path, distribute: Distribute, srkit: Command) -> None:
    assert srkit("export", "runs/espcn", "--out", "today.safetensors").code == 0
    written_before(workplace / "runs/espcn")
    assert srkit("export", "runs/espcn", "--out", "before.safetensors").code == 0
    take(distribute, {"generators": ("espcn",)})
    for name in ("today", "before"):
        assert package.load(f"{name}.safetensors").scale == 2
        assert srkit("import", f"{name}.safetensors", "--out", f"runs/{name}").code == 0


def test_a_name_that_a_file_writes_is_refused_and_one_that_nobody_wrote_is_srkit_s(
    rivals: Path, srkit: Command
) -> None:
    (rivals / "plain.toml").write_text(TINY, encoding="utf-8")
    said = srkit("check", "plain.toml")
    spoken = " ".join(said.out.split())
    assert (
        said.code == 2 and "2 distributions offer the generator 'espcn'. Write 'rival:espcn' or 'srkit:espcn'" in spoken
    )
    assert "'adam'" not in spoken and "'psnr-y'" not in spoken and "'folder'" not in spoken
    clear = TINY.replace('"espcn"', '"srkit:espcn"').replace('"mse"', '"srkit:mse"')
    (rivals / "clear.toml").write_text(clear, encoding="utf-8")
    assert srkit("check", "clear.toml").code == 0


def test_the_resolved_file_has_qualified_names_and_tables_short_ones(workplace: Path, srkit: Command) -> None:
    text = (workplace / "runs/espcn/experiment.toml").read_text(encoding="utf-8")
    for name in ("espcn", "adam", "constant", "mse", "psnr-y", "folder"):
        assert f'"srkit:{name}"' in text, name
    said = srkit("bench", "runs/espcn", "--on", "photos", "--format", "json")
    assert said.code == 0 and "srkit:" not in said.out
    assert srkit("report", "runs/espcn", "--out", "r.html").code == 0
    assert "espcn" in (workplace / "r.html").read_text(encoding="utf-8")


def test_a_run_beside_rivals_is_bound_and_goes_on(rivals: Path, srkit: Command) -> None:
    """The defaults that it does not use (adam beside sgd) are srkit's when its checkpoints are bound."""
    text = TINY.replace('"espcn"', '"srkit:espcn"').replace('"mse"', '"srkit:mse"') + '[optimizer]\nuse = "sgd"\n'
    (rivals / "sgd.toml").write_text(text, encoding="utf-8")
    assert srkit("run", "sgd.toml", "--out", "runs/sgd", "--device", "cpu").code == 0
    (saved,) = (rivals / "runs/sgd/checkpoints").iterdir()
    assert len(json.loads((saved / "state.json").read_text())["experiment"]["sha256"]) == 64
    assert srkit("run", "runs/sgd", "--resume", "--set", "steps=2", "--device", "cpu").code == 0


def test_a_study_that_names_no_launcher_has_srkit_s(workplace: Path, distribute: Distribute, srkit: Command) -> None:
    take(distribute, {"launchers": ("local",)})
    (workplace / "study.toml").write_text(TINY + "[matrix]\nseed = [1, 2]\n", encoding="utf-8")
    said = srkit("check", "study.toml")
    assert said.code == 0, said.out


def test_a_resolved_file_takes_settings_and_names_as_the_one_it_came_from(workplace: Path, srkit: Command) -> None:
    text = TINY.replace('use = "mse"', 'use = "mse"\nname = "m"') + (
        '[validation]\nevery = 1\nmetrics = ["srkit:psnr-rgb", "ssim-y"]\n[checkpoint]\nbest = "srkit:psnr-rgb"\n'
    )
    (workplace / "best.toml").write_text(text, encoding="utf-8")
    assert srkit("run", "best.toml", "--out", "runs/best", "--device", "cpu").code == 0
    for name in ("espcn", "srkit:espcn"):  # the same component keeps its options
        said = srkit(
            "run", "runs/best", "--resume", "--set", f"generator.use={name}", "--set", "steps=2", "--device", "cpu"
        )
        assert said.code == 0, said.err
