"""`srkit trust`, `--trust` and the question, as somebody at a terminal meets them."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import click
import pytest

from srkit.cli.main import COMMANDS, cli
from tests.cli.conftest import TINY, Command, photo

NET = """
import torch
from torch import nn


class Net(nn.Module):
    \"\"\"Small and one's own.

    Args:
        width: of its one layer.
    \"\"\"

    def __init__(self, scale: int, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return self.layers(lr)
"""

OWN = TINY.replace('use = "espcn"\nchannels = 2', 'use = "./net.py:Net"\nwidth = 2')


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in with an experiment of own code; nothing is trusted."""
    monkeypatch.setenv("SRKIT_CONFIG", str(tmp_path / "config"))
    folder = tmp_path / "desk"
    photo(folder / "photos" / "a.png")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def trusted(folder: Path) -> list[str]:
    file = folder.parent / "config" / "trusted.json"
    return list(json.loads(file.read_text())["folders"]) if file.exists() else []


def test_a_folder_is_trusted_listed_and_forgotten(desk: Path, srkit: Command) -> None:
    assert srkit("trust", "--list").out == "nothing is trusted beside installed packages\n"
    said = srkit("trust")
    assert said.code == 0 and str(desk) in said.out and "net.py (18 lines, sha256 " in said.out
    assert srkit("trust", "--list").out == f"{desk}\n"
    assert srkit("check", "own.toml").code == 0
    assert srkit("trust", "--forget", ".").out == f"no longer trusted: {desk}\n"
    assert srkit("check", "own.toml").code == 2
    assert trusted(desk) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("/",), "/ is never trusted"),
        (("absent",), "absent: there is no such folder"),
        (("net.py",), "net.py: name the folder it lies in"),
        (("--forget", "photos"), "is not trusted; `srkit trust --list` shows what is"),
        ((".", "--list"), "give a folder, --list or --forget FOLDER"),
    ],
)
def test_what_cannot_be_trusted_is_said(words: tuple[str, ...], message: str, desk: Path, srkit: Command) -> None:
    said = srkit("trust", *words)
    assert said.code == 2 and message in said.err
    assert trusted(desk) == []


def test_without_a_terminal_the_command_to_type_is_told(desk: Path, srkit: Command) -> None:
    for words in (("run", "own.toml"), ("run", "own.toml", "--dry-run"), ("inspect", "own.toml"), ("data", "own.toml")):
        said = srkit(*words)
        assert said.code == 2, words
        assert said.err.startswith("error: own.toml:12 generator.use: not built: code you have not trusted: ")
        assert said.err.endswith(f"Read it, then type: srkit trust {desk}\n") and len(said.err.splitlines()) == 1
    assert not (desk / "runs").exists()


def test_check_says_all_that_needs_no_code(desk: Path, srkit: Command) -> None:
    (desk / "own.toml").write_text(OWN.replace("width = 2", "widht = 2").replace("steps = 1", "stepz = 1"))
    said = srkit("check", "own.toml", "--json")
    keys = {one["key"]: one for one in json.loads(said.out) if one["severity"] == "error"}
    assert said.code == 2 and set(keys) == {"stepz", "generator.use", "generator.widht"}
    assert keys["generator.use"]["message"].startswith("not built: code you have not trusted")
    assert keys["generator.widht"]["hint"] == "Did you mean 'width'?"


def test_show_tells_what_the_source_tells(desk: Path, srkit: Command) -> None:
    said = srkit("show", "generators", "./net.py:Net")
    assert said.code == 0
    assert "Small and one's own." in said.out and "of its one layer." in said.out
    assert "not built: code you have not trusted" in said.out
    shown = json.loads(srkit("show", "generators", "./net.py:Net", "--json").out)
    assert [(one["name"], one["default"]) for one in shown["options"]] == [("width", 4)]


def test_the_option_is_for_one_command_and_for_its_workers(desk: Path, srkit: Command) -> None:
    run = ("run", "own.toml", "--device", "cpu", "--quiet")
    assert srkit(*run, "--out", "a", "--trust").code == 0
    said = srkit(*run, "--set", "matrix.seed=[1, 2]", "--jobs", "2", "--out", "b", "--trust")
    assert said.code == 0, said.err
    assert srkit("prepare", "photos", "--out", "c", "--patch-size", "16", "--trust").code == 0
    assert not (desk.parent / "config").exists()
    assert srkit(*run, "--out", "d").code == 2
    assert srkit("upscale", "photos", "--model", "a", "--out", "e").code == 2
    assert srkit("upscale", "photos", "--model", "a", "--out", "e", "--trust").code == 0


