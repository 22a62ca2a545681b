"""A loss that nothing can be learned from is named, and not logged with a share as if it counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from srkit.errors import SrkitError
from tests.cli.conftest import Command, srkit
from tests.execution.support import GAN, PLAIN, assert_same_run, numbers, prepared, run

__all__ = ["srkit"]

OWN = """
import torch

class Detached:
    def __call__(self, sr, hr):
        return (sr.detach() - hr).abs().mean()

class Frozen:
    @torch.no_grad()
    def __call__(self, views):
        return {"one": (views.sr - views.hr).abs().mean(), "two": views.hr.mean()}

class Late:
    def __call__(self, views):
        return (views.sr - views.hr).abs().mean() if views.step > 2 else views.sr.new_zeros(())

class Game:
    def generator_term(self, views):
        return views.discriminator(views.sr.detach()).logits[0].mean() + 1
    def discriminator_term(self, views):
        return views.discriminator(views.sr).logits[0].mean() - views.discriminator(views.hr).logits[0].mean()

class Still(Game):
    def generator_term(self, views):
        return -views.discriminator(views.sr).logits[0].mean()
    def discriminator_term(self, views):
        return super().discriminator_term(views).detach()

class Fair(Game):
    def generator_term(self, views):
        return -views.discriminator(views.sr).logits[0].mean()
"""

SECOND = '[[feature_loss]]\nuse = "./own.py:{name}"\n'


@pytest.mark.parametrize("name", ["Detached", "Frozen"])
def test_a_loss_without_gradient_is_named_before_a_weight_changes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    with pytest.raises(SrkitError, match=f"the loss '{name}' has no gradient, so that nothing would be learned"):
        run(prepared(tmp_path, PLAIN, extra=SECOND.format(name=name)), out=tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("Game", "the loss 'Game' has no gradient"), ("Still", "'Still': its discriminator_term has no gradient")],
)
def test_a_game_s_term_without_gradient_is_named(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    text = GAN.replace('use = "relativistic"\ncapped = true', f'use = "./own.py:{name}"')
    with pytest.raises(SrkitError, match=said):
        run(prepared(tmp_path, text), out=tmp_path / "out")


def test_a_game_that_is_no_module_is_played_resumed_and_inspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srkit: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    path = prepared(tmp_path, GAN.replace('use = "relativistic"\ncapped = true', 'use = "./own.py:Fair"'))
    whole = run(path, out=tmp_path / "whole")
    assert numbers(whole.run.folder)[-1]["Fair"] != 0
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    for kept in sorted((tmp_path / "again" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(kept)
    run(path, out=tmp_path / "again", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "again")
    assert srkit("inspect", "tiny.toml").code == 0


def test_one_that_begins_later_is_silent_until_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    run(
        prepared(tmp_path, PLAIN.replace("every = 2", "every = 1"), extra=SECOND.format(name="Late")),
        out=tmp_path / "o",
    )
    assert [line["Late"] > 0 for line in numbers(tmp_path / "o")] == [False, False, True, True, True, True]
