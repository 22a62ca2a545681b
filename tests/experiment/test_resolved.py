"""The resolved experiment says everything, and read again it is the same experiment."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.experiment import complete, read_experiment, read_study
from srkit.experiment.resolved import code_copies, differences, resolve, write_toml
from srkit.registry import Registry, Trust
from tests.experiment.conftest import BASE, Desk

EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.toml"))

RICH = """
scale = 3
seed = 7
precision = "fp32"
lr = { generator = 1e-3 }
[data]
train = ["a", "b/c"]
validate = "v"
patch_size = 48
workers = 2
[downscaler]
use = "./own/net.py:Shrink"
table = "./own/table.bin"
[[degradation]]
use = "jpeg"
quality = [50, 95]
[[degradation]]
use = "./own/net.py:Spoil"
[generator]
use = "./net.py:Net"
block = { use = "./own/net.py:Same", kernel = 5 }
[[pixel_loss]]
use = "l1"
weight = 0.5
[[feature_loss]]
use = "vgg16"
weights = "w/vgg.pth"
layers = { conv1_2 = 0.5, conv2_2 = 1.0 }
[[feature_loss]]
use = "vgg16"
weights = "random"
[discriminator]
use = "dilated"
[adversarial_loss]
use = "relativistic"
[optimizer]
use = "sgd"
momentum = 0.5
clip_norm = 1.0
[[optimizer.group]]
match = ["*.bias"]
lr_scale = 0.1
[optimizer.discriminator]
use = "adam"
lr = 1e-3
[schedule]
use = "multistep"
milestones = [5, 8]
[ema]
decay = 0.9
[validation]
every = 5
photos = "real"
[checkpoint]
best = "psnr-y"
[[stage]]
steps = 10
[[stage]]
steps = 20
lr = 1e-5
[stage.set]
feature_loss.vgg16-2.weight = 0.25
degradation.jpeg.quality = 60
degradation.Spoil.file = "./own/other.bin"
[[stage]]
epochs = 1.5
set = { degradation = [{ use = "./own/net.py:Spoil", file = "x.bin" }] }
"""
NET = '''
from srkit.contracts import Block, Factory
class Net:
    """N."""
    def __init__(self, scale: int, block: Factory[Block], width: tuple[int, int] = (3, 4), note: str | None = None) -> None: ...
'''
OWN = '''
from pathlib import Path
class Same:
    """S."""
    def __init__(self, channels: int, kernel: int = 3, wide: bool = True) -> None: ...
class Shrink:
    """S."""
    works_on = "batch"
    def __init__(self, scale: int, table: Path) -> None: ...
class Spoil:
    """S."""
    def __init__(self, file: Path | None = None, strength: float = 0.5) -> None: ...
'''


def again(tree: dict[str, Any], folder: Path, registry: Registry) -> dict[str, Any]:
    """What the tree resolves to when it is written, and read from another folder."""
    folder.mkdir(exist_ok=True)
    path = folder / "experiment.toml"
    path.write_text(write_toml(tree), encoding="utf-8")
    plan = complete(read_experiment(path), registry)
    assert not plan.problems, [str(one) for one in plan.problems]
    return resolve(plan, {})


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_files_that_ship_are_the_same_when_read_again(path: Path, tmp_path: Path, installed: Registry) -> None:
    study = read_study(path)
    readings = [read_experiment(path)] if study is None else [cell.reading for cell in study.cells]
    for number, reading in enumerate(readings):
        plan = complete(reading, installed)
        assert not plan.problems
        tree = resolve(plan, {})
        assert again(tree, tmp_path / f"run-{number}", installed) == tree


def rich(desk: Desk) -> Any:
    desk.write(NET, "net.py")
    desk.write(OWN, "own/net.py")
    return desk.sound(RICH)


def with_code(desk: Desk, plan: Any) -> Path:
    """A run folder with copies of the plan's own files, the originals gone."""
    folder = desk.folder / "runs" / "x"
    (folder / "code").mkdir(parents=True)
    for file, name in code_copies(plan).items():
        file.rename(folder / "code" / name)
    (folder / "experiment.toml").touch()
    Trust().record_code(folder)
    return folder


def test_a_rich_file_is_the_same_when_read_again(desk: Desk) -> None:
    plan = rich(desk)
    tree = resolve(plan, {})
    assert sorted(code_copies(plan).values()) == ["net-2.py", "net.py"]
    folder = with_code(desk, plan)
    once = again(tree, folder, desk.registry)
    assert once == tree
    assert differences(tree, once) == []


