"""`--set`: TOML values or bare words at dotted paths, entries by their name."""

from __future__ import annotations

from typing import Any

import pytest

from srkit.errors import ExperimentError
from srkit.experiment.names import entry_names
from srkit.experiment.settings import parse_setting
from tests.experiment.conftest import BASE, Desk

RICH = (
    BASE
    + """
[[pixel_loss]]
use = "l1"
[[feature_loss]]
use = "vgg16"
weights = "random"
[[feature_loss]]
use = "vgg16"
weights = "random"
[[degradation]]
use = "jpeg"
"""
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k=3", 3),
        ("k = 1e-3", 1e-3),
        ("k=true", True),
        ("k=word", "word"),
        ('k="a b"', "a b"),
        ("k=a b", "a b"),
        ("k=[1, 2]", [1, 2]),
        ("k={ use = 'x' }", {"use": "x"}),
        ("k=./net.py:Net", "./net.py:Net"),
        ("k=a=b", "a=b"),
        ("k=", ""),
        ("k=1\nb=2", "1\nb=2"),
        ("k=True", "True"),
        ("k=0x10", 16),
        ("k=C:\\x", "C:\\x"),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert parse_setting(text) == ("k", value)


@pytest.mark.parametrize("value", ["[1", "{ use = x }", '"a', "'a"])
def test_what_begins_like_a_toml_value_has_to_be_one(value: str) -> None:
    with pytest.raises(ExperimentError, match="--set k: .* is not a TOML value: .* between quotes"):
        parse_setting(f"k={value}")


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        ([{"use": "vgg16"}, {"use": "vgg16"}, {"use": "vgg16"}], ["vgg16", "vgg16-2", "vgg16-3"]),
        ([{"use": "vgg16"}, {"use": "vgg16", "name": "half"}, {"use": "vgg16"}], ["vgg16", "half", "vgg16-2"]),
        ([{"name": "vgg16-2", "use": "vgg16"}, {"use": "vgg16"}, {"use": "vgg16"}], ["vgg16-2", "vgg16", "vgg16-3"]),
        ([{"use": "vgg16"}, {"name": "vgg16", "use": "l1"}], ["vgg16-2", "vgg16"]),
        ([{"use": "srkit:mse"}, {"use": "./my/file.py:Loss"}, {"use": "a.b:Out.In"}], ["mse", "Loss", "In"]),
        ([{}, {"name": ""}, {"use": 3}, 4], ["1", "2", "3", "4"]),
        ([{"use": "vgg16"}, {"use": "vgg16-bn"}], ["vgg16", "vgg16-bn"]),
    ],
)
def test_names_of_entries(entries: list[Any], names: list[str]) -> None:
    assert entry_names(entries) == names


def test_entries_by_name(desk: Desk) -> None:
    desk.write(RICH)
    plan = desk.sound(
        "",
        "feature_loss.vgg16-2.weight=0.5",
        "feature_loss.vgg16.prescale=2",
        "pixel_loss.l1.weight=3",
        "degradation.jpeg.quality=[60, 70]",
    )
    assert [one.weight for one in plan.experiment.feature_loss] == [1.0, 0.5]
    assert plan.picks[("feature_loss", 0)].options["prescale"] == 2
    assert plan.experiment.pixel_loss[1].weight == 3
    assert plan.picks[("degradation", 0)].options["quality"] == (60, 70)


def test_stages_and_groups_are_counted_from_one(desk: Desk) -> None:
    text = (
        BASE.replace("steps = 100", "")
        + '[[stage]]\nsteps = 1\n[[stage]]\nsteps = 2\n[[optimizer.group]]\nmatch = "*"\n'
    )
    plan = desk.sound(text, "stage.2.steps=5", "optimizer.group.1.lr_scale=0.1", "stage.1.lr.generator=1e-5")
    assert [one.steps for one in plan.experiment.stage] == [1, 5]
    assert plan.experiment.optimizer.group[0].lr_scale == 0.1
    assert plan.stages[0].lr["generator"] == 1e-5


def test_tables_are_made(desk: Desk) -> None:
    plan = desk.sound(BASE, "ema.decay=0.9", "optimizer.losses.lr=1e-3", "schedule.use=cosine", "log.every=3")
    experiment = plan.experiment
    assert experiment.ema is not None and experiment.ema.decay == 0.9
    assert experiment.optimizer.losses is not None and experiment.optimizer.losses.lr == 1e-3
    assert experiment.schedule.use == "cosine"


