"""Commands that are killed at random moments and given again: they end as if nothing had happened.

    python -m tests.campaigns.kills [--only WORDS] [--seed N] [--count N]

Each command is done once undisturbed, and then ended at a random moment of that time by SIGKILL, or now and then by
Ctrl-C, SIGTERM or SIGHUP. The same command again, a run's and a study's with --resume, has to end with 0 and with the
same weights, numbers and files to the last bit, and to leave nothing behind. Ends with 1 where one did not, said
"bug", showed a traceback, or took longer than 20 seconds more than undisturbed. POSIX alone: it forks.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from srkit.components.generators.rrdb import Rrdb
from tests.campaigns.experiments import complaint, said_by
from tests.execution.support import GAN, PARTS, PLAIN, assert_same_run, write_photos

SLOW = 20.0
SIGNALS = (*[signal.SIGKILL] * 7, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RESTS = 2.2
"""Seconds after which what a killed command left behind is known to be nobody's."""

ALL = ("--trust", "--device", "cpu")


@dataclass(frozen=True)
class Case:
    """A command that writes into the folder `{out}`.

    Attributes:
        words: what is typed.
        same: raises where what two of them left is not the same; is given both folders.
        again: what is typed besides to go on.
    """

    words: tuple[str, ...]
    same: Callable[[Path, Path], None]
    again: tuple[str, ...] = ()


def _same_files(one: Path, other: Path) -> None:
    first, second = _digests(one), _digests(other)
    wrong = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    assert not wrong, f"other files: {', '.join(sorted(wrong)[:5])}"


def _digests(folder: Path) -> dict[str, str]:
    files = [one for one in folder.rglob("*") if one.is_file() and one.name not in ("manifest.json", "said")]
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def _same_runs(one: Path, other: Path) -> None:
    runs = [file.parent for file in (one / "r").rglob("manifest.json")]
    assert runs
    for run in runs:
        assert_same_run(run, other / run.relative_to(one))


def _same_words(one: Path, other: Path) -> None:
    texts = [re.sub(r"[\d.,]+ m?s\b|cached|judged", "", (folder / "said").read_text()) for folder in (one, other)]
    assert texts[0].splitlines()[-12:-1] == texts[1].splitlines()[-12:-1], texts


CASES = {
    "run": Case(("run", "plain.toml", "--out", "{out}/r", *ALL), _same_runs, ("--resume",)),
    "run of a GAN": Case(("run", "gan.toml", "--out", "{out}/r", *ALL), _same_runs, ("--resume",)),
    "study": Case(("run", "study.toml", "--out", "{out}/r", *ALL), _same_runs, ("--resume",)),
    "prepare": Case(("prepare", "photos", "--out", "{out}/p", "--patch-size", "24", "--workers", "1"), _same_files),
    "packed": Case(("prepare", "photos", "--out", "{out}/p", "--patch-size", "24", "--packed"), _same_files),
    "upscale": Case(
        ("upscale", "photos", "--model", "trained", "--out", "{out}/large", "--device", "cpu"), _same_files
    ),
    "export": Case(("export", "trained", "--out", "{out}/m.safetensors"), _same_files),
    "export pth": Case(("export", "trained", "--format", "pth", "--out", "{out}/m.pth"), _same_files),
    "import": Case(("import", "ESRGAN.pth", "--out", "{out}/i"), _same_files),
    "bench": Case(("bench", "trained", "bicubic", "--on", "photos", "--scale", "2", "--device", "cpu"), _same_words),
}


