"""Headers of model files: registered components alone, no path, no size that the weights do not have."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import srkit as package
from srkit.components.generators.espcn import Espcn
from srkit.components.generators.trunk import Trunk
from srkit.errors import UserError
from srkit.experiment.single import pick_one
from srkit.inference.exported import save_exported, save_pth
from srkit.inference.named import TrainedOn
from srkit.inference.naming import named_model
from srkit.inference.own_words import EXPERIMENT, own_words, trained_on
from srkit.registry import KINDS, Registry
from tests.cli.conftest import photo
from tests.trust.conftest import srkit

__all__ = ["srkit"]

REGISTRY = Registry.installed()
EVIL = 'open("ran", "w").close()\nfrom torch import nn\nclass Net(nn.Module): ...\n'
OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, scale: int, channels: int = 4):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr):
        return self.layers(lr)

class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return self.layer(x)
"""

Save = Callable[[Path, Any, Any], None]
SAVERS: list[tuple[str, Save]] = [("a.safetensors", save_exported), ("a.pth", save_pth)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text(EVIL)
    return tmp_path


def written(experiment: Any, name: str = "a.safetensors", save: Save = save_exported, scale: int = 2) -> Path:
    text = experiment if isinstance(experiment, str) else json.dumps(experiment)
    save(Path(name), Espcn(scale, channels=2).state_dict(), {EXPERIMENT: text})
    return Path(name)


GENERATORS: dict[str, Any] = {
    "a file beside it": {"use": "./evil.py:Net"},
    "a module beside it": {"use": "evil:Net"},
    "a module of srkit's": {"use": "srkit.components.generators.espcn:Espcn"},
    "a module of Python's": {"use": "os:system"},
    "a nested file": {"use": "trunk", "block": {"use": "./evil.py:Net"}},
    "a file in a list": {"use": "trunk", "block": {"use": "residual-in-residual", "blocks": [{"use": "evil:Net"}]}},
    "a file in a plain name": {"use": "trunk", "block": "./evil.py:Net"},
    "a network path": {"use": "//host/share/evil.py:Net"},
}


@pytest.mark.parametrize(("name", "save"), SAVERS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_a_header_names_registered_generators_alone(generator: str, name: str, save: Save) -> None:
    file = written({"scale": 2, "generator": GENERATORS[generator]}, name, save)
    with pytest.raises(UserError) as error:
        named_model(str(file), REGISTRY).load(2)
    said = str(error.value)
    assert name in said and ("evil" in said or "system" in said or "espcn" in said)
    assert not Path("ran").exists()


WRONG: dict[str, Any] = {
    "no text": "{",
    "a list": "[]",
    "deep": "[" * 100_000,
    "long": json.dumps({"scale": 2, "generator": {"use": "espcn"}, "x": "x" * 2_000_000}),
    "nested": {"scale": 2, "generator": {"use": "espcn"}, "x": json.loads("[" * 80 + "]" * 80)},
    "no generator": {"scale": 2},
    "no scale": {"generator": {"use": "espcn"}},
    "a huge scale": {"scale": 10**9, "generator": {"use": "bicubic"}},
    "a broken scale": {"scale": 2.5, "generator": {"use": "espcn"}},
    "a generator that is a text": {"scale": 2, "generator": "espcn"},
    "data that is a number": {"scale": 2, "generator": {"use": "espcn"}, "data": 5},
    "training data that is a number": {"scale": 2, "generator": {"use": "espcn"}, "data": {"train": 5}},
    "degradations that are a text": {"scale": 2, "generator": {"use": "espcn"}, "degradation": "jpeg"},
    "a degradation without a name": {"scale": 2, "generator": {"use": "espcn"}, "degradation": [{"quality": 3}]},
    "a downscaler that is a number": {"scale": 2, "generator": {"use": "espcn"}, "downscaler": 1},
    "a seed that is a text": {"scale": 2, "generator": {"use": "espcn"}, "seed": "x"},
}


@pytest.mark.parametrize("header", WRONG)
def test_a_header_that_srkit_does_not_write_is_told_in_one_sentence(header: str) -> None:
    with pytest.raises(UserError, match=r"a\.safetensors: its header does not describe a generator of srkit"):
        named_model(str(written(WRONG[header])), REGISTRY)


HUGE: dict[str, Any] = {
    "channels": {"use": "espcn", "channels": 10**9},
    "channels within a million": {"use": "espcn", "channels": 900_000},
    "blocks": {"use": "rrdb", "blocks": 10**9},
    "blocks within a million": {"use": "rrdb", "blocks": 900_000},
    "blocks of the wrong network": {"use": "edsr", "blocks": 20_000, "channels": 1},
    "nested": {"use": "trunk", "channels": 2, "block": {"use": "residual-dense", "layers": 900_000}},
    "no number": {"use": "srresnet", "channels": 1e400},
    "other shapes": {"use": "espcn", "channels": 3},
}


@pytest.mark.parametrize("generator", HUGE)
def test_what_a_header_builds_is_no_larger_than_the_weights(generator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written({"scale": 2, "generator": HUGE[generator]})
    monkeypatch.setattr("srkit.inference.exported.read_weights", unreached)
    began = time.monotonic()
    with pytest.raises(UserError) as error:
        named_model(str(file), REGISTRY).load(2)
    assert "a.safetensors" in str(error.value)
    assert time.monotonic() - began < 5


def unreached(*_: object, **__: object) -> None:
    raise AssertionError("a value was read")


PATHS: list[tuple[str, dict[str, Any]]] = [
    ("datasets", {"use": "folder", "path": "/etc"}),
    ("datasets", {"use": "folder", "path": "photos"}),
    ("datasets", {"use": "folder", "path": ["//host/share"]}),
    ("datasets", {"use": "paired", "hr_folder": "/etc", "lr_folder": "/etc"}),
    ("datasets", {"use": "packed", "path": "\\\\host\\share"}),
    ("datasets", {"use": "mix", "parts": [{"use": "folder", "path": "/etc"}]}),
    ("feature_losses", {"use": "vgg16", "weights": "/etc/passwd"}),
]


@pytest.mark.parametrize(("kind", "table"), PATHS)
def test_a_header_leads_to_no_file(kind: str, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "resolve", unreached)  # on Windows a look at //host/share logs in there
    with pytest.raises(UserError, match="a model file may name no path"):
        pick_one(KINDS[kind], table, REGISTRY.registered_only, shown_as="a.safetensors", folder=Path("here"))


def test_a_header_downloads_nothing() -> None:
    table = {"use": "flowers102", "download": True}
    with pytest.raises(UserError, match="a model file may (not ask for|name no path)|which a model file may not"):
        pick_one(KINDS["datasets"], table, REGISTRY.registered_only, shown_as="a", folder=Path())


def test_words_of_a_header_that_are_no_paths_stay() -> None:
    table = {"use": "vgg16", "weights": "random"}
    pick = pick_one(KINDS["feature_losses"], table, REGISTRY.registered_only, shown_as="a", folder=Path())
    assert pick.options == {"weights": "random"}


HOSTILE = {"scale": 2, "generator": {"use": "espcn", "channels": 2}}


@pytest.mark.parametrize(
    "table",
    [
        {"downscaler": {"use": "./evil.py:Net"}},
        {"downscaler": {"use": "os:system"}},
        {"downscaler": {"use": "box"}, "degradation": [{"use": "evil:Net"}]},
        {"lr_pipeline": {"use": "./evil.py:Net"}},
        {"degradation": [{"use": "random-choice", "of": [{"use": "./evil.py:Net"}]}]},
    ],
)
def test_bench_makes_no_lr_images_by_code_that_a_header_names(table: dict[str, Any], srkit: Any, here: Path) -> None:
    photo(here / "photos" / "a.png", (64, 48))
    written(HOSTILE | table)
    said = srkit("bench", "a.safetensors", "bicubic", "--on", "photos")
    assert said.code == 2 and "a's experiment" in said.err and "Traceback" not in said.err
    assert not Path("ran").exists()


def test_bench_opens_no_training_set_that_a_header_leads_to(
    srkit: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(here / "photos" / "a.png", (64, 48))
    train = {"use": "folder", "path": str(here / "photos")}
    written(HOSTILE | {"downscaler": {"use": "box"}, "data": {"train": train, "validate": train}})
    said = srkit("bench", "a.safetensors", "bicubic", "--on", "photos")
    assert said.code == 0 and "†" not in said.out, said.err
    said = srkit("bench", "a.safetensors", "bicubic")
    assert said.code == 2 and "a model file may name no path" in said.err


def own_export(table: dict[str, Any], network: nn.Module, name: str, save: Save) -> None:
    trained = TrainedOn({"scale": 2, "generator": table, "data": {"train": {"use": "./code/data.py:Set"}}}, Path())
    save(Path(name), network.state_dict(), own_words(trained, "mine"))


def own(name: str, **arguments: int) -> nn.Module:
    names: dict[str, Any] = {}
    exec(OWN, names)  # our own text above
    network: nn.Module = names[name](**arguments)
    return network


@pytest.mark.parametrize(("name", "save"), SAVERS)
def test_an_export_of_own_code_says_so_and_how_it_is_loaded(
    name: str, save: Save, srkit: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_CONFIG", str(here / "nothing-trusted"))
    network = own("Net", scale=2)
    own_export({"use": "./code/secret_place/net.py:Net", "channels": 3}, network, name, save)
    content = Path(name).read_bytes()
    assert b"secret_place" not in content and b"net.py" not in content and b"data.py" not in content
    line = f'srkit.load("{name}", code="./net.py", trust=True)'
    for load in (lambda: package.load(name), lambda: package.load(name, trust=True)):
        with pytest.raises(UserError) as error:
            load()
        assert line in str(error.value) and "its generator is own code ('Net')" in str(error.value)
    photo(here / "photo.png")
    for command in (("upscale", "photo.png", "--model", name), ("bench", name, "--on", ".")):
        said = srkit(*command)
        assert said.code == 2 and line in " ".join(said.err.split())
    (here / "net.py").write_text(OWN)
    with pytest.raises(UserError, match="code you have not trusted"):
        package.load(name, code="./net.py")
    loaded = package.load(name, code="./net.py", trust=True)
    lr = torch.rand(1, 3, 6, 5)
    with torch.no_grad():
        assert loaded.scale == 2 and torch.equal(loaded(lr), network(lr))


def test_own_code_inside_of_a_registered_generator(here: Path) -> None:
    (here / "net.py").write_text(OWN)
    block = own("Block", channels=4)
    torch.manual_seed(1)
    network = Trunk(2, channels=4, blocks=1, block=lambda channels: block)
    table = {"use": "trunk", "channels": 4, "blocks": 1, "block": {"use": "./code/net.py:Block"}}
    own_export(table, network, "a.safetensors", save_exported)
    with pytest.raises(UserError, match=r"own code \('Block'\)"):
        package.load("a.safetensors")
    lr = torch.rand(1, 3, 6, 5)
    with torch.no_grad():
        loaded = package.load("a.safetensors", code=Path("net.py"), trust=True)
        assert torch.equal(loaded(lr), network.eval()(lr))


def test_code_is_for_files_whose_generator_is_own_code(here: Path) -> None:
    (here / "net.py").write_text(OWN)
    written(HOSTILE)
    with pytest.raises(UserError, match="no own code"):
        package.load("a.safetensors", code="net.py", trust=True)
    with pytest.raises(UserError, match="is for a file that srkit exported"):
        package.load("bicubic", code="net.py", trust=True)
    own_export({"use": "./other.py:Missing"}, own("Net", scale=2), "b.safetensors", save_exported)
    with pytest.raises(UserError, match="Missing"):
        package.load("b.safetensors", code="net.py", trust=True)


def test_a_file_says_nothing_of_where_its_own_code_lay() -> None:
    experiment = {
        "scale": 2,
        "generator": {"use": "/home/ann/net.py:Net"},
        "pixel_loss": [{"use": "my.package:Loss", "name": "mine"}],
        "validation": {"metrics": ["./code/metric.py:Sharpness", "psnr-y"]},
        "downscaler": {"use": "srkit:box"},
    }
    texts = own_words(TrainedOn(experiment, Path("/home/ann")), "mine")
    told = trained_on(texts, Path("a.onnx"))
    assert told is not None and told.experiment == {
        "scale": 2,
        "generator": {"use": ":Net"},
        "pixel_loss": [{"use": ":Loss", "name": "mine"}],
        "validation": {"metrics": [":Sharpness", "psnr-y"]},
        "downscaler": {"use": "srkit:box"},
    }
