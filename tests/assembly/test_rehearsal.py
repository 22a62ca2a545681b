"""Contradictions that only building shows are found without computing, and told with file, line and key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from tests.assembly.conftest import Stage
from tests.experiment.conftest import BASE

GAN = '[discriminator]\nuse = "{}"\n[adversarial_loss]\nuse = "relativistic"\n'
VGG = '[[feature_loss]]\nuse = "vgg16"\nweights = "random"\n'


def own(name: str, options: str = "") -> str:
    return BASE.replace('use = "espcn"', f'use = "./own.py:{name}"\n{options}'.rstrip())


@pytest.mark.parametrize("name", ["Fine", "Extra", "Counting", "Initial"])
def test_fine_generators(name: str, stage: Stage) -> None:
    assert stage.rehearsed(own(name)) == []


GENERATORS = [
    ("scale = 4", "Fine", "", "x.toml:1 scale: the generator 'Fine' cannot do this: it can do 2 and 3, not 4."),
    ("", "Fine", "width = 3", "x.toml:8 generator.width: 3 is odd."),
    (
        "",
        "Small",
        "",
        "x.toml:7 generator.use: 'Small' makes (2, 3, 48, 48) of (2, 3, 48, 48) at scale 2, expected (2, 3, 96, 96).",
    ),
    ("", "Pair", "", "x.toml:7 generator.use: 'Pair' gives a tuple, expected a tensor or a GeneratorOutput."),
    (
        "",
        "CountingSmall",
        "",
        "x.toml:7 generator.use: 'CountingSmall' makes (2, 3, 96, 95) of (2, 3, 48, 48) at scale 2, ",
    ),
    ("", "Crashing", "", "x.toml:7 generator.use: 'Crashing' fails on an LR patch of 48 x 48 pixels: "),
    ("scale = 4", "Windows", "", "x.toml:1 scale: the generator 'Windows' cannot do this"),
    ("", "Broken", "", "x.toml:6 generator: ./own.py:Broken could not be built: TypeError: "),
    (
        "",
        "NoModule",
        "",
        "x.toml:7 generator.use: generator ./own.py:NoModule: it gives a NoModule, which is no torch module. Write class "
        "NoModule(torch.nn.Module) with a forward() and super().__init__()",
    ),
    (
        "",
        "Stack",
        'block = { use = "./own.py:NoBlock" }',
        "x.toml:8 generator.block.use: block ./own.py:NoBlock: it gives a NoBlock, which is no torch module.",
    ),
    (
        "",
        "Stack",
        'block = { use = "./own.py:Picky" }',
        "x.toml:8 generator.block.use: the block 'Picky' cannot do this: it wants 8, not 4.",
    ),
]


@pytest.mark.parametrize(
    ("scale", "name", "options", "said"), GENERATORS, ids=[f"{one[1]}{one[0]}" for one in GENERATORS]
)
def test_generators_that_cannot(scale: str, name: str, options: str, said: str, stage: Stage) -> None:
    text = own(name, options)
    (found,) = stage.rehearsed(text.replace("scale = 2", scale) if scale else text)
    assert found.startswith(said), found


def test_the_patch_is_what_the_generator_sees(stage: Stage) -> None:
    assert stage.rehearsed(own("Windows")) == []
    (found,) = stage.rehearsed(own("Windows"), "data.patch_size=40")
    assert found.endswith("'Windows' fails on an LR patch of 20 x 20 pixels: ValueError: sides of 8, 16.")


def test_a_generator_without_parameters(stage: Stage) -> None:
    assert stage.rehearsed(BASE.replace("espcn", "bicubic")) == [
        "x.toml:7 generator.use: 'bicubic' has no parameters: there is nothing to train. It serves as a baseline."
    ]


@pytest.mark.parametrize(
    ("tables", "patch", "said"),
    [
        (GAN.format("dilated"), 14, "14 is too small for discriminator 'dilated'. It needs at least 16."),
        (
            GAN.format("dilated") + "shift_crop = 5\n",
            18,
            "18 is too small for discriminator 'dilated'. It needs at least 20.",
        ),
        (GAN.format("dilated") + "shift_crop = 5\n", 20, ""),
        (GAN.format("dilated"), 16, ""),
        (VGG + 'layers = ["conv5_1"]\n', 14, "14 is too small for feature_loss 'vgg16'. It needs at least 16."),
        (VGG + 'layers = ["conv5_1"]\n', 16, ""),
        (
            VGG + 'layers = ["conv3_1"]\nprescale = 2\n',
            6,
            "6 is too small for feature_loss 'vgg16'. It needs at least 8.",
        ),
    ],
)
def test_patches_too_small(tables: str, patch: int, said: str, stage: Stage) -> None:
    found = stage.rehearsed(BASE + tables, f"data.patch_size={patch}")
    assert found == ([f"--set data.patch_size: {said}"] if said else [])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ByLr", ""),
        ("Blind", "x.toml:11 discriminator.use: discriminator 'Blind' fails on a patch: RuntimeError: "),
        ("Talking", "x.toml:11 discriminator.use: 'Talking' gives a dict, expected logits or a DiscriminatorOutput."),
    ],
)
def test_discriminators(name: str, said: str, stage: Stage) -> None:
    found = stage.rehearsed(BASE + GAN.format(f"./own.py:{name}"))
    assert (found[0].startswith(said) and len(found) == 1) if said else found == []


def test_losses(stage: Stage) -> None:
    assert stage.rehearsed(BASE.replace('"mse"', '"./own.py:make_parts"')) == []
    assert stage.rehearsed(BASE.replace('"mse"', '"./own.py:Unreduced"')) == [
        "x.toml:9 pixel_loss.Unreduced.use: the loss 'Unreduced' gives a tensor (2, 3, 96, 96), "
        "expected a scalar tensor or a dict of them."
    ]
    text = BASE + GAN.format("dilated").replace("relativistic", "./own.py:OneSided")
    assert stage.rehearsed(text) == [
        "x.toml:13 adversarial_loss.use: adversarial loss ./own.py:OneSided: the class OneSided is no adversarial loss: "
        "it has no discriminator_term(). srkit.contracts.AdversarialLoss says what one is called with"
    ]
    assert stage.rehearsed(BASE + '[downscaler]\nuse = "./own.py:Nothing"\n')[0].startswith(
        "x.toml:11 downscaler.use: downscaler ./own.py:Nothing: the class Nothing is no downscaler: it has no __call__()."
    )


PIPELINE = '[lr_pipeline]\nuse = "real-esrgan"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "",
            "x.toml:9 pixel_loss.consistency.use: the loss 'consistency' needs a downscaler that lets gradients through",
        ),
        ('[downscaler]\nuse = "torch-bilinear"\n', ""),
        (
            PIPELINE,
            "x.toml:9 pixel_loss.consistency.use: the loss 'consistency' shrinks the image again, and an lr_pipeline "
            "has no downscaler. Leave one of the two out, or write [downscaler] and [[degradation]] in the pipeline's "
            "place.",
        ),
        (
            '[downscaler]\nuse = "./own.py:Rounds"\n',
            "x.toml:9 pixel_loss.consistency.use: the loss 'consistency' needs a downscaler that lets gradients through, "
            "and 'Rounds' loses them on the way",
        ),
        (
            '[downscaler]\nuse = "random"\nchoices = ["torch-bilinear", "pillow"]\n',
            "x.toml:9 pixel_loss.consistency.use: the loss 'consistency' needs a downscaler that lets gradients through, "
            "and 'random' loses them on the way",
        ),
    ],
)
def test_what_a_loss_on_views_misses_in_the_experiment(more: str, expected: str, stage: Stage) -> None:
    found = stage.rehearsed(BASE.replace('use = "mse"', 'use = "consistency"') + more)
    assert [one[: len(expected)] for one in found] == ([expected] if expected else [])


@pytest.mark.parametrize("average", [False, True])
def test_a_loss_that_compares_with_the_average_needs_one(average: bool, stage: Stage) -> None:
    found = stage.rehearsed(BASE.replace('use = "mse"', 'use = "ldl"') + ("[ema]\ndecay = 0.9\n" if average else ""))
    assert [one.partition(" and")[0] for one in found] == (
        [] if average else ["x.toml:9 pixel_loss.ldl.use: a loss compares with the averaged generator,"]
    )


ASKING = """
from srkit.errors import UserError


