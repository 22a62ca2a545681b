"""A component or plugin that changes what all share is named, and the run is none the worse for it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from srkit.errors import SrkitError
from srkit.hooks import hookimpl
from srkit.shared_state import STARTED_BY, Patched, SharedStateChanged, left_alone
from tests.cli.conftest import Command, in_own_process, srkit
from tests.execution.support import PLAIN, assert_same_run, prepared, run

__all__ = ["srkit"]

MEDDLES = {
    "the current folder": "os.chdir('/')",
    "torch's default dtype": "torch.set_default_dtype(torch.float64)",
    "torch's default device": "torch.set_default_device('meta')",
    "torch's number of threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "whether torch takes gradients": "torch.set_grad_enabled(not torch.is_grad_enabled())",
    "whether torch is deterministic": "torch.use_deterministic_algorithms(True)",
    "torch's anomaly detection": "torch.autograd.set_detect_anomaly(True)",
    "Python's random stream": "random.seed(0)",
    "NumPy's random stream": "np.random.seed(0)",
}

OWN = """
import os, random, threading, time
import numpy as np
import torch
import torch.nn.functional as F
{at_import}
class Meddles(torch.nn.Module):
    def __init__(self, what: str = "pass") -> None:
        super().__init__()
        exec(what)
    def forward(self, sr, hr):
        return F.mse_loss(sr, hr)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path)
    (tmp_path / "own.py").write_text(OWN.replace("{at_import}", ""), encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """All is as it was after each test."""
    before = Path.cwd(), torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), F.conv2d
    yield
    assert before[1:] == (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), F.conv2d)
    assert not torch.are_deterministic_algorithms_enabled() and not torch.is_anomaly_enabled()


def meddling(what: str) -> str:
    return PLAIN.replace('use = "mse"', f'use = "./own.py:Meddles"\nname = "mse"\nwhat = "{what}"')


@pytest.mark.parametrize("name", MEDDLES)
def test_each_thing_is_put_back_and_named(name: str) -> None:
    before = Path.cwd(), random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()  # type: ignore[index]
    named = pytest.warns(SharedStateChanged, match=f"the loss 'x' changed {name} while it was built")
    with named, left_alone("the loss 'x'", "while it was built"):
        exec(MEDDLES[name], {"os": os, "torch": torch, "random": random, "np": np})
    assert before[:3] == (Path.cwd(), random.getstate(), np.random.get_state()[1].tobytes())  # type: ignore[index]
    assert torch.equal(before[3], torch.get_rng_state())


def test_all_of_it_is_put_back_where_the_code_fails_too() -> None:
    with pytest.raises(ValueError, match="of its own"), left_alone("the loss 'x'", "while it was built"):
        torch.set_default_dtype(torch.float64)
        F.conv2d = lambda *_: None  # type: ignore[assignment]
        raise ValueError("of its own")


@pytest.mark.parametrize(
    "place", ["torch.nn.functional.conv2d", "torch.nn.Conv2d.forward", "torch.Tensor.add_", "torch.relu"]
)
def test_a_function_of_torch_that_was_replaced_is_put_back_and_refused(place: str) -> None:
    names = place.split(".")[1:]
    owner = torch
    for one in names[:-1]:
        owner = getattr(owner, one)
    own = getattr(owner, names[-1])
    named = pytest.raises(Patched, match=rf"the loss 'x' replaced {place}")
    with named, left_alone("the loss 'x'", "while it was built"):
        setattr(owner, names[-1], lambda *arguments: arguments[0])
    assert getattr(owner, names[-1]) is own


def test_what_code_may_do_is_not_told() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with left_alone("the loss 'x'", "while it was built", torch_stream=False):
            torch.nn.Conv2d(3, 3, 3)
            F.own_name = 1  # type: ignore[attr-defined]
    del F.own_name  # type: ignore[attr-defined]


def test_a_run_is_the_same_whatever_a_component_changes_while_it_is_built(folder: Path) -> None:
    run(prepared(folder, PLAIN), out=folder / "plain")
    what = "; ".join(MEDDLES.values())
    with pytest.warns(
        SharedStateChanged, match=r"the pixel_loss './own.py:Meddles' changed the current folder, .*dtype"
    ):
        run(prepared(folder, meddling(what)), out=folder / "out")
    assert_same_run(folder / "plain", folder / "out")


