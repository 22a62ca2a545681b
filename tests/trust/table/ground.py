"""The place a hostile input is tried in: a folder to stand in, with things around it that must stay as they are."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OWN_CODE", "RAN", "Ground"]

RAN = "HOSTILE_RAN"
"""The variable that says where code that runs leaves its mark; unset while it is trained with."""

OWN_CODE = '''
"""A generator, a loss, a degradation, a metric and others, whose file says that it was run."""
import builtins
import os
from pathlib import Path
from torch import nn
from torch.nn import functional as F

if "HOSTILE_RAN" in os.environ:
    Path(os.environ["HOSTILE_RAN"], MARK).touch()
builtins.hostile_code_ran = True


class Net(nn.Module):
    """A generator."""

    def __init__(self, scale: int, channels: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.Conv2d(channels, 3 * scale**2, 1))
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr):
        return self.shuffle(self.layers(lr))


class Block(nn.Module):
    """A block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 1)

    def forward(self, features):
        return self.layer(features)


class Loss(nn.Module):
    """A pixel loss."""

    def forward(self, sr, hr):
        return (sr - hr).square().mean()


class Darker:
    """A degradation."""

    def __call__(self, batch, draws):
        return batch * 0.9


class Halve:
    """A downscaler."""

    works_on = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, image):
        return F.avg_pool2d(image, self.scale)


class Error:
    """A metric."""

    unit = ""
    higher_is_better = False

    def __call__(self, sr, hr):
        return (sr - hr).abs().mean((1, 2, 3))


class Falling:
    """A schedule."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def factor(self, step: int) -> float:
        return 1 / (1 + step)

    def state_dict(self):
        return {}

    def load_state_dict(self, state) -> None:
        pass
'''


@dataclass(frozen=True)
class Ground:
    """Folders below one root.

    Attributes:
        root: holds `here` to stand in, `out` for results, `ran` for the marks of code that ran, `home` and `config` of
            a user who trusts nobody, and `precious` for what a stranger would like to overwrite.
    """

    root: Path

    @classmethod
    def begin(cls, root: Path, trained: Path) -> Ground:
        """A new one.

        Args:
            trained: what lies in `here` from the start: `photos`, `tiny.toml`, `runs/plain` and `runs/own`.
        """
        ground = cls(root)
        for folder in (ground.out, ground.ran, ground.home, ground.config, ground.precious / "step-00000099"):
            folder.mkdir(parents=True)
        shutil.copytree(trained, ground.here, symlinks=True)
        for file in (*ground.here.glob("runs/**/experiment.toml"), *ground.here.glob("runs/**/study.json")):
            file.write_text(file.read_text(encoding="utf-8").replace(str(trained), str(ground.here)), encoding="utf-8")
        (ground.precious / "file").write_text("mine")
        (ground.precious / "step-00000099" / "file").write_text("mine")
        return ground

    @property
    def here(self) -> Path:
        return self.root / "here"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def ran(self) -> Path:
        return self.root / "ran"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def config(self) -> Path:
        return self.home / "settings"

    @property
    def precious(self) -> Path:
        return self.root / "precious"

    @property
    def environment(self) -> dict[str, str]:
        """What tells a process where home, settings and caches are, and bounds what images may cost."""
        home = str(self.home)
        places = {"HOME": home, "USERPROFILE": home, "SRKIT_CONFIG": str(self.config)}
        caches = {"XDG_CACHE_HOME": str(self.home / ".cache"), "TORCH_HOME": str(self.home / ".cache" / "torch")}
        caches["MPLCONFIGDIR"] = str(self.home / ".cache" / "matplotlib")
        bounds = {"SRKIT_MAX_PIXELS": "2000000", "SRKIT_DECODE_MEMORY": "256MB"}
        return places | caches | bounds | {RAN: str(self.ran)}

    def code(self, path: Path, mark: str = "") -> Path:
        """Write a file of code that leaves a mark in `ran` when it is run: by default its own name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OWN_CODE.replace("MARK", repr(mark) if mark else "Path(__file__).name"), encoding="utf-8")
        return path

    def touch(self, mark: str) -> str:
        """A shell's command that leaves a mark."""
        return f"touch {self.ran / mark}"

    def marks(self) -> list[str]:
        """What ran since the last time that this was asked."""
        found = sorted(self.ran.iterdir())
        for one in found:
            one.unlink()
        return [one.name for one in found]

    def empty_out(self) -> None:
        """Forget results."""
        shutil.rmtree(self.out)
        self.out.mkdir()

    def tree(self) -> dict[str, tuple[object, ...]]:
        """Everything but results, caches and marks: names, kinds, sizes, times of change and hashes."""
        left_out = (self.out, self.ran, self.home / ".cache")
        found = {}
        for path in sorted(self.root.rglob("*")):
            if not any(path.is_relative_to(one) for one in left_out):
                found[str(path.relative_to(self.root))] = _facts(path)
        return found


def _facts(path: Path) -> tuple[object, ...]:
    if path.is_symlink():
        return ("link", str(path.readlink()))
    known = path.lstat()
    if path.is_dir():
        return ("folder",)
    if not path.is_file():
        return ("special", known.st_mode)
    return ("file", known.st_size, known.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