def test_short_forms_can_be_set_into(desk: Desk) -> None:
    text = BASE.replace('[generator]\nuse = "espcn"', "").replace("steps", 'generator = "espcn"\nsteps')
    assert desk.sound(text, "generator.channels=8").picks[("generator",)].options == {"channels": 8}
    assert desk.sound(BASE, "generator=bicubic").picks[("generator",)].component.name == "bicubic"
    plan = desk.sound(BASE, "data.train=a", "data.validate=['b', 'c']")
    assert plan.picks[("data", "validate")].options["path"] == [desk.folder / "b", desk.folder / "c"]
    plan = desk.sound(BASE, "data.train.use=sample-photos", "data.train.split=train")
    assert plan.picks[("data", "train")].options == {"split": "train"}
    assert [one.use for one in desk.sound(BASE, "pixel_loss=['l1', 'mse']").experiment.pixel_loss] == ["l1", "mse"]


def test_another_use_drops_the_options_but_not_those_set_beside_it(desk: Desk) -> None:
    desk.write(RICH.replace('"espcn"', '"espcn"\nchannels = 32'))
    assert desk.sound("", "generator.use=bicubic").picks[("generator",)].options == {}
    assert desk.sound("", "generator.use=espcn").picks[("generator",)].options == {"channels": 32}
    use, delta = "pixel_loss.l1.use=huber", "pixel_loss.l1.delta=0.5"
    for order in ((use, delta), (delta, use)):
        plan = desk.sound("", "pixel_loss.l1.weight=3", *order)
        assert plan.picks[("pixel_loss", 1)].options == {"delta": 0.5}
        assert (plan.experiment.pixel_loss[1].weight, plan.experiment.pixel_loss[1].name) == (3, "huber")
    plan = desk.sound(
        "", "feature_loss.vgg16.weight=0.5", "feature_loss.vgg16.use=vgg19", "feature_loss.vgg16.weights=random"
    )
    assert (plan.experiment.feature_loss[0].use, plan.experiment.feature_loss[0].weight) == ("vgg19", 0.5)


def test_the_last_of_two_counts(desk: Desk) -> None:
    assert desk.sound(BASE, "seed=1", "seed=2").experiment.seed == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("nonsense", "--set: expected KEY=VALUE, found 'nonsense'. For example generator.channels=64."),
        ("=3", "--set: expected KEY=VALUE, found '=3'. For example generator.channels=64."),
        ("sede=3", "--set sede: unknown key. Did you mean 'seed' or "),
        ("genrator.use=espcn", "--set genrator.use: there is no table [genrator]. Did you mean 'generator'?"),
        ("data.patch_sise=3", "--set data.patch_sise: unknown key. Did you mean 'patch_size' or "),
        (
            "generator.chanels=3",
            "--set generator.chanels: generator 'espcn' has no option 'chanels'. Did you mean 'channels'?",
        ),
        ("generator.channels=big", "--set generator.channels: found the text 'big', expected "),
        (
            "feature_loss.vgg19.weight=2",
            "--set feature_loss.vgg19.weight: no entry is called 'vgg19'; there are: vgg16, vgg16-2. "
            "Did you mean 'vgg16' or 'vgg16-2'?",
        ),
        ("adversarial_loss.weight=2", "--set adversarial_loss"),
        (
            "feature_loss.vgg16=2",
            "--set feature_loss.vgg16: this names a whole entry; set one of its keys. "
            "For example feature_loss.vgg16.weight=0.5.",
        ),
        ("pixel_loss.weight=2", "--set pixel_loss.weight: no entry is called 'weight'; there are: mse, l1."),
        ("seed.x=2", "--set seed.x: seed is a value, not a table."),
        ("scale.x=2", "--set scale.x: scale is a value, not a table."),
        ("data..x=2", "--set data..x: a key is words with dots between them."),
        (
            'matrix."generator.channels"=[4]',
            '--set matrix."generator.channels": a key is words with dots between them, without quotes.',
        ),
        ("extends=other.toml", "--set extends: what a file is laid over is said in the file alone."),
        ("validation.metrics.1=x", "--set validation.metrics.1: validation.metrics is a value, not a table."),
        (
            "log.tensorboard=True",
            "--set log.tensorboard: found the text 'True', expected true or false. Write true, without quotes.",
        ),
        ("ema.decay=.9", "Write 0.9, without quotes."),
        ("stage=3", "--set stage: found 3, expected an array of tables. Write [[stage]], not [stage]."),
        ("pixel_loss=mse", "--set pixel_loss: found the text 'mse', expected an array of tables."),
    ],
)
def test_what_leads_nowhere(setting: str, said: str, desk: Desk) -> None:
    found = desk.said(RICH, setting)
    assert any(one.startswith(said) or (said.startswith("Write") and said in one) for one in found), found


def test_all_wrong_settings_at_once(desk: Desk) -> None:
    found = desk.said(BASE, "nonsense", "also", "generato.x=1", "sede=1", "log.every=0")
    assert len(found) == 5


def test_an_array_that_the_file_has_not(desk: Desk) -> None:
    assert desk.said(BASE, "feature_loss.vgg16.weight=1") == [
        "--set feature_loss.vgg16.weight: no entry is called 'vgg16'; there are: none."
    ]
