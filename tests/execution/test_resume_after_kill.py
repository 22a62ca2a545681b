"""A run that was killed and resumed equals the uninterrupted one bit for bit."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from srkit.training import checkpoint
from tests.execution.support import (
    GAN,
    PLAIN,
    KillAt,
    assert_same_run,
    changed,
    forked,
    numbers,
    prepared,
    run,
    same,
    steps_kept,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL on Windows")
KILLED = -signal.SIGKILL

FRESH = changed(GAN, discriminator_batch='"fresh"', accumulation="1", shift_crop="1")
NORMS = (
    changed(GAN, discriminator_steps="3")
    .replace('use = "espcn"\nchannels = 8', 'use = "srresnet"\nchannels = 4\nblocks = 1\nnorm = "batch"')
    .replace('use = "dilated"\nchannels = 4\ndropout = 0.3', 'use = "unet"\nchannels = 4')
    .replace("steps = 6\n", 'steps = 6\noptimizer_state = "anew"\n')
)  # batch norm in the generator, spectral norm in the discriminator
NO_BEST = PLAIN + "[validation]\nevery = 4\n[[degradation]]\nuse = 'jpeg'\nquality = [50, 90]\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each experiment's file, with its uninterrupted run beside it."""
    files = {}
    for name, text in (("gan", GAN), ("fresh", FRESH), ("norms", NORMS), ("plain", NO_BEST)):
        folder = tmp_path_factory.mktemp(name)
        files[name] = prepared(folder, text)
        assert forked(lambda path=files[name]: run(path, out=path.parent / "whole")) == 0
    return files


def out_of(path: Path) -> Path:
    """A new run folder beside the experiment."""
    return path.parent / f"killed-{len(list(path.parent.glob('killed-*')))}"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("name", "hook", "step"),
    [
        ("gan", "step_end", 1),  # before the first checkpoint
        ("gan", "step_end", 5),  # in the second stage, between two log steps
        ("gan", "validation_end", 6),  # numbers on disk, the checkpoint not
        ("fresh", "step_end", 7),
        ("fresh", "validation_end", 9),
        ("plain", "step_end", 4),
        ("plain", "checkpoint_saved", 6),  # trained, not judged
    ],
)
def test_killed_at_a_step(whole: dict[str, Path], name: str, hook: str, step: int, workers: int) -> None:
    path = whole[name]
    out, setting = out_of(path), f"data.workers={workers}"
    assert forked(lambda: run(path, setting, out=out, observers={"killer": KillAt(hook, step)})) == KILLED
    run(path, setting, out=out, resume=True)
    assert_same_run(path.parent / "whole", out)


def test_killed_at_a_random_step_of_each_stage(whole: dict[str, Path]) -> None:
    chance = random.Random()
    for name in ("gan", "norms"):  # batch norm in one player each, and dropout or spectral norm beside it
        path = whole[name]
        out = out_of(path)
        steps = chance.randint(1, 4), chance.randint(5, 10)
        for number, step in enumerate(steps):
            killer = {"killer": KillAt("step_end", step)}
            assert forked(lambda n=number, k=killer, p=path, o=out: run(p, out=o, resume=n > 0, observers=k)) == KILLED
        run(path, out=out, resume=True)
        try:
            assert_same_run(path.parent / "whole", out)
        except AssertionError as error:
            error.add_note(f"{name}, killed at the steps {steps}")
            raise


@pytest.mark.parametrize("place", [1, 2, 4, 6])
def test_killed_while_a_checkpoint_is_written(
    whole: dict[str, Path], place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = whole["gan"]
    out = out_of(path)
    write, count = checkpoint._write_bytes, 0

    def deadly(file: Path, content: bytes) -> None:
        nonlocal count
        count += steps_kept(out)[-1:] == [3]  # the next one is that of step 4
        if count == place:
            file.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(file, content)

    monkeypatch.setattr(checkpoint, "_write_bytes", deadly)
    # a checkpoint has five files: at the sixth, the next one is begun, and the run is killed there instead
    at_last = {"killer": KillAt("checkpoint_saved", 4)}
    assert forked(lambda: run(path, out=out, observers=at_last)) == KILLED
    monkeypatch.undo()
    assert steps_kept(out)[-1] == (3 if place < 6 else 4)
    run(path, out=out, resume=True)
    assert_same_run(path.parent / "whole", out)
    assert not list((out / "checkpoints").glob(".*"))


def test_killed_at_random_again_and_again(whole: dict[str, Path]) -> None:
    path = whole["gan"]
    out = out_of(path)
    chance = random.Random(7)
    for attempt in range(8):
        seconds = chance.uniform(0.15, 0.9)
        begun = (out / "manifest.json").exists()
        if attempt and not begun:
            out = out_of(path)
        if forked(lambda where=out, go_on=begun: run(path, out=where, resume=go_on), seconds=seconds) == 0:
            break
    run(path, out=out, resume=(out / "manifest.json").exists())
    assert_same_run(path.parent / "whole", out)


def test_a_longer_last_stage_and_other_logging_are_accepted(whole: dict[str, Path]) -> None:
    path = whole["gan"]
    out = out_of(path)
    shorter = path.parent / "shorter.toml"
    shorter.write_text(path.read_text().replace("steps = 6", "steps = 2").replace('use = "cosine"', 'use = "constant"'))
    longer = path.parent / "longer.toml"
    longer.write_text(path.read_text().replace('use = "cosine"', 'use = "constant"'))
    run(longer, out=path.parent / "long-whole")
    run(shorter, out=out)
    assert steps_kept(out)[-1] == 6
    run(longer, "log.every=1", "checkpoint.keep=3", out=out, resume=True)
    assert [line["step"] for line in numbers(out)] == [3, 6, 7, 8, 9, 10]
    both = [checkpoint.load(one / "checkpoints/step-00000010") for one in (out, path.parent / "long-whole")]
    assert same(both[0].modules, both[1].modules)
