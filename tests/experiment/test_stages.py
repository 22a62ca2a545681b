"""What a stage may change, and what it learns at."""

from __future__ import annotations

import pytest

from tests.experiment.conftest import BASE, Desk

RICH = (
    BASE.replace("steps = 100\n", "")
    + """
[[feature_loss]]
use = "vgg16"
weights = "random"
[[degradation]]
use = "jpeg"
quality = 50
[discriminator]
use = "dilated"
[adversarial_loss]
use = "relativistic"
[[stage]]
steps = 10
[[stage]]
steps = 20
"""
)
SET_LINE = RICH.lstrip().count("\n") + 1

ALLOWED = {
    "precision": '"bf16"',
    "data.batch_size": "4",
    "pixel_loss.mse.weight": "0",
    "feature_loss.vgg16.weight": "2e-4",
    "adversarial_loss.weight": "0.5",
    "adversarial_loss.discriminator_steps": "3",
    "adversarial_loss.discriminator_batch": '"fresh"',
    "degradation.jpeg.quality": "[50, 95]",
    "degradation.jpeg.when": '"before"',
    "degradation": "[]",
}


@pytest.mark.parametrize("key", ALLOWED)
def test_allowed(key: str, desk: Desk) -> None:
    plan = desk.sound(f'{RICH}set = {{ "{key}" = {ALLOWED[key]} }}\n')
    first, second = plan.stages
    assert first.experiment is plan.experiment
    assert (second.experiment != plan.experiment) or key == "degradation.jpeg.quality"


def test_what_is_set_holds_in_that_stage_alone(desk: Desk) -> None:
    text = (
        RICH
        + 'set = { "feature_loss.vgg16.weight" = 2e-4, "degradation.jpeg.quality" = [50, 95] }\n[[stage]]\nsteps = 5\n'
    )
    plan = desk.sound(text)
    assert [one.experiment.feature_loss[0].weight for one in plan.stages] == [1.0, 2e-4, 1.0]
    assert [one.degradations[0].options["quality"] for one in plan.stages] == [50, (50, 95), 50]
    assert [one.steps for one in plan.stages] == [10, 20, 5]


@pytest.mark.parametrize(
    "form",
    [
        'set = { "feature_loss.vgg16.weight" = 2e-4 }',
        "set = { feature_loss.vgg16.weight = 2e-4 }",
        "set.feature_loss.vgg16.weight = 2e-4",
        "[stage.set]\nfeature_loss.vgg16.weight = 2e-4",
        '[stage.set]\n"feature_loss.vgg16.weight" = 2e-4',
        "[stage.set.feature_loss.vgg16]\nweight = 2e-4",
    ],
)
def test_every_form_of_writing_it(form: str, desk: Desk) -> None:
    assert desk.sound(f"{RICH}{form}\n").stages[1].experiment.feature_loss[0].weight == 2e-4


def test_degradations_may_be_others(desk: Desk) -> None:
    text = (
        RICH
        + 'set = { degradation = [{ use = "jpeg", quality = 90, name = "late" }, { use = "jpeg", when = "before" }] }\n'
    )
    stage = desk.sound(text).stages[1]
    assert [one.name for one in stage.experiment.degradation] == ["late", "jpeg"]
    assert [one.options.get("quality") for one in stage.degradations] == [90, None]


REFUSED = {
    "generator.channels": "3",
    "generator.use": '"bicubic"',
    "discriminator.channels": "3",
    "scale": "3",
    "seed": "3",
    "data.patch_size": "32",
    "data.train": '"x"',
    "pixel_loss.mse.use": '"l1"',
    "pixel_loss": "[]",
    "feature_loss.vgg16.layers": '["conv1_1"]',
    "adversarial_loss.use": '"x"',
    "degradation.jpeg.use": '"x"',
    "degradation.jpeg.name": '"x"',
    "optimizer.use": '"sgd"',
    "steps": "3",
}


@pytest.mark.parametrize("key", REFUSED)
def test_refused(key: str, desk: Desk) -> None:
    (said,) = desk.said(f'{RICH}set = {{ "{key}" = {REFUSED[key]} }}\n')
    assert said.startswith(f"x.toml:{SET_LINE} stage.2.set.{key}: a stage cannot change {key}. It may set precision, ")