class Mask:
    def __call__(self, views):
        if "mask" not in views.extras:
            raise UserError("needs a generator that gives a mask")


class Features:
    def __call__(self, views):
        if views.discriminator is None:
            raise UserError("needs a [discriminator]")
        if not views.discriminator(views.sr).features:
            raise UserError("needs a discriminator that gives features")
"""


def test_a_loss_that_asks_for_what_only_networks_give_is_not_blamed(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASKING)
    mask, features = (BASE.replace('use = "mse"', f'use = "./asking.py:{one}"') for one in ("Mask", "Features"))
    assert stage.rehearsed(mask) == []
    assert stage.rehearsed(features + GAN.format("dilated")) == []
    (found,) = stage.rehearsed(features)
    assert found.endswith(".use: needs a [discriminator].")


def test_groups_that_no_parameter_falls_into(stage: Stage) -> None:
    groups = '[[optimizer.group]]\nmatch = ["head.*"]\n[[optimizer.group]]\nmatch = "tail.*"\n'
    assert stage.rehearsed(own("Fine") + groups) == [
        "x.toml:13 optimizer.group.2.match: no parameter of the generator has such a name. There "
        "are: head.weight, head.bias."
    ]
    more = GAN.format("dilated") + '[optimizer.discriminator]\n[[optimizer.discriminator.group]]\nmatch = "x"\n'
    (found,) = stage.rehearsed(own("Fine") + more)
    assert found == (
        "x.toml:16 optimizer.discriminator.group.1.match: no parameter of the discriminator has such a name. There "
        "are: layers.*, head.*."
    )


WARM = BASE.replace("steps = 100\n", "") + '[schedule]\nuse = "cosine"\nwarmup = {}\n'


@pytest.mark.parametrize(
    ("lengths", "warmup", "expected"),
    [
        ("steps = 900", 1500, ""),
        ("steps = 900", 1800, "x.toml:11 schedule.warmup: 1800 updates of warmup leave nothing of a run of 1800 steps"),
        ("epochs = 900", 1800, ""),  # as long as there are pictures, which nobody has counted yet
    ],
)
def test_a_schedule_is_held_against_all_stages_together(lengths: str, warmup: int, expected: str, stage: Stage) -> None:
    found = stage.rehearsed(WARM.format(warmup) + f"[[stage]]\n{lengths}\n" * 2)
    assert [one[: len(expected)] for one in found] == ([expected] if expected else [])


def test_a_stage_in_which_nothing_is_learned(stage: Stage) -> None:
    stages = "[[stage]]\nsteps = 5\n[[stage]]\nsteps = 5\nset = { 'pixel_loss.mse.weight' = 0 }\n"
    (found,) = stage.rehearsed(BASE.replace("steps = 100\n", "") + stages)
    assert found == "x.toml:11 stage.2: all losses have the weight 0: there is nothing to learn."
    (found,) = stage.rehearsed(BASE, "pixel_loss.mse.weight=0")
    assert "all losses have the weight 0" in found


def test_a_network_of_which_nothing_trains(stage: Stage) -> None:
    (found,) = stage.rehearsed(own("Fine") + '[[optimizer.group]]\nmatch = "*"\nlr_scale = 0\n')
    assert found == "x.toml:10 optimizer.group: it freezes all parameters of the generator: nothing trains."


FIVE = """
from torch import nn


