"""What a benchmark keeps: found again, whole or not at all, and never in the way."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from srkit.evaluation.bench.cache import ScoreCache, cache_folder
from tests.cli.conftest import Command, srkit, trained, workplace  # noqa: F401  (fixtures)


def test_numbers_are_found_again_by_another_process(tmp_path: Path) -> None:
    first = ScoreCache(tmp_path)
    first.add("model", "photo", {"psnr-y": 31.123456789012345, "ssim-y": 0.9})
    first.add("model", "photo", {"psnr-rgb": math.inf})
    again = ScoreCache(tmp_path)
    assert again.get("model", "photo") == {"psnr-y": 31.123456789012345, "ssim-y": 0.9, "psnr-rgb": math.inf}
    assert again.get("model", "other") == again.get("other", "photo") == {}


def test_a_line_that_a_kill_cut_off_spoils_no_other(tmp_path: Path) -> None:
    ScoreCache(tmp_path).add("model", "a", {"psnr-y": 1.0})
    file = tmp_path / "scores" / "model.jsonl"
    file.write_text(file.read_text() + '{"key": "b", "values": {"psn', encoding="utf-8")
    ScoreCache(tmp_path).add("model", "c", {"psnr-y": 3.0})
    again = ScoreCache(tmp_path)
    assert again.get("model", "a") == {"psnr-y": 1.0}
    assert again.get("model", "b") == {}
    assert again.get("model", "c") == {"psnr-y": 3.0}


@pytest.mark.parametrize("line", ["[]", '{"key": "a"}', '{"key": "a", "values": {"x": "NaN"}}', '{"key": 1}', "nul"])
def test_what_is_damaged_counts_as_not_there(tmp_path: Path, line: str) -> None:
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "model.jsonl").write_text(line)
    assert ScoreCache(tmp_path).get("model", "a") == {}


def test_documents(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    assert cache.document("times", "x") is None
    cache.keep_document("times", "x", {"a": [1.5, 0.1]})
    assert ScoreCache(tmp_path).document("times", "x") == {"a": [1.5, 0.1]}
    (tmp_path / "times" / "x.json").write_text("{")
    assert cache.document("times", "x") is None


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ScoreCache(tmp_path / "file")
    cache.add("model", "photo", {"psnr-y": 1.0})
    cache.keep_document("times", "x", 1)
    assert cache.get("model", "photo") == {"psnr-y": 1.0}
    assert "file" in cache.trouble


def test_the_folder_is_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "srkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    for platform, part in (("linux", ".cache"), ("darwin", "Library"), ("win32", "Cache")):
        monkeypatch.setattr(sys, "platform", platform)
        assert part in str(cache_folder()) and "srkit" in cache_folder().parts


BENCH = ("bench", "runs/espcn", "--format", "json", "--metric", "psnr-y")


def _score(said: str) -> float:
    return float(json.loads(said)["rows"][0]["metrics"]["psnr-y"]["mean"])


def _zeroed(path: Path) -> None:
    """Other weights in a file of the same size and time."""
    status = path.stat()
    save_file({name: torch.zeros_like(one) for name, one in load_file(path).items()}, path)
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_checkpoint_whose_weights_were_exchanged_is_not_known_by_its_old_scores(
    workplace: Path,  # noqa: F811  (a fixture)
    srkit: Command,  # noqa: F811  (a fixture)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "cache"))
    assert srkit(*BENCH).code == 0
    checkpoint = Path("runs/espcn/checkpoints/step-00000001")
    _zeroed(checkpoint / "generator.safetensors")
    said = srkit(*BENCH)
    assert said.code != 0
    assert "the content of generator.safetensors is not what was written" in said.err


@pytest.mark.parametrize("name", ["generator", "discriminator", "state"])
def test_what_loading_would_pass_over_is_passed_over_with_kept_scores_too(
    name: str,
    workplace: Path,  # noqa: F811  (a fixture)
    srkit: Command,  # noqa: F811  (a fixture)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "cache"))
    gan = (
        '--set=discriminator={ use = "dilated", channels = 1 }',
        '--set=adversarial_loss={ use = "relativistic" }',
        "--set=steps=2",
        "--set=checkpoint.every=1",
    )
    assert srkit("run", "tiny.toml", *gan, "--out", "runs/gan", "--quiet", "--device", "cpu").code == 0
    first = [srkit("bench", f"runs/gan{one}", *BENCH[2:]) for one in ("", "/checkpoints/step-00000001")]
    last, before = (_score(one.out) for one in first)
    assert last != before
    file = Path(f"runs/gan/checkpoints/step-00000002/{name}.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    said = srkit("bench", "runs/gan", *BENCH[2:])
    assert said.code == 0, said.err
    assert _score(said.out) == before
    assert f"the content of {name}.safetensors is not what was written; step-00000001 in its place" in said.out
