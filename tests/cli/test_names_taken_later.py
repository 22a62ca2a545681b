"""A plugin that is installed later and reuses srkit's names changes no finished run, and no baseline."""

from __future__ import annotations

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
