"""plugins/README.md as a newcomer follows it: every file is written and every command run, in the page's order."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.plugins.environments import environment

pytestmark = pytest.mark.timeout(900)  # a dozen commands, one after another

PAGE = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
SHORT = ("steps=2", "validation.images=1", "generator.blocks=1", "generator.channels=4", "log.tensorboard=false")
"""What makes the page's runs short."""


def blocks() -> Iterator[tuple[str, str]]:
    """(language, text) of the page's fenced blocks."""
    return ((found[1], found[2]) for found in re.finditer(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def commands() -> list[str]:
    return [line for language, text in blocks() if language == "sh" for line in text.splitlines()]


def files() -> dict[str, str]:
    """Blocks that begin with a comment that names a file."""
    named = ((re.match(r"# ([\w.]+\.(?:py|toml))\n", text), text) for _, text in blocks())
    return {found[1]: text for found, text in named if found}


RUNNER = """
import contextlib, io, json, sys
from srkit.cli.main import main
for words in json.load(sys.stdin):
    sys.argv, said, code = words, io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, said.getvalue()]), flush=True)
"""
"""Several commands of srkit in one process, so that torch is imported once for all of them."""


def settings(**more: str) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if key != "SRKIT_LOAD_PLUGINS"}
    pip = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}
    return own | pip | {"OMP_NUM_THREADS": "1", "COLUMNS": "160"} | more


def srkit_said(lines: list[str], python: Path, folder: Path) -> list[str]:
    """What commands of srkit print."""
    calls = [shlex.split(line) for line in lines]
    for words in calls:
        if words[1] == "run":
            words += [part for setting in SHORT for part in ("--set", setting)]
    command = [python, "-c", RUNNER]
    done = subprocess.run(
        command, cwd=folder, env=settings(), input=json.dumps(calls), capture_output=True, text=True, timeout=600
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines), done.stderr
    for line, (code, text) in zip(lines, answers, strict=True):
        assert code == 0, f"{line}\n{text}"
    return [text for _, text in answers]


def said(line: str, python: Path, folder: Path) -> str:
    """What any other command prints."""
    words, more = shlex.split(line), {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, more[name] = words.pop(0).partition("=")
    if words[0] == "cp":
        shutil.copy(folder / words[1], folder / words[2])
        return ""
    if words[0] == "pip":
        words += ["--no-build-isolation", "--quiet", *(["--no-deps"] if "--no-deps" not in words else [])]
    command = [python, *(words[1:] if words[0] == "python" else ["-m", *words])]
    done = subprocess.run(command, cwd=folder, env=settings(**more), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every command of the page with what it printed."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
    python = environment(folder / "venv")
    found: dict[str, str] = {}
    for is_plain, lines in groupby(commands(), key=lambda line: line.startswith("srkit ")):
        together = list(lines)
        texts = srkit_said(together, python, folder) if is_plain else [said(one, python, folder) for one in together]
        found |= zip(together, texts, strict=True)
    return found


def test_the_file_and_then_the_package_keep_their_contract(answers: dict[str, str]) -> None:
    assert "blocks ./gated.py:Gated: ok" in answers["srkit plugin check ./gated.py:Gated"]
    assert "blocks srkit-gated:gated: ok" in answers["srkit plugin check srkit-gated"]
    assert "1 passed" in answers["python -m pytest srkit-gated"]


def test_the_package_is_listed_with_its_origin_and_then_is_the_idea(answers: dict[str, str]) -> None:
    assert re.search(r"^gated .* srkit-gated 0\.1\.0$", answers["srkit list blocks"], re.MULTILINE)
    assert "gated" not in answers["SRKIT_LOAD_PLUGINS= srkit list blocks"]
    shown = answers["srkit show block gated"]
    assert "from srkit-gated 0.1.0" in shown and "side of the convolution, an odd number." in shown


def test_the_runs_end_in_tables(answers: dict[str, str]) -> None:
    for line in ("srkit run idea.toml --out runs/idea", "srkit bench runs/idea runs/residual bicubic"):
        assert re.search(r"^bicubic +\S+", answers[line], re.MULTILINE), answers[line]
    used = answers["srkit run idea.toml --set generator.block=gated --out runs/gated"]
    assert re.search(r"^gated +\S+", used, re.MULTILINE), used


def test_the_files_are_said_once_and_the_links_lead_somewhere() -> None:
    assert set(files()) == {"gated.py", "idea.toml"}
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "plugins" / target).exists(), target
