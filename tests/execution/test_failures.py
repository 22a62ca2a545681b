"""What goes wrong in a run ends it with one message that says what, where and what stays."""

import errno
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from srkit.errors import ExperimentError, SrkitError, UserError
from srkit.hooks import HookFailed, hookimpl
from srkit.training import checkpoint
from srkit.training.folder import is_free
from srkit.training.run import Run
from tests.execution.support import (
    GAN,
    PLAIN,
    assert_same_run,
    changed,
    last,
    numbers,
    prepared,
    run,
    same,
    steps_kept,
)

OWN = '''
import os, signal, time
import numpy as np
import torch
from torch import nn
from srkit.training import folder


class AtStep(nn.Module):
    """The difference, until a step at which something happens."""

    def __init__(self, step: int = 5, what: str = "nan") -> None:
        super().__init__()
        self.step, self.what = step, what

    def forward(self, views):
        loss = (views.sr - views.hr).abs().mean()
        if views.step != self.step:
            return {"good": loss}
        if self.what == "gradient":  # finite itself, its gradient is not
            return {"good": loss, "bad": (views.sr * 0).sum().abs().sqrt()}
        if self.what == "raises":
            raise LookupError("lost it")
        if self.what == "shape":
            return {"good": loss, "bad": views.sr}
        if self.what == "float":
            return float(loss)
        if self.what == "memory":
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")
        return {"good": loss, "bad": loss * float(self.what)}


class Backwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise ArithmeticError("no way back")


class NoWayBack(nn.Module):
    """A loss that cannot be differentiated."""

    def forward(self, sr, hr):
        return Backwards.apply(sr).mean()


class Weak(nn.Module):
    """A generator that fails on one size."""

    def __init__(self, scale: int, wrong: int = 0) -> None:
        super().__init__()
        self.net = nn.Conv2d(3, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        self.wrong = wrong

    def forward(self, lr):
        if lr.shape[-1] == self.wrong and lr.device.type != "meta":
            raise KeyError("unexpected size")
        return self.shuffle(self.net(lr))


class Unbuildable(nn.Module):
    """A block that cannot be made."""

    def __init__(self, scale: int) -> None:
        raise IndexError("nothing here")


class Pictures:
    """Pictures that are good when they are looked at, and not in a loader's worker."""

    def __init__(self, what: str = "kill", count: int = 6) -> None:
        self.what, self.count, self.owner = what, count, os.getpid()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index == 3 and self.what == "always":
            raise FileNotFoundError(2, "No such file or directory", "/gone/3.png")
        if index == 3 and os.getpid() != self.owner:
            if self.what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.what == "hang":
                time.sleep(100)
        return np.full((40, 44, 3), 20 * index, np.uint8)

    def name(self, index):
        return f"pictures/{index}.png"
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    prepared(tmp_path)
    return tmp_path


def with_loss(use: str, options: str = "") -> str:
    text = PLAIN.replace("every = 3", "every = 2").replace("steps = 6", "steps = 8")
    return text.replace('use = "mse"', f'use = "./own.py:{use}"\n{options}')


def failure(path: Path, *settings: str, **how: Any) -> SrkitError:
    with pytest.raises(SrkitError) as caught:
        run(path, *settings, out=path.parent / "out", **how)
    return caught.value


# --- losses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loss_that_is_not_finite(folder: Path, what: str, workers: int) -> None:
    path = prepared(folder, with_loss("AtStep", f'what = "{what}"'))
    error = failure(path, f"data.workers={workers}")
    message = str(error)
    assert error.exit_code == 1
    assert f"step 5: the loss term 'AtStep/bad' is {what}" in message
    assert "step-00000004" in message and message.count(".png") == 4
    # 4 samples a step: the batch of step 5, from the stream of 5 photos
    assert all(f"{one}.png" in message for one in _batch_of(folder, 5))
    assert steps_kept(folder / "out")[-1] == 4
    assert all(torch.isfinite(one).all() for one in last(folder / "out").modules["generator"].values())


def _batch_of(folder: Path, step: int) -> list[str]:
    from srkit.components.datasets.folder import Folder
    from srkit.data.order import SampleOrder

    photos = Folder(folder / "photos", seed=3)
    order = SampleOrder(5, 3)
    return [Path(photos.name(order.index(place))).stem for place in range((step - 1) * 4, step * 4)]


def test_weights_are_not_poisoned(folder: Path) -> None:
    path = prepared(folder, with_loss("AtStep"))
    seen: list[Run] = []

    class Keeper:
        @hookimpl
        def srkit_run_end(self, run: Run, reason: str) -> None:
            seen.append(run)
            assert reason.startswith("error: step 5")

    failure(path, observers={"keeper": Keeper()})
    assert all(torch.isfinite(one).all() for one in seen[0].assembly.generator.parameters())


def test_a_gradient_that_is_not_finite_never_reaches_a_checkpoint(folder: Path) -> None:
    path = prepared(folder, with_loss("AtStep", 'what = "gradient"\nstep = 4'))
    message = str(failure(path))
    assert "step 4: generator's weight" in message and "is not finite" in message
    assert steps_kept(folder / "out") == [2]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("raises", "the loss 'AtStep' failed after step 4: LookupError: lost it"),
        ("shape", "'AtStep/bad': a loss gave a tensor (4, 3, 32, 32), expected a tensor of one number"),
        ("float", "'AtStep': a loss gave a float"),
        ("memory", "out of memory on cpu.*optimizer.accumulation=2.*batch_size from 4 to 2.*patch_size from 32 to 24"),
    ],
)
def test_a_loss_that_fails(folder: Path, what: str, expected: str) -> None:
    import re

    path = prepared(folder, with_loss("AtStep", f'what = "{what}"'))
    error = failure(path)
    assert error.exit_code == 1 and re.search(expected.replace("(", r"\(").replace(")", r"\)"), str(error)), error
    assert steps_kept(folder / "out")[-1] == 4


def test_a_failure_on_the_way_back_names_the_line(folder: Path) -> None:
    message = str(failure(prepared(folder, with_loss("NoWayBack"))))
    assert "ArithmeticError: no way back" in message and "own.py, line" in message


CONSISTENT = PLAIN + '[[pixel_loss]]\nuse = "consistency"\n'
LATER = "weight = 0\n[[stage]]\nsteps = 3\n[[stage]]\nsteps = 3\nset = { 'pixel_loss.consistency.weight' = 1 }\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (CONSISTENT, 23, "needs a downscaler that lets gradients through"),
        (CONSISTENT + '[lr_pipeline]\nuse = "real-esrgan"\n', 23, "an lr_pipeline has no downscaler"),
        (CONSISTENT.replace("steps = 6\n", "") + LATER, 22, "needs a downscaler that lets gradients through"),
    ],
)
def test_what_a_loss_misses_is_told_by_its_line_when_it_first_plays(
    folder: Path, text: str, line: int, said: str
) -> None:
    error = failure(prepared(folder, text))
    assert isinstance(error, ExperimentError)
    assert f"tiny.toml:{line} pixel_loss.consistency.use: the loss 'consistency'" in str(error) and said in str(error)


def test_a_discriminator_too_large_for_the_patch_is_told_when_it_first_plays(folder: Path) -> None:
    game = '[discriminator]\nuse = "dilated"\n[adversarial_loss]\nuse = "vanilla"\n'
    stages = LATER.replace("pixel_loss.consistency.weight", "adversarial_loss.weight")
    text = changed(PLAIN.replace("steps = 6\n", ""), patch_size="6") + game + stages
    message = str(failure(prepared(folder, text)))
    assert "tiny.toml:8 data.patch_size: 6 is too small for discriminator 'dilated'" in message


IDLE = """
class Idle:
    def __call__(self, sr, hr):
        return (hr - hr.mean()).square().mean()
"""


def test_nothing_to_learn_from(folder: Path) -> None:
    error = failure(prepared(folder, PLAIN), "pixel_loss.mse.weight=0")
    assert error.exit_code == 2 and "tiny.toml:15 pixel_loss: all losses have the weight 0" in str(error)
    assert is_free(folder / "out")
    (folder / "idle.py").write_text(IDLE, encoding="utf-8")
    message = str(failure(prepared(folder, PLAIN.replace('use = "mse"', 'use = "./idle.py:Idle"'))))
    assert "the loss 'Idle' has no gradient" in message


# --- other components -----------------------------------------------------------------------------------------------


def test_a_component_that_fails_while_training_or_judging(folder: Path) -> None:
    text = PLAIN.replace('use = "espcn"\nchannels = 8', 'use = "./own.py:Weak"\nwrong = 30') + "[validation]\nevery = 2"
    message = str(failure(prepared(folder, text)))  # the validation photos are 61 x 50, their LR images 30 x 25
    assert "the generator './own.py:Weak' failed while the largest photo was tried: KeyError: 'unexpected" in message
    assert "own.py, line" in message


GREEDY = """
class Greedy:
    unit, higher_is_better, first = "", False, {first}

    def __call__(self, sr, hr):
        if sr.shape[-2] != sr.shape[-1]:  # before it judges, it is tried on a square picture
            self.first -= 1
            if self.first < 0:
                raise MemoryError
        return sr.new_zeros(len(sr))
"""


@pytest.mark.parametrize(
    ("first", "when"), [(0, "while the largest photo was tried"), (3, "while photos were judged after step 2")]
)
def test_out_of_memory_while_judging_is_no_matter_of_the_batch(folder: Path, first: int, when: str) -> None:
    (folder / "greedy.py").write_text(GREEDY.replace("{first}", str(first)), encoding="utf-8")
    message = str(failure(prepared(folder, PLAIN + '[validation]\nevery = 2\nmetrics = ["./greedy.py:Greedy"]\n')))
    assert f"out of memory on cpu {when}. What helps: smaller validation photos" in message
    assert "batch" not in message


def test_a_failure_far_into_a_run_is_told_as_it_is_whatever_a_rehearsal_finds(folder: Path) -> None:
    # behind global pooling batch norm has one value a channel in the rehearsal's batch of one, and several in training
    pooled = (
        "import torch\nfrom torch import nn\n\n"
        "class Pooled(nn.Module):\n"
        "    def __init__(self, scale):\n"
        "        super().__init__()\n"
        "        self.norm, self.steps = nn.BatchNorm2d(3), 0\n"
        "        self.out = nn.Conv2d(3, 12, 3, padding=1)\n\n"
        "    def forward(self, lr):\n"
        "        self.steps += self.training\n"
        "        if self.steps == 5:\n"
        "            raise LookupError('the true cause')\n"
        "        return nn.functional.pixel_shuffle(self.out(lr * self.norm(lr.mean((2, 3), keepdim=True))), 2)\n"
    )
    (folder / "pooled.py").write_text(pooled, encoding="utf-8")
    path = prepared(folder, PLAIN.replace('use = "espcn"\nchannels = 8', 'use = "./pooled.py:Pooled"'))
    assert "the true cause" in str(failure(path))


def test_a_component_that_cannot_be_built(folder: Path) -> None:
    path = prepared(folder, PLAIN.replace('use = "espcn"\nchannels = 8', 'use = "./own.py:Unbuildable"'))
    error = failure(path)
    assert isinstance(error, ExperimentError)
    assert "tiny.toml:12 generator" in str(error) and "IndexError: nothing here" in str(error)


@pytest.mark.parametrize("what", ["kill", "hang"])
def test_a_worker_that_dies_or_hangs_ends_the_run_within_a_minute(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from srkit.data import workers

    hurried = workers.WorkerPool.__init__

    def impatient(self: Any, sampler: Any, count: int, *, timeout: float, context: str | None) -> None:
        assert timeout < 60
        hurried(self, sampler, count, timeout=2.0, context=context)

    monkeypatch.setattr(workers.WorkerPool, "__init__", impatient)
    text = PLAIN.replace('"photos"', f'{{ use = "./own.py:Pictures", what = "{what}" }}')
    error = failure(prepared(folder, text), "data.workers=2", "data.cache=0")
    assert "pictures/3.png" in str(error) and ("died" in str(error) or "hangs" in str(error))


def test_a_data_set_that_fails(folder: Path) -> None:
    text = PLAIN.replace('"photos"', '{ use = "./own.py:Pictures", what = "always" }')
    message = str(failure(prepared(folder, text)))
    assert "the data set data.train failed while the pictures were looked at: FileNotFoundError" in message
    message = str(failure(prepared(folder, text), "data.train.count=0"))
    assert "data.train: the data set holds no picture" in message


# --- plugins --------------------------------------------------------------------------------------------------------


class Raises:
    """Fails in one hook at one step."""

    def __init__(self, hook: str, step: int) -> None:
        self.hook, self.step = hook, step

    def _fail(self, hook: str, step: int) -> None:
        if (hook, step) == (self.hook, self.step):
            raise ZeroDivisionError("by nothing")

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        self._fail("run_start", run.step)

    @hookimpl
    def srkit_step_end(self, step: int) -> None:
        self._fail("step_end", step)

    @hookimpl
    def srkit_validation_end(self, step: int) -> None:
        self._fail("validation_end", step)

    @hookimpl
    def srkit_checkpoint_saved(self, step: int) -> None:
        self._fail("checkpoint_saved", step)

    @hookimpl
    def srkit_run_end(self, run: Run) -> None:
        self._fail("run_end", run.step)


@pytest.mark.parametrize(
    ("hook", "step", "kept"),
    [("run_start", 0, 0), ("step_end", 3, 3), ("step_end", 4, 4), ("validation_end", 4, 4), ("checkpoint_saved", 3, 3)],
)
def test_a_hook_that_raises_is_named_and_the_state_saved(folder: Path, hook: str, step: int, kept: int) -> None:
    path = prepared(folder, PLAIN, extra="[validation]\nevery = 4\n")
    error = failure(path, observers={"clumsy": Raises(hook, step)})
    assert isinstance(error, HookFailed) and error.exit_code == 1
    assert f"the plugin clumsy failed in srkit_{hook}: ZeroDivisionError: by nothing" in str(error)
    assert (steps_kept(folder / "out") or [0])[-1] == kept
    notes = getattr(error, "__notes__", [])
    assert any("Once the plugin is mended: srkit run" in one for one in notes) == (kept > 0)
    # and nothing of the run is lost: numbers and validation of the step are there, or made up for
    run(path, out=folder / "out", resume=True)
    run(path, out=folder / "whole")
    assert numbers(folder / "out") == numbers(folder / "whole")
    assert numbers(folder / "out", "validation.jsonl") == numbers(folder / "whole", "validation.jsonl")
    assert same(last(folder / "out").modules, last(folder / "whole").modules)


class Counts:
    """Keeps a state, changes weights, and stops the run when it has seen enough."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.seen = 0
        self.history = torch.zeros(3)

    @hookimpl
    def srkit_step_end(self, run: Run, step: int) -> None:
        self.seen += 1
        self.history[step % 3] += 1
        with torch.no_grad():
            next(run.assembly.generator.parameters()).mul_(0.9)
        if self.seen == self.enough:
            run.request_stop("enough was seen")

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen, "history": self.history, "pair": (1, "two")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        assert state["pair"] == (1, "two")
        self.seen, self.history = state["seen"], state["history"].clone()


def test_a_plugin_stops_the_run_keeps_its_state_and_changes_weights(folder: Path) -> None:
    path = prepared(folder, PLAIN, extra="[validation]\nevery = 4\n")
    outcome = run(path, out=folder / "out", observers={"counts": Counts(4)})
    assert outcome.run.stop_reason == "enough was seen" and outcome.run.step == 4 and not outcome.interrupted
    assert len(outcome.rows) == 2  # stopped on purpose: the result is judged
    counts = Counts(99)
    run(path, out=folder / "out", resume=True, observers={"counts": counts})
    assert counts.seen == 6 and counts.history.tolist() == [2, 2, 2]
    run(path, out=folder / "whole", observers={"counts": Counts(99)})
    assert same(last(folder / "whole").modules, last(folder / "out").modules)
    assert same(last(folder / "whole").state, last(folder / "out").state)
    assert numbers(folder / "whole") == numbers(folder / "out")


def test_a_state_that_cannot_be_saved_is_named(folder: Path) -> None:
    class Odd(Counts):
        def state_dict(self) -> dict[str, Any]:
            return {"file": Path("x")}

    message = str(failure(prepared(folder), observers={"odd": Odd(99)}))
    assert "Path" in message and "cannot be saved" in message and "odd" in message
    assert steps_kept(folder / "out") == [] and not list((folder / "out").glob("checkpoints/*"))


# --- disk -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_while_a_checkpoint_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = checkpoint._write_bytes

    def full(path: Path, content: bytes) -> None:
        if steps_kept(folder / "out") == [3] and path.name == "state.safetensors":
            path.write_bytes(content[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, content)

    monkeypatch.setattr(checkpoint, "_write_bytes", full)
    path = prepared(folder)
    message = str(failure(path))
    assert "checkpoint of step 6 could not be written" in message and "No space left on device" in message
    assert "--resume" in message
    assert [one.name for one in (folder / "out/checkpoints").iterdir()] == ["step-00000003"]
    monkeypatch.undo()
    run(path, out=folder / "out", resume=True)
    run(path, out=folder / "whole")
    assert_same_run(folder / "whole", folder / "out")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk takes root on Linux")
@pytest.mark.parametrize("size", ["40k", "90k", "200k"])
def test_a_disk_that_is_really_full(folder: Path, size: str) -> None:
    import subprocess

    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with pytest.raises((SrkitError, OSError)) as caught:
            run(prepared(folder, GAN), "log.tensorboard=true", "stage.1.steps=30", out=small / "out")
        assert "No space left" in str(caught.value)
        for one in checkpoint.checkpoints(small / "out/checkpoints"):
            checkpoint.load(one)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be written: Permission denied"):
        run(prepared(folder), out=folder / "locked/out")


def test_a_run_folder_that_is_no_folder(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        run(prepared(folder), out=folder / "file/out")
    with pytest.raises(UserError, match="not empty"):
        run(prepared(folder), out=folder / "file")
    with pytest.raises(UserError, match="baseline's name"):
        run(prepared(folder), out=folder / "bicubic")


def test_signals_are_given_back(folder: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    failure(prepared(folder, with_loss("AtStep", "step = 1")))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert json.loads((folder / "out/manifest.json").read_text())["seed"] == 3
