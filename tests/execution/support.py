"""Small experiments on made-up photos, run in this process or as a command."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from srkit.execution import Outcome, execute
from srkit.experiment import Plan, complete, read_experiment, require_sound
from srkit.hooks import hookimpl
from srkit.registry import Registry
from srkit.training import checkpoint

WALL_CLOCK = ("time", "images_per_second", "waiting")

PLAIN = """
scale = 2
steps = 6
seed = 3
precision = "fp32"
[data]
train = "photos"
validate = "held_out"
patch_size = 32
batch_size = 4
workers = 0
[generator]
use = "espcn"
channels = 8
[[pixel_loss]]
use = "mse"
[log]
every = 2
tensorboard = false
[checkpoint]
every = 3
"""

GAN = """
scale = 2
seed = 12
precision = "fp32"
[data]
train = "photos"
validate = "held_out"
patch_size = 48
batch_size = 4
workers = 0
[downscaler]
use = "torch-bilinear"
[[degradation]]
use = "jpeg"
quality = [50, 95]
[generator]
use = "espcn"
channels = 8
[[pixel_loss]]
use = "mse"
[[feature_loss]]
use = "./parts.py:Notches"
weight = 0.1
[discriminator]
use = "dilated"
channels = 4
dropout = 0.3
[adversarial_loss]
use = "relativistic"
capped = true
weight = 3e-3
discriminator_steps = 2
discriminator_batch = "same"
shift_crop = 4
[ema]
decay = 0.9
[optimizer]
accumulation = 2
[schedule]
use = "cosine"
[validation]
every = 3
[checkpoint]
every = 2
keep = 2
best = "psnr-y"
[log]
every = 3
tensorboard = false
[[stage]]
steps = 4
lr = { generator = 1e-3, discriminator = 1e-3 }
[[stage]]
steps = 6
lr = { generator = 3e-4, discriminator = 1e-3 }
set = { "pixel_loss.mse.weight" = 2.0, "data.batch_size" = 2 }
"""

PARTS = '''
"""Components of the tests' own."""
import torch
from torch import nn


class Notches(nn.Module):
    """A loss with a parameter that trains and a stream of its own."""

    def __init__(self, size: int = 3) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.ones(size))

    def forward(self, views):
        noise = views.draws.normal(3, 1, 1).to(views.sr.device)
        part = ((views.sr - views.hr) * (1 + 0.1 * noise)).abs().mean()
        return {"far": part * self.scales.square().mean(), "near": (self.scales - 1).square().mean()}


class Flaw:
    """The largest error."""

    unit = ""
    higher_is_better = False

    def __call__(self, sr, hr):
        return (sr - hr).abs().amax((1, 2, 3))
