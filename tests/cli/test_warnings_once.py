"""A warning of a run is said once to whoever reads all that the command prints, with paths as one types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Command, photo


def test_a_warning_is_said_once_and_its_path_is_relative(
    tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo(Path("photos/a.png"))
    Path("photos/broken.png").write_bytes(Path("photos/a.png").read_bytes()[:200])
    photo(Path("held_out/b.png"))
    Path("tiny.toml").write_text(
        TINY.replace('validate = "photos"', 'validate = "held_out"\nskip_broken = true'), encoding="utf-8"
    )
    words = [sys.executable, "-m", "srkit", "run", "tiny.toml", "--out", "runs/one", "--device", "cpu"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("broken.png") == 1
    assert "warning: a picture is left out (data.skip_broken): photos/broken.png: " in done.stdout
    # whoever reads the table alone is told beneath it
    apart = srkit("run", "tiny.toml", "--out", "runs/two", "--device", "cpu")
    assert "photos/broken.png" in apart.err and "photos/broken.png" in apart.out
    assert "broken.png" in srkit("table", "runs/one").out
