"""A small third-party package as its author would write it: a block, a generator, a hook plugin, a command."""

from __future__ import annotations

from pathlib import Path

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "srkit-weave"
version = "1.2"
description = "Woven networks for srkit."
dependencies = ["srkit", "torch"]

[project.urls]
Homepage = "https://example.org/weave"

[project.entry-points."srkit.blocks"]
gated = "srkit_weave.blocks:Gated"

[project.entry-points."srkit.generators"]
woven = "srkit_weave.generators:Woven"

[project.entry-points."srkit.plugins"]
diary = "srkit_weave.diary"

[project.entry-points."srkit.commands"]
weave = "srkit_weave.command:weave"

[tool.setuptools]
packages = ["srkit_weave"]
"""

BLOCKS = '''
"""Blocks that weave."""

import torch
from torch import nn


class Gated(nn.Module):
    """A convolution whose output opens and shuts itself.

    Args:
        kernel: the side of the convolution, odd.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return x + y * y.sigmoid()
'''

GENERATORS = '''
"""Generators that weave."""

import torch
from srkit.contracts import Block, Factory
from torch import nn


class Woven(nn.Module):
    """Blocks of anyone's, one after another, then a pixel shuffle.

    Args:
        block: what is woven.
        depth: how many of them.
        channels: how wide.
    """

    def __init__(self, scale: int, block: Factory[Block], depth: int = 2, channels: int = 4) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(block(channels=channels) for _ in range(depth)))
        self.tail = nn.Sequential(nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return self.tail(self.body(self.head(lr)))
'''

DIARY = '''
"""Writes a line into `diary.txt` of the run folder for each step."""

from srkit.hooks import hookimpl


@hookimpl
def srkit_step_end(run, step):
    with (run.folder / "diary.txt").open("a", encoding="utf-8") as file:
        file.write(f"{step}\\n")
'''

COMMAND = '''
"""A command of its own."""

import click


@click.command()
def weave():
    """Weave."""
    click.echo("woven")
'''

EXPERIMENT = """
scale = 2
steps = 2
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 1
[downscaler]
use = "torch-bilinear"
[generator]
use = "woven"
depth = 1
block = { use = "gated", kernel = 5 }
[[pixel_loss]]
use = "mse"
[log]
tensorboard = false
"""

BUILT_IN_GENERATOR = ("--set", "generator.use=espcn", "--set", "generator.channels=2")


def write_package(folder: Path) -> Path:
    """The package's sources, ready to be built."""
    files = {
        "pyproject.toml": PYPROJECT,
        "srkit_weave/__init__.py": '"""Woven networks for srkit."""\n',
        "srkit_weave/blocks.py": BLOCKS,
        "srkit_weave/generators.py": GENERATORS,
        "srkit_weave/diary.py": DIARY,
        "srkit_weave/command.py": COMMAND,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
