"""Help as a newcomer reads it: one sentence, two examples, and the examples run."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
import torch

from srkit.cli.main import COMMANDS, cli
from srkit.components.discriminators.vgg128 import Vgg128
from srkit.components.generators.rrdb import Rrdb
from tests.cli.conftest import Command, photo
from tests.house.source import ROOT
from tests.studies.support import a_study

WIDTH = 80
TINY_SETTINGS = ["steps=1", "data.batch_size=1", "data.patch_size=32", "validation.images=1", "log.tensorboard=false"]
"""What makes a training run of the checkout's experiments short."""


def help_of(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None and command.help is not None
    return inspect.cleandoc(command.help)


def examples(name: str) -> list[str]:
    return re.findall(r"^ {2}(srkit .+)$", help_of(name) if name else inspect.cleandoc(cli.help or ""), re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_one_sentence_and_two_examples(name: str) -> None:
    sentence = help_of(name).split("\n\n")[0]
    assert sentence == COMMANDS[name], "the list of commands says something else"
    assert len(examples(name)) == 2
    assert all(one.split()[1] == name for one in examples(name))


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal(name: str, srkit: Command) -> None:
    said = srkit(*filter(None, [name, "--help"]))
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= WIDTH


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert all(one.help for one in command.params if isinstance(one, click.Option))


@pytest.mark.parametrize("example", [one for name in ["", *COMMANDS] for one in examples(name)])
def test_the_examples_run(example: str, workplace: Path, srkit: Command) -> None:
    """From a folder with the checkout's experiments, and with what the examples name: photo.jpg, photos, runs/espcn, ..."""
    shutil.copytree(ROOT / "experiments", workplace / "experiments")
    photo(workplace / "photo.jpg")
    torch.save(Rrdb(4, channels=2, blocks=1).state_dict(), "ESRGAN.pth")
    torch.save(Vgg128(16, 2).state_dict(), "discriminator.pth")
    shutil.copy(ROOT / "srkit" / "testing" / "stock.py", "my_block.py")
    a_study(Path("runs/block_study"), seeds=2)
    words = shlex.split(example.partition(" > ")[0])[1:]
    words = [path for word in words for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
    if words[0] == "run":
        words += [part for setting in TINY_SETTINGS for part in ("--set", setting)]
    if words[0] == "prepare" and "--whole" not in words:
        words += ["--patch-size", "16"]  # the photo there is smaller than a patch
    said = srkit(*words)
    assert said.code == 0, said.err
    assert said.out


def test_the_bare_command_shows_its_help(srkit: Command) -> None:
    said = srkit()
    assert said.code == 0
    assert said.out == srkit("--help").out
    assert said.out == srkit("-h").out


def test_version(srkit: Command) -> None:
    import srkit as package

    assert srkit("--version").out == f"srkit {package.__version__}\n"