class Five(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 5, 3)

    def forward(self, image):
        return self.head(image)
"""


def test_logits_of_another_shape_than_promised(stage: Stage) -> None:
    stage.write(FIVE, "five.py")
    (found,) = stage.rehearsed(BASE + GAN.format("./five.py:Five"))
    assert "'Five' gives logits (2, 5, 94, 94) for 2 pictures, expected (2, 1) or (2, 1, h, w)." in found


def test_the_sum_that_stands_beside_stages_in_epochs_counts(stage: Stage) -> None:
    (found,) = stage.rehearsed(WARM.format(800) + "[[stage]]\nepochs = 900\n" * 2, "steps=500")
    assert "800 updates of warmup leave nothing of a run of 500 steps" in found


def test_a_missing_folder_is_told_by_its_key(stage: Stage) -> None:
    (found,) = stage.rehearsed(BASE, "data.train=absent")
    assert found.startswith("--set data.train") and "absent" in found


def test_everything_at_once(stage: Stage) -> None:
    text = own("Fine", "width = 3") + GAN.format("dilated") + VGG + 'layers = ["conv5_1"]\n'
    found = stage.rehearsed(text, "data.patch_size=14", "optimizer.betas=[1]", "sede=1", "data.validate=absent")
    keys = [one.removeprefix("--set ").removeprefix("x.toml:8 ").split(":")[0].split(" ")[0] for one in found]
    assert sorted(keys) == [
        "data.patch_size",
        "data.patch_size",
        "data.validate.path",
        "generator.width",
        "optimizer.betas",
        "sede",
    ]


FAILS = """
from srkit.errors import OptionError