def test_the_command_names_the_component_once_and_writes_where_it_was_told(folder: Path) -> None:
    """Also where the file is imported, and in the middle of a run, when the folder changes under its feet."""
    text = OWN.replace("{at_import}", "os.chdir('/')").replace("return F.mse", "os.chdir('/')\n        return F.mse")
    (folder / "own.py").write_text(text, encoding="utf-8")
    prepared(folder, meddling("torch.set_default_dtype(torch.float64)"))
    said = in_own_process("run", "tiny.toml", "--out", "out", "--device", "cpu", cwd=folder)
    assert said.code == 0, said.err
    assert (folder / "out/scores.json").is_file() and (folder / "out/checkpoints/step-00000006").is_dir()
    spoken = " ".join(said.err.split())
    assert spoken.count("changed the current folder while its file was imported") == 1, said.err
    assert spoken.count("'./own.py:Meddles' changed torch's default dtype while it was built") == 1, said.err
    assert "SharedStateChanged" not in said.err


def test_replaced_functions_are_refused_by_line(folder: Path, srkit: Command) -> None:
    prepared(folder, meddling("F.conv2d = lambda *a, **k: 1"))
    said = srkit("check", "tiny.toml")
    spoken = " ".join(said.out.split())
    assert said.code == 2 and "tiny.toml:16 pixel_loss.mse.use: " in spoken, spoken
    assert "replaced torch.nn.functional.conv2d while it was built" in spoken
    (folder / "own.py").write_text(OWN.replace("{at_import}", "F.conv2d = lambda *a: 1"), encoding="utf-8")
    said = srkit("check", "tiny.toml")
    assert said.code == 2 and "replaced torch.nn.functional.conv2d while its file was imported" in " ".join(
        said.out.split()
    )


class Meddler:
    """A plugin that does it in a hook."""

    def __init__(self, what: str) -> None:
        self.what = what

    @hookimpl
    def srkit_step_end(self, step: int) -> None:
        if step == 2:
            exec(self.what, globals())


def test_a_plugin_that_meddles_is_named_and_changes_no_number(folder: Path) -> None:
    path = prepared(folder, PLAIN)
    run(path, out=folder / "plain")
    what = "; ".join([*MEDDLES.values(), "torch.manual_seed(1)"])
    with pytest.warns(SharedStateChanged, match=r"the plugin odd changed the current folder, .* in srkit_step_end"):
        run(path, out=folder / "out", observers={"odd": Meddler(what)})
    assert_same_run(folder / "plain", folder / "out")


def test_a_plugin_that_replaces_functions_ends_the_run_by_name(folder: Path) -> None:
    with pytest.raises(
        SrkitError, match=r"the plugin odd replaced torch.nn.functional.conv2d in srkit_checkpoint_saved"
    ):
        run(prepared(folder, PLAIN), out=folder / "out", observers={"odd": Replaces()})


class Replaces:
    @hookimpl
    def srkit_checkpoint_saved(self) -> None:
        F.conv2d = lambda *_: None  # type: ignore[assignment]


@pytest.mark.parametrize("fails", [False, True])
def test_a_thread_that_keeps_the_command_alive_is_named_and_left_in_the_end(
    folder: Path, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = meddling("threading.Thread(target=time.sleep, args=[40], name='poll').start()").replace(
        "steps = 6", "steps = 1"
    )
    if fails:
        (folder / "own.py").write_text(
            OWN.replace("{at_import}", "").replace("return F", "raise ValueError\n        return F")
        )
    prepared(folder, text)
    short = (
        "import sys; import srkit.cli.main as main; main.TO_LINGER = 1.0; main.TO_END = 1.0; "
        "sys.argv = ['srkit', 'run', 'tiny.toml', '--device', 'cpu', '--quiet']; main.main()"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", short], cwd=folder, capture_output=True, text=True, timeout=30)
    assert time.monotonic() - begun < 30
    assert done.returncode == (2 if fails else 0), done.stderr
    if fails:
        assert "still waiting for a thread" in done.stderr
    else:
        assert "the thread 'poll' of the pixel_loss './own.py:Meddles'" in done.stderr


def test_a_thread_says_who_started_it() -> None:
    done = threading.Event()
    with left_alone("the plugin odd", "in srkit_run_start"):
        thread = threading.Thread(target=done.wait)
        thread.start()
    assert getattr(thread, STARTED_BY) == "the plugin odd"
    done.set()
    thread.join()
