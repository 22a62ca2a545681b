"""What there is, and what one component is."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command

KEYS = {"kind", "name", "qualified", "summary", "distribution", "version", "state", "reason"}


def test_list_as_json(srkit: Command) -> None:
    rows = json.loads(srkit("list", "--json").out)
    assert all(set(row) == KEYS for row in rows)
    (espcn,) = [row for row in rows if row["name"] == "espcn"]
    assert espcn["kind"] == "generators"
    assert espcn["qualified"] == "srkit:espcn"
    assert espcn["summary"].startswith("ESPCN")
    assert (espcn["distribution"], espcn["state"], espcn["reason"]) == ("srkit", "ok", "")


@pytest.mark.parametrize("kind", ["feature_losses", "feature-loss", "feature_loss", "Feature-Losses"])
def test_a_kind_in_the_forms_people_type(kind: str, srkit: Command) -> None:
    rows = json.loads(srkit("list", kind, "--json").out)
    assert {row["kind"] for row in rows} == {"feature_losses"}


def test_in_a_pipe_each_component_keeps_to_its_line(srkit: Command) -> None:
    lines = srkit("list").out.splitlines()
    (line,) = [one for one in lines if one.startswith("ssim-y ")]
    assert "structure." in line and line.split()[-2] == "srkit"
    assert "\x1b" not in "".join(lines)


def test_columns_are_kept_to(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for command in (["list"], ["show", "generators", "espcn"], ["doctor"]):
        lines = [line for line in srkit(*command).out.splitlines() if "https://" not in line]
        assert max(len(line.rstrip()) for line in lines if "parameters (" not in line) <= 60, command


def test_a_kind_without_components(srkit: Command) -> None:
    said = srkit("list", "commands")
    assert said.code == 0
    assert "none installed" in said.out


def test_a_component_in_place_of_a_kind(srkit: Command) -> None:
    said = srkit("list", "espcn")
    assert said.code == 2
    assert "srkit show generators espcn" in said.err


def test_an_unknown_kind_is_told_the_kinds(srkit: Command) -> None:
    assert "Did you mean 'generators'" in srkit("list", "genrators").err
    said = srkit("list", "zzz")
    assert said.code == 2
    assert "generators, blocks" in said.err


def test_verify_imports_for_real(srkit: Command) -> None:
    rows = json.loads(srkit("list", "datasets", "--verify", "--json").out)
    assert {row["state"] for row in rows} == {"ok"}


def test_show(srkit: Command) -> None:
    out = srkit("show", "generators", "espcn").out
    assert "espcn (generator) from srkit" in out
    assert "https://arxiv.org/abs/1609.05158" in out
    assert "171,148 parameters (scale 2); an output pixel sees 9 x 9 LR pixels" in out
    for option in ("channels", "activation", "output"):
        assert option in out


def test_show_as_json(srkit: Command) -> None:
    shown = json.loads(srkit("show", "generator", "espcn", "--json").out)
    assert shown["parameters"] == 171148
    assert shown["receptive_field"] == 9
    assert shown["options"][0] == {
        "name": "channels",
        "type": "a whole number or a list of 2: a whole number, a whole number",
        "default": 128,
        "required": False,
        "doc": "channels after the first and the second convolution; two numbers where they differ.",
    }


def test_every_component_can_be_shown(srkit: Command) -> None:
    for row in json.loads(srkit("list", "--json").out):
        said = srkit("show", row["kind"], row["qualified"], "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out)["summary"].startswith(row["summary"].split(".")[0])


def test_a_name_that_one_kind_has_alone_needs_no_kind(srkit: Command) -> None:
    assert srkit("show", "espcn").out == srkit("show", "generators", "espcn").out
    assert srkit("show", "srkit:espcn", "--json").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generators", "espnc"], "Did you mean 'espcn'"),
        (["generators"], "which of the generators? bicubic, "),
        (["dilated"], "'dilated' is a block and a discriminator. Try `srkit show blocks dilated`"),
        (["espnc"], "no kind and no component is called 'espnc'. Did you mean 'espcn'"),
        (["espcn", "generators"], "'espcn' is a generator. Try `srkit show generators espcn`"),
        (["nothing", "espcn"], "'espcn' is a generator. Try `srkit show generators espcn`"),
        (["generators", "./nofile.py:Net"], "there is no file"),
        (["generators", "nomodule:Net"], "there is neither a distribution nor a module 'nomodule'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, srkit: Command) -> None:
    said = srkit("show", *arguments)
    assert said.code == 2
    assert message in said.err
