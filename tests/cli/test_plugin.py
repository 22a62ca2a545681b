"""`srkit plugin`: the package it writes works at once, and what is wrong with a component is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from srkit.experiment import read_experiment
from srkit.registry import KINDS, Kind
from tests.cli.conftest import Command
from tests.plugins.environments import environment

GATED = """
from torch import nn


class Gated(nn.Module):
    '''Opens and shuts itself.

    Args:
        channels: channels in and out.
    '''

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        y = self.layer(x)
        return x + y * y.sigmoid()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_block.py").write_text(GATED, encoding="utf-8")
    return tmp_path


def done(*command: str | Path, cwd: Path) -> str:
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1", "OMP_NUM_THREADS": "1"}
    settings["SRKIT_LOAD_PLUGINS"] = "srkit-weave"
    answer = subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | settings, capture_output=True, text=True, timeout=280
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def test_a_package_with_every_kind_is_installed_listed_and_passes_its_tests(folder: Path, srkit: Command) -> None:
    kinds = [word for kind in KINDS for word in ("--kind", kind)]
    assert srkit("plugin", "new", "srkit-weave", *kinds).code == 0
    python = environment(folder / "venv")
    options = ("--no-deps", "--no-build-isolation", "--quiet")
    done(python, "-m", "pip", "install", *options, "-e", "srkit-weave", cwd=folder)
    listed = json.loads(done(python, "-m", "srkit", "list", "--json", cwd=folder))
    own = {row["kind"]: row for row in listed if row["distribution"] == "srkit-weave"}
    assert set(own) == set(KINDS)
    assert {row["name"] for row in own.values()} == {"weave"}
    assert {row["state"] for row in own.values()} == {"ok"} and all(row["summary"] for row in own.values())
    # what it declares can be named by its module too
    assert "Weave (block)" in done(python, "-m", "srkit", "show", "blocks", "srkit_weave.blocks:Weave", cwd=folder)
    said = done(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder / "srkit-weave")
    assert f"{len(KINDS)} passed" in said


def test_a_package_is_written_as_its_name_says(folder: Path, srkit: Command) -> None:
    said = srkit("plugin", "new", "Class.Weave", "--kind", "optimizer", "--kind", "block", "--out", "elsewhere")
    assert said.code == 0
    assert "pip install -e elsewhere" in said.out
    text = (folder / "elsewhere" / "pyproject.toml").read_text()
    assert 'class-weave = "class_weave.optimizers:class_weave"' in text
    assert 'class-weave = "class_weave.blocks:ClassWeave"' in text
    compile((folder / "elsewhere" / "class_weave" / "optimizers.py").read_text(), "optimizers.py", "exec")


def test_a_name_that_is_taken_is_said(folder: Path, srkit: Command) -> None:
    said = srkit("plugin", "new", "srkit-dilated", "--kind", "blocks", "--kind", "generators")
    assert said.code == 0
    assert said.out.count("is there already") == 1
    assert "The block 'dilated' is there already, in srkit" in said.out and "'srkit-dilated:dilated'" in said.out
    assert "is there already" not in srkit("plugin", "new", "srkit-weave", "--kind", "blocks").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["srkit"], "is taken by srkit itself"),
        (["json"], "'json' is taken by Python's standard library. Write something such as srkit-weave."),
        (["JSON"], "is taken by Python's standard library"),
        (["concurrent"], "is taken by Python's standard library"),
        (["test"], "is taken by Python's standard library"),
        (["Scikit_Image"], "is taken by scikit-image itself, which is installed"),
        (["skimage"], "is taken by scikit-image, which is imported as skimage"),
        (["pil"], "is taken by pillow, which is imported as PIL"),
        (["Torch"], "is taken by torch itself"),
        (["con"], "is taken by Windows"),
        (["COM1"], "is taken by Windows"),
        (["nul.weave"], "is taken by Windows"),
        (["tests"], "is taken by the folder of its own tests"),
        (["../up"], "cannot name a package"),
        (["2x"], "cannot name a package"),
        (["class"], "cannot name a package"),
        (["srkit-weave", "--kind", "blockz"], "Did you mean"),
        (["srkit-weave", "--out", "."], "is there already"),
    ],
)
def test_what_cannot_be_begun(words: list[str], message: str, folder: Path, srkit: Command) -> None:
    said = srkit("plugin", "new", *words)
    assert said.code == 2
    assert message in said.err and "Traceback" not in said.err
    assert sorted(os.listdir(folder)) == ["my_block.py"]