def test_the_learning_rate_has_its_own_place(desk: Desk) -> None:
    for key in ("lr", "lr.generator"):
        (said,) = desk.said(f'{RICH}set = {{ "{key}" = 1e-3 }}\n')
        assert said.endswith(f"a stage cannot change {key}. Write lr in the stage itself.")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            '"feature_loss.vgg19.weight" = 1',
            "feature_loss.vgg19.weight: no entry is called 'vgg19'; there are: vgg16. Did you mean 'vgg16'?",
        ),
        ('"pixel_loss.mse.weight" = -1', "pixel_loss.mse.weight: found -1, expected a number >= 0."),
        ('"precision" = "fp8"', "precision: found the text 'fp8', expected one of 'auto', "),
        ('"degradation.jpeg.quality" = "x"', "degradation.jpeg.quality: found the text 'x', expected "),
        (
            '"degradation.jpeg.qualty" = 50',
            "degradation.jpeg.qualty: degradation 'jpeg' has no option 'qualty'. Did you mean 'quality'?",
        ),
        ('"degradation" = [{ use = "jpg" }]', "degradation.jpg.use: no degradation 'jpg'. "),
        ('"degradation.jpeg" = 1', "degradation.jpeg: this names a whole entry; set one of its keys."),
        ('"data.batch_size" = 7.5', "data.batch_size: found 7.5, expected a whole number >= 1."),
    ],
)
def test_values_are_checked_like_any_other(settings: str, said: str, desk: Desk) -> None:
    (found,) = desk.said(f"{RICH}set = {{ {settings} }}\n")
    assert found.startswith(f"x.toml:{SET_LINE} {said}")


def test_contradictions_of_a_stage(desk: Desk) -> None:
    text = RICH.replace("[[stage]]", "[optimizer]\naccumulation = 4\n[[stage]]", 1) + "set = { data.batch_size = 6 }\n"
    (said,) = desk.said(text)
    assert "optimizer.accumulation: a batch of 6 cannot be worked through in 4 equal parts." in said


def test_problems_of_several_stages_at_once(desk: Desk) -> None:
    text = (
        RICH.replace("steps = 10", 'steps = 10\nset = { seed = 1, "pixel_loss.mse.weight" = "x" }')
        + "set = { scale = 3 }\n"
    )
    assert [one.split()[1] for one in desk.said(text)] == [
        "stage.1.set.seed:",
        "pixel_loss.mse.weight:",
        "stage.2.set.scale:",
    ]


# --- learning rates ---------------------------------------------------------------------------------------------------

RATES = [
    ("", "", "", 1e-4, 1e-4),
    ("lr = 1e-3", "", "", 1e-3, 1e-3),
    ("lr = { generator = 1e-3 }", "", "", 1e-3, 1e-4),
    ("lr = { generator = 1e-3, discriminator = 2e-3 }", "", "", 1e-3, 2e-3),
    ("", "[optimizer]\nlr = 1e-3", "", 1e-3, 1e-3),
    ("", "[optimizer]\nlr = 1e-3\n[optimizer.discriminator]\nlr = 2e-3", "", 1e-3, 2e-3),
    ("", "[optimizer.discriminator]\nlr = 2e-3", "", 1e-4, 2e-3),
    ("lr = 1e-3", "", "lr = 5e-5", 5e-5, 5e-5),
    ("lr = 1e-3", "", "lr = { generator = 5e-5 }", 5e-5, 1e-3),
    ("", "[optimizer]\nlr = 1e-3", "lr = { discriminator = 5e-5 }", 1e-3, 5e-5),
    ("", "", "lr = { generator = 5e-5 }", 5e-5, 1e-4),
]


@pytest.mark.parametrize(("top", "optimizer", "stage", "generator", "discriminator"), RATES)
def test_the_learning_rate_of_each_role(
    top: str, optimizer: str, stage: str, generator: float, discriminator: float, desk: Desk
) -> None:
    text = f"{top}\n{RICH}".replace("[discriminator]", f"{optimizer}\n[discriminator]") + f"{stage}\n"
    plan = desk.sound(text)
    assert plan.stages[1].lr == {"generator": generator, "discriminator": discriminator}
