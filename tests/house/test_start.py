"""What starts without torch: lists, help, and every error in an experiment file's own structure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from srkit.cli.main import COMMANDS
from tests.execution.support import GAN, prepared

STRUCTURAL = """
scal = 2
[data]
train = "photos"
patch_size = "x"
[generator]
use = "espcn"
[[pixel_loss]]
use = "mse"
"""


@pytest.fixture(scope="module")
def poison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose torch and torchvision cannot be imported."""
    folder = tmp_path_factory.mktemp("poison")
    for name in ("torch", "torchvision"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    return folder


def srkit(*arguments: str, path: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(path)}
    command = [sys.executable, "-m", "srkit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=120)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_needs_no_torch(name: str, poison: Path) -> None:
    done = srkit(*filter(None, [name, "--help"]), path=poison)
    assert done.returncode == 0, done.stderr
    assert "Usage: srkit" in done.stdout


def test_lists_need_no_torch(poison: Path) -> None:
    done = srkit("list", "--json", path=poison)
    assert done.returncode == 0, done.stderr
    assert {one["state"] for one in json.loads(done.stdout)} == {"ok"}
    assert all(one["summary"] for one in json.loads(done.stdout))


def test_what_is_no_toml_needs_no_torch(poison: Path, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("scale = = 2\n")
    for command in ("check", "run"):
        done = srkit(command, "x.toml", path=poison, cwd=tmp_path)
        assert done.returncode == 2
        assert "x.toml:1: not TOML" in done.stdout + done.stderr


def test_structural_problems_are_said_before_torch_is_imported(poison: Path, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(STRUCTURAL)
    for command in ("check", "run"):
        done = srkit(command, "x.toml", path=poison, cwd=tmp_path)
        said = done.stdout + done.stderr
        assert "x.toml:2 scal: unknown key. Did you mean 'scale'?" in said
        assert "x.toml:5 data.patch_size: found the text 'x'" in said
        assert "Traceback" not in said


LOADED = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
from srkit.cli.main import main
main()
"""


def loaded(*arguments: str, cwd: Path) -> set[str]:
    """The modules that are there when a command ends."""
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)
    return set(done.stderr.splitlines()[-1].split())


def test_check_imports_only_the_components_that_were_chosen(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "x.toml").write_text(STRUCTURAL.replace("scal = 2", "scale = 2\nsteps = 4").replace('"x"', "32"))
    found = loaded("check", "x.toml", cwd=tmp_path)
    assert "srkit.components.generators.espcn" in found
    for name in ("feature_losses", "discriminators", "adversarial_losses", "degradations"):
        assert f"srkit.components.{name}" not in found
    assert "srkit.components.generators.bicubic" not in found
    assert "torchvision" not in found


SLOW = {
    *("torch._dynamo", "torch._inductor", "torch.fx.experimental.symbolic_shapes", "torch.onnx", "sympy"),
    *("torchvision", "scipy", "skimage", "tensorboard", "imagehash", "matplotlib", "spandrel", "pandas"),
}
"""What takes long to import, beside torch itself."""


def test_check_show_and_schema_import_torch_and_nothing_that_is_as_slow(tmp_path: Path) -> None:
    prepared(tmp_path, GAN.replace("./parts.py:Notches", "vgg16"))
    loaded("check", "tiny.toml", cwd=tmp_path)  # from here on it is remembered what the images are like
    for words in (("check", "tiny.toml"), ("show", "generators", "rrdb"), ("schema",)):
        found = loaded(*words, cwd=tmp_path)
        assert "torch" in found
        assert not found & SLOW, words


SOUND = STRUCTURAL.replace("scal = 2", "scale = 2\nsteps = 4").replace('"x"', "32")

TYPOS = {
    "generator.chanels=8": "--set generator.chanels: generator 'espcn' has no option 'chanels'. Did you mean 'channels'?",
    "generator.use=espnc": "--set generator.use: no generator 'espnc'.",
    "generator.channels=many": "--set generator.channels: found the text 'many', expected a whole number",
    "pixel_loss.mse.wieght=1": "--set pixel_loss.mse.wieght: pixel_loss 'mse' has no option 'wieght'. Did you mean 'weight'?",
    'generator={use="trunk",block={use="residual",slop=1}}': "block 'residual' has no option 'slop'. Did you mean 'slope'?",
    "optimizer.beta=1": "optimizer 'adam' has no option 'beta'. Did you mean 'betas'",
    'validation.metrics=["pnsr-y"]': "no metric 'pnsr-y'",
    "generator.use=./own.py:Net": "there is no file",
    "data.train.splt=x": "dataset",
    "matrix.seed=[1]": "generator 'espcn' has no option 'chanels'",
    "stps=4": "--set stps",
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("typo", TYPOS)
def test_a_typo_is_answered_without_torch(command: str, typo: str, poison: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "x.toml").write_text(
        SOUND.replace('"espcn"', '"espcn"\nchanels = 3' if "matrix" in typo else '"espcn"')
    )
    done = srkit(command, "x.toml", "--set", typo, path=poison, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert TYPOS[typo] in said
    assert "imported" not in said