class Fails:
    def __init__(self, much: int = 1) -> None:
        raise OptionError("much", "never.")

    def __call__(self, batch, draws):
        return batch
"""


def test_a_degradation_that_a_stage_brings_is_built_too(stage: Stage) -> None:
    stage.write(FAILS, "own.py")
    stages = "[[stage]]\nsteps = 5\nset = { degradation = [{ use = './own.py:Fails' }] }\n" * 2
    assert stage.rehearsed(BASE.replace("steps = 100\n", "") + stages) == [
        "x.toml:11 degradation.Fails.much: never.",
        "x.toml:14 degradation.Fails.much: never.",
    ]


def test_nothing_is_left_behind_and_nothing_takes_time(stage: Stage) -> None:
    text = BASE + GAN.format("dilated") + VGG
    stage.rehearsed(text)
    state = torch.get_rng_state()
    begun = time.perf_counter()
    assert stage.rehearsed(text) == []
    assert time.perf_counter() - begun < 5
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_device().type == "cpu" and torch.is_grad_enabled()


@pytest.mark.parametrize(("shift", "size"), [(1, 96), (8, 89)])
def test_a_discriminator_for_pictures_of_one_size_is_held_against_the_patch(
    shift: int, size: int, stage: Stage
) -> None:
    gan = GAN.format(f'vgg128"\nchannels = 2\ninput_size = {size}\n#') + f"shift_crop = {shift}\n"
    assert stage.rehearsed(BASE + gan) == []
    (problem,) = stage.rehearsed(BASE + gan.replace(f"input_size = {size}\n", "input_size = 64\n"))
    assert "discriminator.input_size: vgg128 was built for pictures of 64 x 64 pixels, got" in problem
    assert f"got {size} x {size}" in problem and problem.startswith("x.toml:")


PLATEAU = '[schedule]\nuse = "plateau"\nmetric = "{}"\n'


def test_a_schedule_that_goes_by_a_metric_needs_validations_that_measure_it(stage: Stage) -> None:
    every = "[validation]\nevery = 5\n"
    assert stage.rehearsed(BASE + PLATEAU.format("psnr-y") + every) == []
    unjudged = BASE.replace('validate = "photos"\n', "")
    problems = stage.rehearsed(unjudged + PLATEAU.format("psnr-y") + every)
    assert any("schedule.use: 'plateau' is told 'psnr-y' only with originals. Add" in one for one in problems)
    (problem,) = stage.rehearsed(BASE + PLATEAU.format("psnr-y"))
    assert problem.endswith("schedule.use: 'plateau' goes by the validations. Add validation.every = 500.")
    (problem,) = stage.rehearsed(BASE + PLATEAU.format("psnr-rgb") + every)
    assert "'plateau' goes by 'psnr-rgb', which is not measured. validation.metrics has: psnr-y, ssim-y." in problem


def test_patterns_of_the_losses_optimizer_are_compared_with_their_parameters(stage: Stage) -> None:
    stage.write(
        "import torch\nfrom torch import nn\nclass Scaled(nn.Module):\n"
        "    def __init__(self) -> None:\n        super().__init__()\n        self.scale = nn.Parameter(torch.ones(1))\n"
        "    def forward(self, sr, hr):\n        return (sr - hr).abs().mean() * self.scale.sum()\n",
        "scaled.py",
    )
    text = BASE.replace("pixel_loss]]\n", 'pixel_loss]]\nname = "own"\n').replace('"mse"', '"./scaled.py:Scaled"')
    groups = text + '[optimizer.losses]\nuse = "sgd"\n[[optimizer.losses.group]]\nmatch = "%s"\nlr_scale = 0.5\n'
    assert stage.rehearsed(groups % "own.*") == []
    (said,) = stage.rehearsed(groups % "other.*")
    assert "optimizer.losses.group.1.match: no parameter of the losses has such a name. There are: own.scale." in said


def test_a_target_that_changes_the_size_is_refused(stage: Stage) -> None:
    stage.write("class Halve:\n    def __call__(self, batch, draws):\n        return batch[..., ::2]\n", "halve.py")
    (said,) = stage.rehearsed(BASE + '[target]\nuse = "./halve.py:Halve"\n')
    assert "target.use: 'Halve' makes (1, 3, 96, 48) of (1, 3, 96, 96); a target may not change the size." in said
    assert stage.rehearsed(BASE + '[target]\nuse = "usm-sharpen"\n') == []