def done(words: list[str], out: Path, killed: tuple[float, int] | None = None) -> tuple[str, object, float]:
    """A command in a forked copy of this process: what it said, its exit code, and how long it took.

    Args:
        killed: after how many seconds it gets which signal.
    """
    said, began = out / "said", time.monotonic()
    said.unlink(missing_ok=True)
    if (child := os.fork()) == 0:
        status = 99
        try:
            os.environ["SRKIT_CACHE"] = str(out.parent / f"cache-{out.name}")
            text, code = said_by(words)
            said.write_text(text, encoding="utf-8")
            status = code if isinstance(code, int) else 98
        finally:
            os._exit(status)
    end = None if killed is None else began + killed[0]
    while True:
        found, ended = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if end is not None and time.monotonic() >= end:
            os.kill(child, killed[1])  # type: ignore[index]  # with `end`
            end = None
        time.sleep(0.002)
    text = said.read_text(encoding="utf-8") if said.exists() else ""
    return text, os.waitstatus_to_exitcode(ended), time.monotonic() - began


def wrong(case: Case, whole: Path, out: Path, took: float, chance: random.Random) -> str | None:
    """What is wrong with how a command is killed and given again."""
    words = [one.replace("{out}", str(out)) for one in case.words]
    how = chance.choice(SIGNALS)
    text, code, _ = done(words, out, (chance.uniform(0, took), how))
    if how != signal.SIGKILL and (found := complaint(text or "killed early", code, (0, 130, -how))) is not None:
        return f"{signal.Signals(how).name}: {found}"
    time.sleep(RESTS)
    text, code, again = done([*words, *case.again], out)
    if case.again and code == 2 and ("nothing to resume" in text or "not a" in text):  # it was killed before its begin
        shutil.rmtree(out / "r", ignore_errors=True)
        text, code, again = done(words, out)
    is_done = code == 2 and ("is there already" in text or "nothing is ever overwritten" in text)  # by the first one
    if (found := complaint(text, code, (0, 2) if is_done else (0,))) is not None:
        return f"{signal.Signals(how).name}, and again: {found}"
    if again > took + SLOW:
        return f"again it took {again:.0f} s"
    left = [str(one.relative_to(out)) for one in out.rglob(".*") if one.name.endswith(".part")]
    if left:
        return f"it left {', '.join(left)}"
    try:
        case.same(whole, out)
    except AssertionError as error:
        return f"{signal.Signals(how).name}: not the same: {str(error)[:300]}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="words that a case has in it, such as GAN")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # threads do not come along into a fork
    names = [name for name in CASES if asked.only in name]
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"SRKIT_LOAD_PLUGINS": "", "SRKIT_CONFIG": f"{place}/config", "OMP_NUM_THREADS": "1"}
        os.chdir(place)
        write_photos(Path("photos"))
        write_photos(Path("held_out"), 2, (50, 61), first=20)
        Path("parts.py").write_text(PARTS, encoding="utf-8")
        Path("plain.toml").write_text(PLAIN, encoding="utf-8")
        Path("gan.toml").write_text(GAN, encoding="utf-8")
        Path("study.toml").write_text(PLAIN + "[matrix]\nseed = [1, 2]\n", encoding="utf-8")
        torch.save(Rrdb(4, channels=2, blocks=1).state_dict(), "ESRGAN.pth")
        Path("first").mkdir()
        text, code, _ = done(["run", "plain.toml", "--out", "trained", *ALL], Path("first"))
        assert code == 0, text
        wholes: dict[str, tuple[Path, float]] = {}
        for number in range(asked.count):
            name = names[number % len(names)]
            case, out = CASES[name], Path(f"out{number}")
            out.mkdir()
            if name not in wholes:
                whole = Path(f"whole{len(wholes)}")
                whole.mkdir()
                text, code, took = done([one.replace("{out}", str(whole)) for one in case.words], whole)
                assert code == 0, f"{name}: {text}"
                wholes[name] = whole, took
            found = wrong(case, *wholes[name][:1], out, wholes[name][1], random.Random(f"{asked.seed} {number}"))
            if found is not None:
                failed += 1
                print(f"FAIL {number} {name}: {found}", flush=True)
            shutil.rmtree(out, ignore_errors=True)
    print(f"{asked.count} kills, {failed} with something wrong")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