def test_what_one_s_own_run_wrote_needs_no_question(desk: Path, srkit: Command) -> None:
    assert srkit("trust").code == 0
    assert srkit("run", "own.toml", "--out", "a", "--device", "cpu", "--quiet").code == 0
    study = ("run", "own.toml", "--set", "matrix.seed=[1]", "--out", "b", "--device", "cpu", "--quiet")
    assert srkit(*study).code == 0
    assert srkit("trust", "--forget", ".").code == 0
    for model in ("a", "b/seed1"):
        # what lies in a forgotten folder is forgotten too
        assert srkit("upscale", "photos", "--model", model, "--out", f"of-{Path(model).name}").code == 2
    assert srkit("trust", "a").code == 0
    assert srkit("upscale", "photos", "--model", "b/seed1", "--out", "again").code == 0  # the same code
    said = srkit("trust", "b")
    assert said.code == 0 and said.out.count("trusted: the code of the run") == 2


def test_a_report_falls_back_to_what_the_run_recorded(desk: Path, srkit: Command) -> None:
    assert srkit("run", "own.toml", "--out", "a", "--device", "cpu", "--quiet", "--trust").code == 0
    for words in (("table", "a"), ("curves", "a"), ("report", "a", "--out", "page.html")):
        assert srkit(*words).code == 0, words
    assert "not built: code you have not trusted; --trust loads it" in (desk / "page.html").read_text()
    assert srkit("report", "a", "--out", "full.html", "--trust").code == 0
    assert "not built" not in (desk / "full.html").read_text()


def test_python_is_told_so_too(desk: Path) -> None:
    import srkit
    from srkit.errors import UserError

    with pytest.raises(UserError, match="not built: code you have not trusted"):
        srkit.run("own.toml", out="a", quiet=True)
    srkit.run("own.toml", out="a", quiet=True, trust=True)
    with pytest.raises(UserError, match="not built: code you have not trusted"):
        srkit.bench("a", on="photos")
    assert srkit.bench("a", on="photos", trust=True).rows


def at_terminal(folder: Path, answer: str, *words: str) -> tuple[int, str]:
    """A command with a terminal before it, at which somebody types an answer; its exit code and what was shown."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "srkit", *words])
    os.write(terminal, f"{answer}\n".encode())
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_at_a_terminal_it_is_one_question(desk: Path) -> None:
    code, shown = at_terminal(desk, "n", "check", "own.toml")
    assert code == 2 and shown.count("do you trust") == 1 and "not built" in shown
    assert str(desk) in shown and "net.py (18 lines," in " ".join(shown.split()) and trusted(desk) == []
    (desk / "more.py").write_text(NET)
    two = OWN.replace(
        'use = "mse"', 'use = "mse"\n[discriminator]\nuse = "./more.py:Net"\n[adversarial_loss]\nuse="vanilla"'
    )
    (desk / "own.toml").write_text(two)
    code, shown = at_terminal(desk, "y", "check", "own.toml")
    assert shown.count("do you trust") == 1 and " ".join(shown.split()).count("more.py (18 lines,") == 1
    assert trusted(desk) == [str(desk)]
    code, shown = at_terminal(desk, "", "check", "own.toml")
    assert "do you trust" not in shown


WITHOUT = {"list", "schema", "doctor", "trust", "curves", "table", "plugin new"}
"""Commands that build no component: these load registered ones at most, or read files."""


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in COMMANDS}
    group = found.pop("plugin")
    assert isinstance(group, click.Group)
    return {**found, **{f"plugin {name}": one for name, one in group.commands.items()}}  # type: ignore[dict-item]


@pytest.mark.parametrize("name", commands())
def test_every_command_that_may_build_components_has_the_option(name: str) -> None:
    options = [word for one in commands()[name].params for word in one.opts]
    assert ("--trust" in options) == (name not in WITHOUT)