def test_every_default_and_every_path_is_written_out(desk: Desk) -> None:
    tree = resolve(rich(desk), {})
    assert tree["data"]["train"]["use"] == "srkit:folder"
    assert tree["data"]["train"]["path"] == [f"{desk.folder}/a", f"{desk.folder}/b/c"]
    cuts = {"mixup": 0.0, "mixup_alpha": 1.2, "cutmix": 0.0, "cut_ratio": 0.7, "cutblur": 0.0}
    assert tree["augment"] == {"flip": True, "rotate": True, "channel_shuffle": False, **cuts}
    assert tree["lr"] == {"generator": 1e-3}
    own = next(name for file, name in code_copies(rich(desk)).items() if file.parent.name == "own")
    top = {"net.py": "net-2.py", "net-2.py": "net.py"}[own]
    assert tree["generator"] == {
        "use": f"./code/{top}:Net",
        "width": [3, 4],
        "block": {"use": f"./code/{own}:Same", "kernel": 5, "wide": True},
    }
    assert tree["downscaler"]["table"] == f"{desk.folder}/own/table.bin"
    assert [one["name"] for one in tree["feature_loss"]] == ["vgg16", "vgg16-2"]
    assert tree["feature_loss"][0]["weights"] == f"{desk.folder}/w/vgg.pth"
    assert tree["validation"]["photos"] == f"{desk.folder}/real"
    assert tree["validation"]["metrics"] == ["srkit:psnr-y", "srkit:ssim-y"]
    assert tree["optimizer"]["accumulation"] == 1
    assert tree["stage"][1]["set"]["degradation.Spoil.file"] == f"{desk.folder}/own/other.bin"
    (late,) = tree["stage"][2]["set"]["degradation"]
    assert (late["file"], late["strength"], late["when"]) == (f"{desk.folder}/x.bin", 0.5, "after")
    assert late["use"].startswith("./code/net")


def test_learning_rates_that_nobody_wrote_are_written(desk: Desk) -> None:
    gan = '[discriminator]\nuse = "dilated"\n[adversarial_loss]\nuse = "relativistic"\n'
    assert resolve(desk.sound(BASE), {})["lr"] == 1e-4
    assert resolve(desk.sound(BASE + gan), {})["lr"] == 1e-4
    assert "lr" not in resolve(desk.sound(BASE + "[optimizer]\nlr = 1e-3\n"), {})
    tree = resolve(desk.sound(BASE + gan + "[optimizer.discriminator]\nlr = 1e-3\n"), {})
    assert tree["lr"] == {"generator": 1e-4}
    tree = resolve(desk.sound("lr = { generator = 1e-3 }\n" + BASE.lstrip() + gan), {})
    assert tree["lr"] == {"generator": 1e-3, "discriminator": 1e-4}
    assert again(tree, desk.folder / "run", desk.registry) == tree


def test_outcomes_take_the_place_of_auto(desk: Desk) -> None:
    plan = desk.sound(BASE + '[[feature_loss]]\nuse = "vgg16"\nweights = "auto"\n[[stage]]\nepochs = 2\n')
    outcomes: dict[Any, Any] = {
        ("precision",): "fp32",
        ("data", "workers"): 0,
        ("feature_loss", 0, "weights"): "random",
        ("stage", 0, "steps"): 100,
        ("stage", 0, "epochs"): None,
        ("data", "cache"): 1.0,
    }
    tree = resolve(plan, outcomes)
    assert "auto" not in str(tree)
    assert tree["stage"] == [{"steps": 100, "optimizer_state": "kept"}]
    assert again(tree, desk.folder / "run", desk.registry) == tree


