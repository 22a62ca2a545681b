"""Every hostile input by every command that reads its kind, each in a process of its own.

    python -m tests.campaigns.hostile [--only WORDS] [--jobs N] [--kind KIND]

`python -m pytest tests/trust` plays many of the rows in one process and leaves some commands out.
Ends with 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.campaigns.elsewhere import ELSEWHERE, REFERENCE, plant
from tests.cli.conftest import Said
from tests.trust.table.commands import COMMANDS, Command
from tests.trust.table.experiment_forms import FORM_ROWS
from tests.trust.table.experiment_places import PLACE_ROWS
from tests.trust.table.fixtures import train
from tests.trust.table.ground import RAN, Ground
from tests.trust.table.image_files import IMAGE_ROWS
from tests.trust.table.model_files import MODEL_ROWS
from tests.trust.table.playing import Runner, play
from tests.trust.table.rows import Row
from tests.trust.table.run_folders import RUN_ROWS
from tests.trust.table.typed_names import TYPED_ROWS

ROWS = (*PLACE_ROWS, *FORM_ROWS, *RUN_ROWS, *MODEL_ROWS, *IMAGE_ROWS, *TYPED_ROWS)

START = 20.0
"""Seconds that a process may take beside what a command may."""

CALL = """
import sys, srkit
from srkit.errors import SrkitError
try:
    {call}
except SrkitError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="words that a row's name has in it")
    parser.add_argument("--kind", default="", choices=["", *COMMANDS, "elsewhere"], help="one kind of input")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    asked = parser.parse_args()
    rows = [row for row in ROWS if asked.only in row.name and asked.kind in ("", row.kind)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "trained" / "ran").mkdir(parents=True)
        os.environ |= {"SRKIT_LOAD_PLUGINS": "", "OMP_NUM_THREADS": "1"}
        trained = train(root / "trained" / "here", Ground(root / "trained"))
        failed = 0
        with ThreadPoolExecutor(asked.jobs) as pool:
            for row, found in zip(rows, pool.map(partial(_played, root, trained), enumerate(rows)), strict=True):
                print(f"{'ok  ' if not found else 'FAIL'} {row.kind}: {row.name}", *found, sep="\n     ", flush=True)
                failed += bool(found)
        if asked.kind in ("", "elsewhere") and not asked.only:
            failed += sum(_elsewhere(root, trained))
    print(f"{len(rows)} rows, {failed} with something wrong")
    return int(failed > 0)


def _played(root: Path, trained: Path, numbered: tuple[int, Row]) -> list[str]:
    number, row = numbered
    before = dict(os.environ)
    ground = Ground.begin(root / f"row{number}", trained)
    patient = replace(row, seconds=row.seconds + START)
    try:
        return play(patient, ground, _in_own_process(ground), whole=True)
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


def _in_own_process(
    ground: Ground, more: Mapping[str, str] | None = None, start: tuple[str, ...] = ("-m", "srkit")
) -> Runner:
    """Runs a command as `python -m srkit`, or with another `start` after `python`; a call as a script."""
    environment = os.environ | ground.environment | {"PYTHONPATH": str(ground.here)} | dict(more or {})

    def run(command: Command, words: tuple[str, ...]) -> Said:
        given = ["-P", "-c", CALL.format(call=words[0])] if command.is_call else [*start, *words]
        try:
            done = subprocess.run(
                [sys.executable, *given],
                cwd=ground.here,
                env=environment,
                capture_output=True,
                timeout=180,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Said(-1, "", "it did not end")
        return Said(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    return run


def _elsewhere(root: Path, trained: Path) -> Iterator[bool]:
    """Commands in a folder full of modules and distributions that nobody installed."""
    ground = Ground.begin(root / "elsewhere", trained)
    # plugins may be loaded, so that what lies here would be; Python itself honours PYTHONPATH, so it names another folder
    more = {"PYTHONPATH": "", RAN: str(ground.ran)}
    script = Path(sys.executable).with_name("srkit")
    for start in (("-m", "srkit"), (str(script),)):
        # what `python -m` imports from the current folder it imports before a word of srkit's
        plant(ground, but=_of_runpy() if start[0] == "-m" else ())
        for words in ELSEWHERE:
            runner = _in_own_process(ground, more, start)
            said = runner(Command(words), tuple(one.replace("{out}", str(ground.out)) for one in words))
            marks, reference = ground.marks(), REFERENCE in said.out and not any(REFERENCE in one for one in words)
            wrong = bool(marks) or reference or "Traceback" in said.err or said.code not in (0, 2)
            told = (
                f"{'FAIL' if wrong else 'ok  '} elsewhere, {Path(start[-1]).name} as {start[0][:2]}: {' '.join(words)}"
            )
            print(told, *marks, said.err[-300:] if wrong else "", flush=True)
            ground.empty_out()
            yield wrong


def _of_runpy() -> Collection[str]:
    """The modules that Python has loaded when it begins with a module's code."""
    code = "import runpy, sys; print(*sys.modules)"
    asked = [sys.executable, "-I", "-c", code]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()


if __name__ == "__main__":
    sys.exit(main())