def test_a_file_is_checked(folder: Path, srkit: Command) -> None:
    said = srkit("plugin", "check", "./my_block.py:Gated")
    assert said.code == 0, said.out + said.err
    assert "blocks ./my_block.py:Gated: ok," in said.out
    assert "1 component: no rule broken" in said.out


def test_a_file_in_a_subfolder_is_checked(folder: Path, srkit: Command) -> None:
    (folder / "sub").mkdir()
    (folder / "my_block.py").rename(folder / "sub" / "my_block.py")
    said = srkit("plugin", "check", "./sub/my_block.py:Gated")
    assert said.code == 0 and "blocks ./sub/my_block.py:Gated: ok," in said.out, said.out


def test_what_is_wrong_is_said(folder: Path, srkit: Command) -> None:
    (folder / "my_block.py").write_text(GATED.replace("x + y * y", "x.detach() + y.detach() * y.detach()"))
    said = srkit("plugin", "check", "./my_block.py:Gated", "--json")
    assert said.code == 2
    (report,) = json.loads(said.out)
    assert report["kind"] == "blocks" and not report["passed"]
    broken = {one["rule"]: one["fix"] for one in report["rules"] if one["state"] == "broken"}
    assert "detach" in broken["gradients"]


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (GATED, ["./my_block.py"], "./my_block.py:Name"),
        (GATED, ["./my_block.py:Gate"], "Did you mean 'Gated'?"),
        (GATED, ["./absent.py:Gated"], "there is no file"),
        (GATED, ["no-such-plugin"], "no installed distribution 'no-such-plugin'"),
        (GATED, ["./my_block.py:Gated", "--kind", "losses"], "no kind of component is called 'losses'"),
        ("def :", ["./my_block.py:Gated"], "syntax error in"),
        ("import absent_library", ["./my_block.py:Gated"], "No module named 'absent_library'"),
        (
            GATED.replace("channels: int)", "channels: int, **more)"),
            ["./my_block.py:Gated"],
            "Write one keyword parameter",
        ),
        ("class Gated:\n    '''What?'''\n", ["./my_block.py:Gated"], "Name it with --kind"),
    ],
)
def test_what_cannot_be_checked(text: str, words: list[str], message: str, folder: Path, srkit: Command) -> None:
    (folder / "my_block.py").write_text(text, encoding="utf-8")
    said = srkit("plugin", "check", *words)
    assert said.code == 2
    assert message in " ".join((said.out + said.err).split())
    assert "Traceback" not in said.err


def test_a_kind_of_a_distribution_is_checked(srkit: Command) -> None:
    said = srkit("plugin", "check", "srkit", "--kind", "schedules")
    assert "schedules srkit:cosine: ok" in said.out and "generators" not in said.out
    assert said.code == 0, said.out


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.is_built])
def test_the_readme_shows_how_a_component_is_picked(kind: Kind, folder: Path, srkit: Command) -> None:
    assert srkit("plugin", "new", "srkit-weave", "--kind", kind.plural).code == 0
    readme = (folder / "srkit-weave" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    (folder / "x.toml").write_text(example, encoding="utf-8")
    reading = read_experiment(folder / "x.toml", ())
    assert not [one for one in reading.problems if "unknown" in one.message], reading.problems
    assert '"weave"' in example and "$" not in readme


@pytest.mark.parametrize("name", ["new", "check"])
def test_its_commands_explain_themselves(name: str, srkit: Command) -> None:
    said = srkit("plugin", name, "--help").out
    assert max(map(len, said.splitlines())) <= 80
    assert len([line for line in said.splitlines() if line.startswith(f"    srkit plugin {name} ")]) == 2
    assert "..." not in srkit("plugin", "--help").out.partition("Commands:")[2]