CHOICES: dict[str, st.SearchStrategy[str]] = {
    "scale": st.sampled_from(["2", "3", "4"]),
    "seed": st.integers(0, 2**40).map(str),
    "data.patch_size": st.sampled_from(["12", "48", "96"]),
    "data.cache": st.sampled_from(["0", "0.5", "3"]),
    "generator.channels": st.sampled_from(["3", "[4, 5]"]),
    "generator.activation": st.sampled_from(["tanh", "leaky-relu"]),
    "optimizer.use": st.sampled_from(["adam", "adamw", "sgd"]),
    "optimizer.lr": st.floats(1e-9, 10, allow_nan=False).map(repr),
    "schedule": st.sampled_from(["constant", "cosine", "{ use = 'multistep', milestones = [1, 2] }"]),
    "ema.decay": st.sampled_from(["0.5", "0"]),
    "pixel_loss": st.sampled_from(
        ["['l1']", "[{ use = 'mse', weight = 3 }, 'mse']", "[{ use = 'charbonnier', name = 'c' }]"]
    ),
    "degradation": st.sampled_from(["[]", "['jpeg', 'jpeg']", "[{ use = 'jpeg', when = 'before', quality = 3 }]"]),
    "downscaler": st.sampled_from(["pillow", "torch-bilinear", "{ use = 'linear-light' }"]),
    "validation.metrics": st.sampled_from(["['psnr-y']", "['ssim-rgb', 'srkit:psnr-rgb']"]),
    "log.tensorboard": st.sampled_from(["true", "false"]),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.fixed_dictionaries({}, optional=CHOICES))
def test_any_experiment_is_the_same_when_read_again(chosen: dict[str, str], desk: Desk) -> None:
    plan = desk.sound(BASE, *(f"{key}={value}" for key, value in chosen.items()))
    tree = resolve(plan, {})
    assert again(tree, desk.folder / "run", desk.registry) == tree


# --- what a resumed run may change ------------------------------------------------------------------------------------


def changed(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    other = copy.deepcopy(tree)
    table: Any = other
    *way, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    for part in way:
        table = table.setdefault(part, {}) if isinstance(table, dict) else table[part]
    table[last] = value
    return other


@pytest.mark.parametrize(
    ("key", "value", "free"),
    [
        ("steps", 200, True),
        ("steps", 100, True),
        ("steps", 50, False),
        ("log.every", 3, True),
        ("log.tensorboard", False, True),
        ("checkpoint.every", 5, True),
        ("checkpoint.keep", 9, True),
        ("data.workers", 3, True),
        ("data.cache", 0.0, True),
        ("seed", 1, False),
        ("data.batch_size", 2, False),
        ("generator.channels", 3, False),
        ("precision", "bf16", False),
        ("ema", {"decay": 0.5}, False),
        ("pixel_loss.0.weight", 0.5, False),
        ("checkpoint.best", "psnr-y", False),
        ("scale", 3, False),
    ],
)
def test_differences(key: str, value: Any, free: bool, desk: Desk) -> None:
    tree = resolve(desk.sound(BASE), {})
    found = differences(tree, changed(tree, key, value))
    shown = key.replace(".0.", ".1.")
    assert [one[0] for one in found] == ([] if free else [shown])
    if not free:
        assert found[0][2] == value


def test_only_the_last_stage_may_become_longer(desk: Desk) -> None:
    tree = resolve(
        desk.sound(BASE.replace("steps = 100\n", "") + "[[stage]]\nsteps = 10\n[[stage]]\nsteps = 20\n"),
        {("steps",): 30},
    )
    longer = changed(changed(tree, "stage.1.steps", 30), "steps", 40)
    assert differences(tree, longer) == []
    assert [one[0] for one in differences(tree, changed(tree, "stage.0.steps", 20))] == ["stage.1.steps"]
    assert [one[0] for one in differences(tree, changed(tree, "stage.1.steps", 5))] == ["stage.2.steps"]
    more = copy.deepcopy(tree)
    more["stage"].append({"steps": 5})
    assert differences(tree, more)
    assert differences(more, tree)


def test_what_is_written_is_toml(desk: Desk) -> None:
    tree = resolve(desk.sound(BASE), {})
    assert tomli.loads(write_toml(tree)) == tree


def test_another_component_or_a_table_more_is_one_difference() -> None:
    old = {"generator": {"use": "a", "width": 3}, "pixel_loss": [{"use": "l1"}], "log": {"every": 5}, "seed": 1}
    new = {
        "generator": {"use": "b", "depth": 4},
        "pixel_loss": [{"use": "l1"}, {"use": "mse", "weight": 2.0}],
        "discriminator": {"use": "d", "channels": 8},
        "seed": 2,
    }
    assert differences(old, new) == [
        ("discriminator", None, {"use": "d", "channels": 8}),
        ("generator.use", "a", "b"),
        ("pixel_loss.2", None, {"use": "mse", "weight": 2.0}),
        ("seed", 1, 2),
    ]
