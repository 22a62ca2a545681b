"""`srkit.run` in a notebook: errors are exceptions, an interrupt saves first, nothing of the notebook's is changed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import srkit
from srkit.errors import UserError
from srkit.notebook.training import Interrupted
from tests.execution.support import last, same, steps_kept

INTERRUPTING = '''
"""A loss that presses Ctrl-C."""
import os
import signal

from srkit.contracts import PixelLoss


def loss(views):
    """Mean absolute error.
    """
    if views.step == 2 and not os.path.exists("pressed"):
        open("pressed", "w").close()
        signal.raise_signal(signal.SIGINT)
    return (views.sr - views.hr).abs().mean()


def interrupting() -> PixelLoss:
    """Mean absolute error; the second step of the first run is interrupted."""
    return loss
'''


def test_all_that_is_wrong_is_one_exception(folder: Path) -> None:
    with pytest.raises(UserError) as raised:
        srkit.run("tiny.toml", stepz=3, generator={"chanels": 3})
    said = str(raised.value)
    assert "overrides stepz: unknown key. Did you mean 'steps'" in said
    assert "overrides generator.chanels: generator 'espcn' has no option 'chanels'. Did you mean 'channels'?" in said
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: srkit.run("absent.toml"), "absent.toml"),
        (lambda: srkit.run("tiny.toml", resume=True), "to resume"),
        (lambda: srkit.run("tiny.toml", device="abacus"), "abacus"),
        (lambda: srkit.bench(), "name at least one model"),
        (lambda: srkit.bench(torch.nn.Identity()), "a Identity cannot be judged|Identity cannot be judged"),
        (lambda: srkit.bench("bicubic", on="nowhere", scale=2), "no such folder"),
        (lambda: srkit.bench("bicubic", on="photos"), "say which"),
    ],
)
def test_what_is_wrong_is_said(call, message: str, folder: Path) -> None:  # type: ignore[no-untyped-def]  # a case
    with pytest.raises(UserError, match=message):
        call()


def test_a_study_is_sent_to_the_command_line(folder: Path) -> None:
    with (folder / "tiny.toml").open("a") as file:
        file.write("[matrix]\nseed = [1, 2]\n")
    with pytest.raises(UserError, match=r"tiny\.toml is a study of several runs.*`!srkit run tiny\.toml`"):
        srkit.run("tiny.toml")


def test_a_notebook_shows_the_message_and_no_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell()
    done = shell.run_cell("import srkit\nsrkit.run('tiny.toml', stepz=3)")
    said = capsys.readouterr()
    assert isinstance(done.error_in_exec, UserError)
    assert "overrides stepz: unknown key" in said.out + said.err and "Traceback" not in said.out + said.err


def test_an_interrupt_saves_raises_and_says_how_to_go_on(folder: Path) -> None:
    (folder / "mine.py").write_text(INTERRUPTING, encoding="utf-8")
    settings = {"steps": 4, "pixel_loss": ["./mine.py:interrupting"]}
    with pytest.raises(Interrupted) as raised:
        srkit.run("tiny.toml", out="runs/one", device="cpu", quiet=True, **settings)
    assert isinstance(raised.value, KeyboardInterrupt)
    assert str(raised.value).startswith("interrupted after step 2 of 4; the checkpoint is saved.")
    assert steps_kept(raised.value.folder) == [2]
    call = str(raised.value).rpartition("Go on with ")[2]
    assert call == f"srkit.run({str(Path('runs/one'))!r}, resume=True)"
    eval(call, {"srkit": srkit})
    srkit.run("tiny.toml", out="runs/whole", device="cpu", quiet=True, **settings)
    assert same(last(folder / "runs/one").modules, last(folder / "runs/whole").modules)


def test_the_notebook_s_random_numbers_go_on_as_they_were(folder: Path) -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
    srkit.run("tiny.toml", device="cpu", quiet=True)
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
    assert before[:2] == after[:2] and torch.equal(before[2], after[2])


def test_quiet_is_quiet_and_otherwise_steps_are_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    srkit.run("tiny.toml", device="cpu", quiet=True, precision="fp32")
    assert "step 1/1" not in capfd.readouterr().err
    srkit.run("tiny.toml", device="cpu", precision="fp32")
    assert "step 1/1" in capfd.readouterr().err


def test_importing_srkit_imports_no_torch() -> None:
    code = (
        "import sys, srkit; srkit.run, srkit.bench, srkit.load; print('torch' in sys.modules, 'click' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False False\n", done.stderr


def test_a_notebook_has_one_line_that_is_written_anew(capsys: pytest.CaptureFixture[str]) -> None:
    from IPython.utils.capture import RichOutput, capture_output
    from rich.console import Console

    from srkit.notebook.progress import NotebookProgress, progress

    display = progress(Console(force_jupyter=True))
    assert isinstance(display, NotebookProgress) and type(progress(Console())) is not NotebookProgress
    run = SimpleNamespace(name="x", step=0, total_steps=6, resumed_from=0, experiment=SimpleNamespace(log=None))
    numbers = {"mse": 0.5, "loss": 0.5, "images_per_second": 10.0, "waiting": 0.0}
    InteractiveShell.instance()
    with capture_output() as captured:
        for step in (1, 2, 4):
            display.srkit_step_end(run, step, numbers if step != 1 else None)  # type: ignore[arg-type]  # as much of a run as it looks at
    shown: list[RichOutput] = captured.outputs
    InteractiveShell.clear_instance()
    assert [one.data["text/plain"].split("  ")[0] for one in shown] == ["step 2/6", "step 4/6"]
    assert [one.update for one in shown] == [False, True]