'''


def write_photos(folder: Path, count: int = 5, sides: tuple[int, int] = (72, 64), first: int = 0) -> None:
    """Photos with edges and slopes, each another."""
    folder.mkdir(parents=True, exist_ok=True)
    down, right = np.mgrid[0 : sides[0], 0 : sides[1]].astype(np.float64)
    for number in range(first, first + count):
        waves = [np.sin(down / (3 + number) + k) + np.cos(right / (2 + k + number) * 1.3) for k in range(3)]
        blocks = ((down // 9 + right // (5 + number % 3)) % 2)[..., None]
        image = np.stack(waves, -1) * 45 + 110 + 40 * blocks
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")


def prepared(folder: Path, text: str = PLAIN, name: str = "tiny.toml", extra: str = "") -> Path:
    """A folder with photos, own components and an experiment file."""
    if not (folder / "photos").exists():
        write_photos(folder / "photos")
        write_photos(folder / "held_out", 2, (50, 61), first=20)
        (folder / "parts.py").write_text(PARTS, encoding="utf-8")
    (folder / name).write_text(text + extra, encoding="utf-8")
    return folder / name


def changed(text: str, **values: str) -> str:
    """The experiment with some keys' lines replaced; a key that is not there is an error."""
    lines = text.splitlines()
    for key, value in values.items():
        places = [number for number, line in enumerate(lines) if line.startswith(f"{key} =")]
        assert len(places) == 1, (key, places)
        lines[places[0]] = f"{key} = {value}"
    return "\n".join(lines) + "\n"


def plan_of(path: Path, *settings: str, registry: Registry | None = None) -> Plan:
    plan = complete(read_experiment(path, settings), registry or Registry.installed())
    require_sound(plan)
    return plan


def run(
    path: Path,
    *settings: str,
    out: Path | None = None,
    resume: bool = False,
    observers: Mapping[str, Any] | None = None,
    notices: list[str] | None = None,
) -> Outcome:
    """Execute an experiment in this process."""
    registry = Registry.installed()
    said = notices if notices is not None else []
    return execute(
        plan_of(path, *settings, registry=registry),
        registry,
        out=out,
        resume=resume,
        device="cpu",
        observers=observers,
        notice=said.append,
    )


def command(*arguments: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """`python -m srkit ...` with a home of its own."""
    return subprocess.run(
        [sys.executable, "-m", "srkit", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "SRKIT_LOAD_PLUGINS": ""} | more


def numbers(folder: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    """The lines of a run's file of numbers, less what a clock measured."""
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in WALL_CLOCK} for line in lines]


def scores(folder: Path) -> dict[str, Any]:
    """scores.json less what a clock measured and the run's own name."""
    content = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    for row in content["rows"]:
        row.pop("seconds_per_megapixel")
        row["model"] = row["model"] if row["model"] == "bicubic" else "run"
    return content


def last(folder: Path) -> checkpoint.Saved:
    return checkpoint.load(checkpoint.checkpoints(folder / "checkpoints")[-1])


def steps_kept(folder: Path) -> list[int]:
    return [checkpoint.step_of(one) for one in checkpoint.checkpoints(folder / "checkpoints")]


def same(one: Any, other: Any) -> bool:
    """Whether two trees of numbers, texts and tensors are equal bit for bit."""
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, optimizers, averages, numbers and scores of two runs are equal bit for bit."""
    first, second = last(one), last(other)
    assert same(first.modules, second.modules)
    assert same(first.state, second.state)
    assert numbers(one) == numbers(other)
    assert (one / "validation.jsonl").read_text() == (other / "validation.jsonl").read_text()
    assert scores(one) == scores(other)
    assert steps_kept(one) == steps_kept(other)


def forked(work: Callable[[], Any], *, seconds: float | None = None) -> int:
    """Do something in a forked copy of this process; gives its exit status as `os.waitstatus_to_exitcode` does.

    Args:
        work: what to do; status 1 where it raises.
        seconds: after these the copy is killed like by `kill -9`.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            torch.set_num_threads(1)  # the parent's pool of threads did not come along
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class KillAt:
    """A plugin that kills its own process, as `kill -9` does, the first time a hook is called for a step."""

    def __init__(self, hook: str, step: int) -> None:
        self.hook, self.step = hook, step

    def _kill(self, hook: str, step: int) -> None:
        if (hook, step) == (self.hook, self.step):
            os.kill(os.getpid(), signal.SIGKILL)

    @hookimpl
    def srkit_step_end(self, step: int) -> None:
        self._kill("step_end", step)

    @hookimpl
    def srkit_validation_end(self, step: int) -> None:
        self._kill("validation_end", step)

    @hookimpl
    def srkit_checkpoint_saved(self, step: int) -> None:
        self._kill("checkpoint_saved", step)


def unbound(out: Path) -> None:
    """Make the checkpoints such as srkit wrote them before they held their experiment."""
    for path in checkpoint.checkpoints(out / "checkpoints"):
        state = json.loads((path / "state.json").read_text())
        del state["experiment"], state["sha256"]
        digest = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
        (path / "state.json").write_text(json.dumps({"sha256": digest, **state}, indent=1))
