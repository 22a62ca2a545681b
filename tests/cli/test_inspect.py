"""`srkit inspect`: numbers against formulas, for an experiment and for a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from srkit.components.generators.rrdb import Rrdb
from tests.cli.conftest import Command

WEIGHTS = 2 * 3 * 25 + 2 + 2 * 2 * 9 + 2 + 12 * 2 * 9 + 12
"""Of an ESPCN of two channels at scale 2."""


@pytest.mark.parametrize("what", ["tiny.toml", "runs/espcn"])
def test_the_numbers_are_those_of_the_formula(what: str, workplace: Path, srkit: Command) -> None:
    said = srkit("inspect", what, "--json", "--device", "cpu")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    generator = facts["generator"]
    assert generator["name"] == "espcn" and generator["parameters"] == WEIGHTS
    assert generator["macs_input"] == [8, 8]
    assert generator["macs"] == 64 * (WEIGHTS - 2 - 2 - 12) == sum(one["macs"] for one in generator["layers"])
    assert generator["receptive_field"] == 9 and 1 <= generator["receptive_field_measured"] <= 9
    assert facts["discriminator"] is None
    step = facts["training_step"]
    assert step["predicted_bytes"] > 4 * 4 * WEIGHTS
    assert step["largest_batch"]["64"] > step["largest_batch"]["128"] > 0


def test_it_is_readable_and_wrong_input_is_said(workplace: Path, srkit: Command) -> None:
    said = srkit("inspect", "tiny.toml")
    assert said.code == 0, said.err
    assert "receptive field: 9 x 9 LR pixels" in said.out and "batch that fits into 8 GB" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert srkit("inspect", "nothing.toml").code == 2


def test_both_players_of_a_gan_are_told_of(workplace: Path, srkit: Command) -> None:
    gan = '[discriminator]\nuse = "vgg128"\nchannels = 2\ninput_size = 13\n'
    gan += '[adversarial_loss]\nuse = "vanilla"\nshift_crop = 4\n'
    Path("gan.toml").write_text(Path("tiny.toml").read_text() + gan)
    said = srkit("inspect", "gan.toml", "--json", "--device", "cpu")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    critic, step = facts["discriminator"], facts["training_step"]
    assert critic["macs_input"] == [13, 13] and critic["receptive_field"] is None
    assert critic["macs"] == sum(one["macs"] for one in critic["layers"])
    assert list(step["largest_batch"]) == ["16"] and step["left_out"] == {}
    assert 0 < step["predicted_activation_bytes"] < step["predicted_bytes"]
    shown = srkit("inspect", "gan.toml", "--device", "cpu")
    assert "discriminator vgg128" in shown.out and "the whole picture (flattened)" in shown.out


def test_an_imported_run_has_networks_and_no_step(workplace: Path, srkit: Command) -> None:
    torch.save(Rrdb(4, channels=2, blocks=1).state_dict(), "ESRGAN.pth")
    assert srkit("import", "ESRGAN.pth", "--out", "imported").code == 0
    said = srkit("inspect", "imported")
    assert said.code == 0, said.err
    assert "generator rrdb" in said.out and "there is no [data] to train on" in said.out


def test_a_loss_of_code_that_is_not_trusted_is_named_as_such(
    workplace: Path, srkit: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_CONFIG", str(tmp_path / "nobody"))
    Path("loss.py").write_text("raise SystemExit('it ran')\n")
    Path("own.toml").write_text(Path("tiny.toml").read_text() + '[[pixel_loss]]\nuse = "./loss.py:Loss"\n')
    said = srkit("inspect", "own.toml", "--device", "cpu")
    assert said.code == 0, said.err
    assert "not built: code you have not trusted" in " ".join(said.out.split())


def test_several_stand_side_by_side(workplace: Path, srkit: Command) -> None:
    gan = '[discriminator]\nuse = "dilated"\nchannels = 2\n[adversarial_loss]\nuse = "vanilla"\n'
    Path("gan.toml").write_text(Path("tiny.toml").read_text().replace("channels = 2", "channels = 4") + gan)
    places = ("tiny.toml", "runs/espcn", "gan.toml")
    told = json.loads(srkit("inspect", *places, "--json", "--device", "cpu").out)
    assert [one["name"] for one in told] == ["tiny", "espcn", "gan"]
    for place, one in zip(places, told, strict=True):
        alone = json.loads(srkit("inspect", place, "--json", "--device", "cpu").out)
        assert one["generator"] == alone["generator"] and one["discriminator"] == alone["discriminator"]
    said = srkit("inspect", *places, "--device", "cpu")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line.strip()}
    # a megapixel of SR has a quarter of a million LR pixels
    assert lines["tiny"][:4] == ["tiny", "espcn", str(WEIGHTS), f"{(WEIGHTS - 16) / 4:.3g}"]
    assert lines["gan"][1] == "dilated" and "discriminator" in lines
    assert srkit("inspect", "tiny.toml", "nothing.toml").code == 2


def test_names_that_two_share_are_told_apart(workplace: Path, srkit: Command) -> None:
    Path("other").mkdir()
    Path("other/tiny.toml").write_text(Path("tiny.toml").read_text().replace('"photos"', '"../photos"'))
    told = json.loads(srkit("inspect", "tiny.toml", "other/tiny.toml", "--json", "--device", "cpu").out)
    assert [one["name"] for one in told] == ["tiny.toml", str(Path("other/tiny.toml"))]
    # one thing named twice is one thing
    assert "generator" in json.loads(srkit("inspect", "tiny.toml", "tiny.toml", "--json", "--device", "cpu").out)
