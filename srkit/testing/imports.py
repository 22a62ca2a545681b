"""What importing modules does, seen in a process of its own: time, output, random state, settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = 2.0
"""What an import may take beyond torch, numpy and srkit."""

PATIENCE = 120
"""Seconds after which an import is taken to hang."""


@dataclass(frozen=True)
class ImportFacts:
    """What one import did.

    Attributes:
        seconds: how long it took; torch, numpy and srkit were there before.
        said: what it printed.
        changed: the global states that were others afterwards, in words.
        failed: why it did not come to its end, or the empty string.
    """

    seconds: float = 0.0
    said: str = ""
    changed: tuple[str, ...] = ()
    failed: str = ""


_CHILD = """
import contextlib, importlib, io, json, os, random, sys, time
import numpy, torch
import srkit.contracts, srkit.registry.files
from srkit.errors import in_short
from srkit.testing.globals import global_states
sys.path[:] = json.loads(sys.argv[1])
channel = os.fdopen(os.dup(1), "w")
for name in sys.argv[2:]:
    before, said, failed, began = global_states(), io.StringIO(), "", time.perf_counter()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            importlib.import_module(name)
        except Exception as error:
            failed = in_short(error)
    seconds, after = time.perf_counter() - began, global_states()
    changed = [key for key in before if before[key] != after[key]]
    print(json.dumps([name, seconds, said.getvalue()[:200], changed, failed]), file=channel, flush=True)
"""


def look_at_imports(modules: Sequence[str]) -> dict[str, ImportFacts]:
    """Import modules one after another in a fresh process; one that ends the process does not spoil the others."""
    facts: dict[str, ImportFacts] = {}
    waiting = list(dict.fromkeys(modules))
    while waiting:
        command = [sys.executable, "-P", "-c", _CHILD, json.dumps(sys.path), *waiting]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
            lines, ending = done.stdout, f"it ended the process with {done.returncode}"
        except subprocess.TimeoutExpired as error:
            lines = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            ending = f"it takes longer than {PATIENCE} seconds"
        for line in lines.splitlines():
            if line.startswith("["):
                name, seconds, said, changed, failed = json.loads(line)
                facts[name] = ImportFacts(seconds, said, tuple(changed), failed)
        waiting = [name for name in waiting if name not in facts]
        if waiting:
            facts[waiting.pop(0)] = ImportFacts(failed=ending)
    return facts
