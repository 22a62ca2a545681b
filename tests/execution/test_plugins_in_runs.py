"""An installed plugin as a run meets it: it prints, hangs, comes last, and what its author wrote in the reference holds."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from srkit.execution import TO_END
from srkit.hooks import HookCaller
from tests.examples import plugins as examples
from tests.execution.support import PLAIN, environment, last, prepared, run, same, steps_kept

DIARY = '''
"""Does what a test wants."""

import time

from srkit.hooks import hookimpl


@hookimpl
def srkit_step_end(run, step):
    {body}
'''


def installed(folder: Path, body: str) -> dict[str, str]:
    """A plugin in a distribution of its own; gives the environment that has it."""
    site = folder / "site"
    info = site / "chatty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[srkit.plugins]\ndiary = chatty_diary\n")
    (site / "chatty_diary.py").write_text(DIARY.format(body=body))
    return environment(SRKIT_LOAD_PLUGINS="chatty", PYTHONPATH=str(site))


def begun(path: Path, **more: Any) -> subprocess.Popen[Any]:
    command = [sys.executable, "-m", "srkit", "run", str(path), "--out", str(path.parent / "out"), "--device", "cpu"]
    return subprocess.Popen(command, cwd=path.parent, start_new_session=True, **more)


def test_a_hook_that_hangs_is_ended_by_a_second_ctrl_c_named_and_the_state_saved(tmp_path: Path) -> None:
    """The first Ctrl-C asks for the end after the step, to which a hanging hook does not let it come."""
    path = prepared(tmp_path, PLAIN)
    hanging = "if step == 4:\n        (run.folder / 'hangs').touch()\n        time.sleep(600)"
    process = begun(path, env=installed(tmp_path, hanging), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (tmp_path / "out" / "hangs").exists():
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    for wait in (TO_END + 1, 0.3):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(wait)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said, said
    assert said.count("Ctrl-C once more ends it at once") == 1
    assert "interrupted while the plugin chatty:diary was in srkit_step_end" in said
    assert re.search(r"the checkpoint is saved\. Go on with: srkit run \S*out --resume", said)
    assert steps_kept(tmp_path / "out")[-1] == 4
    run(path, out=tmp_path / "out", resume=True)
    run(path, out=tmp_path / "whole")
    assert same(last(tmp_path / "out").modules, last(tmp_path / "whole").modules)


@pytest.mark.skipif(os.name == "nt", reason="a pseudo terminal is what POSIX has")
def test_what_a_hook_prints_stands_on_lines_of_its_own_above_the_bar(tmp_path: Path) -> None:
    import pty

    path = prepared(tmp_path, PLAIN)
    ours, theirs = pty.openpty()
    process = begun(
        path,
        env=installed(tmp_path, "print(f'dear diary, step {step}')") | {"TERM": "xterm", "COLUMNS": "80"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65536):
            said += chunk
    except OSError:
        pass  # the terminal is gone with the process
    os.close(ours)
    assert process.wait(timeout=60) == 0
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", said.decode()).replace("\r", "\n")
    lines = [line.strip() for line in plain.splitlines()]
    assert [line for line in lines if "dear diary" in line] == [f"dear diary, step {step}" for step in range(1, 7)]
    assert any(re.search(r"6/6", line) for line in lines)  # and the bar came to its end


def test_in_a_pipe_what_a_hook_prints_does_not_spoil_the_table(tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = begun(path, env=installed(tmp_path, "print(f'dear diary, step {step}')"), **pipes)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert out.startswith("dear diary, step 1\n") and re.search(r"^bicubic +\d", out, re.MULTILINE)


def test_numbers_and_checkpoints_are_there_before_a_plugin_is_called(tmp_path: Path) -> None:
    """Srkit's own observers go first, so that a plugin finds their work done and cannot keep them from it."""
    from srkit.hooks import hookimpl

    seen: list[tuple[int, int]] = []

    class Reader:
        @hookimpl
        def srkit_step_end(self, run: Any, step: int, metrics: Any) -> None:
            if metrics is not None:
                lines = (run.folder / "metrics.jsonl").read_text().splitlines()
                seen.append((step, json.loads(lines[-1])["step"]))

    run(prepared(tmp_path, PLAIN), out=tmp_path / "out", observers={"reader": Reader()})
    assert seen == [(2, 2), (4, 4), (6, 6)]


def test_the_reference_s_hooks_do_what_they_say(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run(prepared(tmp_path, PLAIN), out=out, observers={"examples": examples})
    assert json.loads((out / "plan.json").read_text()) == {"steps": 6, "began_at": 0}
    assert (out / "checkpoints" / "newest.txt").read_text() == "step-00000006"
    assert (out / "ended.txt").read_text() == "done"
    HookCaller({"examples": examples}).call("srkit_rolled_back", run=outcome.run, step=3, reason="a loss was NaN")
    assert (out / "troubles.txt").read_text().endswith(" back to 3: a loss was NaN\n")
    examples.srkit_step_end(outcome.run, 7, {"loss": 0.0})
    examples.srkit_validation_end(outcome.run, 7, {"psnr-y": 31.0}, {})
    assert outcome.run.wish == "there is nothing left to learn" and outcome.run.checkpoint_is_due()
