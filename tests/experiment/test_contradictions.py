"""Tables that do not go together, each rule in both directions: what is refused, and what beside it is fine."""

from __future__ import annotations

import pytest

from tests.experiment.conftest import BASE, Desk

GAN = '[discriminator]\nuse = "dilated"\n[adversarial_loss]\nuse = "relativistic"\n'
STAGES = BASE.replace("steps = 100\n", "{}")


def top(line: str) -> str:
    return BASE.replace("steps = 100", f"steps = 100\n{line}")


WRONG = [
    (
        BASE.replace("train =", "patch_size = 97\ntrain ="),
        "x.toml:4 data.patch_size: 97 is not divisible by scale 2. The nearest is 96.",
    ),
    (
        BASE.replace("scale = 2", "scale = 5"),
        "x.toml:3 data.patch_size: 96 is not divisible by scale 5. The nearest is 95.",
    ),
    (
        BASE + '[discriminator]\nuse = "dilated"\n',
        'x.toml:10 discriminator: a discriminator without its loss. Add [adversarial_loss] with use = "relativistic".',
    ),
    (
        BASE + '[adversarial_loss]\nuse = "relativistic"\n',
        "x.toml:10 adversarial_loss: an adversarial loss without a discriminator. Add "
        '[discriminator] with use = "dilated".',
    ),
    (
        BASE + '[optimizer.discriminator]\nuse = "sgd"\n',
        "x.toml:10 optimizer.discriminator: there is no [discriminator] to optimize.",
    ),
    (top("lr = { discriminator = 1e-4 }"), "x.toml:3 lr.discriminator: there is no [discriminator] that could learn."),
    (
        STAGES.format("") + "[[stage]]\nsteps = 5\nlr = { generator = 1e-4, discriminator = 1e-4 }\n",
        "x.toml:11 stage.1.lr.discriminator: there is no [discriminator] that could learn.",
    ),
    (BASE.replace('[[pixel_loss]]\nuse = "mse"\n', ""), "x.toml: there is no loss: nothing to learn."),
    (STAGES.format(""), "x.toml: how long to train is missing."),
    (STAGES.format("stage = []\n"), "x.toml: how long to train is missing."),
    (STAGES.format("") + "[[stage]]\nlr = 1e-3\n", "x.toml:9 stage.1: how long the stage is, is missing."),
    (STAGES.format("") + "[[stage]]\nsteps = 5\nepochs = 2\n", "x.toml:9 stage.1: a stage has either steps or epochs."),
    (
        BASE + "[[stage]]\nsteps = 50\n[[stage]]\nsteps = 60\n",
        "x.toml:2 steps: steps = 100, and the stages add up to 110. Remove it, or write 110.",
    ),
    (top("lr = 1e-3") + "[optimizer]\nlr = 1e-4\n", "x.toml:12 optimizer.lr: the learning rate is given twice"),
    (
        top("lr = 1e-3") + GAN + "[optimizer.discriminator]\nlr = 1e-4\n",
        "x.toml:16 optimizer.discriminator.lr: the discriminator's learning rate is given twice",
    ),
    (
        BASE.replace("train =", "batch_size = 8\ntrain =") + "[optimizer]\naccumulation = 3\n",
        "x.toml:12 optimizer.accumulation: a batch of 8 cannot be worked through in 3 equal parts. "
        "It can in 1, 2, 4, 8.",
    ),
    (
        BASE.replace('validate = "photos"\n', "") + "[validation]\nevery = 5\n",
        "x.toml:10 validation.every: there is nothing to validate on.",
    ),
    (
        BASE + '[validation]\nevery = 5\n[checkpoint]\nbest = "psnr-rgb"\n',
        "x.toml:13 checkpoint.best: 'psnr-rgb' is not measured. validation.metrics has: psnr-y, ssim-y.",
    ),
    (BASE + '[checkpoint]\nbest = "psnr-y"\n', "x.toml:11 checkpoint.best: the best is known only with validations."),
    (
        BASE.replace('validate = "photos"\n', "")
        + '[checkpoint]\nbest = "psnr-y"\n[validation]\nevery = 5\nphotos = "x"\n',
        "x.toml:10 checkpoint.best: the best is known only with originals.",
    ),
    (
        BASE
        + '[[pixel_loss]]\nuse = "l1"\nname = "mse2"\n[[feature_loss]]\nuse = "vgg16"\nname = "mse2"\nweights = "random"\n',
        "x.toml:10 pixel_loss.mse2: the name 'mse2' is used 2 times.",
    ),
    (BASE + GAN + 'name = "mse"\n', "x.toml:8 pixel_loss.mse: the name 'mse' is used 2 times."),
    (BASE + 'name = "loss"\n', "x.toml:8 pixel_loss.loss: 'loss' is the name of another column of metrics.jsonl."),
    (BASE + 'name = "a.b"\n', "x.toml:8 pixel_loss.a.b: the name 'a.b' holds a dot or a slash."),
    (
        BASE + '[[degradation]]\nuse = "jpeg"\nname = "a/b"\n',
        "x.toml:10 degradation.a/b: the name 'a/b' holds a dot or a slash.",
    ),
    (
        BASE + '[[degradation]]\nuse = "jpeg"\nname = "j"\n[[degradation]]\nuse = "jpeg"\nname = "j"\n',
        "x.toml:10 degradation.j: the name 'j' is used 2 times.",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=lambda text: text[-60:])
def test_refused(text: str, said: str, desk: Desk) -> None:
    found = desk.said(text)
    assert found and found[0].startswith(said), found
    assert len({one.split(": ")[1] for one in found}) == 1, "one contradiction, told in one way"


PIPELINE = '[lr_pipeline]\nuse = "./pipe.py:Pipe"\n'


def test_a_pipeline_takes_the_place_of_both(desk: Desk) -> None:
    desk.write("class Pipe:\n    def __init__(self, scale: int) -> None: ...\n", "pipe.py")
    desk.sound(BASE + PIPELINE)
    found = desk.said(BASE + PIPELINE + '[downscaler]\nuse = "pillow"\n[[degradation]]\nuse = "jpeg"\n')
    assert found == [
        "x.toml:12 downscaler: an lr_pipeline takes the downscaler's place. Remove one of the two.",
        "x.toml:14 degradation: an lr_pipeline takes the degradations' place. Remove one of the two.",
    ]


FINE = [
    BASE + GAN,
    BASE.replace('[[pixel_loss]]\nuse = "mse"\n', "") + GAN,
    BASE + GAN + '[optimizer.discriminator]\nuse = "sgd"\nlr = 1e-3\n',
    top("lr = { generator = 1e-4, discriminator = 2e-4 }") + GAN,
    top("lr = { generator = 1e-4 }") + GAN + "[optimizer.discriminator]\nlr = 1e-3\n",
    top("lr = { discriminator = 1e-4 }") + GAN + "[optimizer]\nlr = 1e-3\n",
    BASE + "[[stage]]\nsteps = 40\n[[stage]]\nsteps = 60\n",
    BASE + "[[stage]]\nsteps = 40\n[[stage]]\nepochs = 2.5\n",
    STAGES.format("") + "[[stage]]\nepochs = 2\n",
    BASE.replace('validate = "photos"\n', "") + '[validation]\nevery = 5\nphotos = "real"\n',
    BASE + '[validation]\nevery = 5\nmetrics = ["psnr-rgb"]\n[checkpoint]\nbest = "psnr-rgb"\n',
    BASE + '[[degradation]]\nuse = "jpeg"\n[[degradation]]\nuse = "jpeg"\nname = "mse"\n',
    BASE.replace("train =", "batch_size = 8\ntrain =") + "[optimizer]\naccumulation = 4\n",
]


@pytest.mark.parametrize("text", FINE, ids=lambda text: text[-60:])
def test_fine(text: str, desk: Desk) -> None:
    desk.sound(text)


def test_a_value_that_could_not_be_read_contradicts_nothing(desk: Desk) -> None:
    text = BASE.replace("scale = 2", "scale = 7").replace("train =", 'patch_size = "x"\nbatch_size = -1\ntrain =')
    found = desk.said(
        text + '[optimizer]\naccumulation = 5\n[validation]\nevery = "x"\n[checkpoint]\nbest = "psnr-y"\n'
    )
    assert [one.split()[1] for one in found] == ["data.patch_size:", "data.batch_size:", "validation.every:"]


def test_contradictions_do_not_hide_each_other(desk: Desk) -> None:
    text = BASE.replace("steps = 100\n", "").replace("train =", "patch_size = 97\ntrain =")
    found = desk.said(text + '[discriminator]\nuse = "dilated"\n[checkpoint]\nbest = "x"\n')
    assert [one.split(": ")[0].split()[-1] for one in found] == [
        "x.toml",
        "data.patch_size",
        "discriminator",
        "checkpoint.best",
        "checkpoint.best",
    ]
