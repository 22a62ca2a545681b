"""A warning of a run is said once by the command that trains it, with paths as one types them."""

from __future__ import annotations

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
    said = srkit("run", "tiny.toml", "--out", "runs/one", "--device", "cpu")
    assert said.code == 0, said.err
    assert (said.out + said.err).count("broken.png") == 1
    assert "warning: a picture is left out (data.skip_broken): photos/broken.png: " in said.err
    # whoever was not there is told
    assert "broken.png" in srkit("table", "runs/one").out
