"""`srkit list --verify` on components that hang, leave, print and raise as they are imported."""

from __future__ import annotations

import multiprocessing

import pytest

from srkit.cli import verification
from srkit.cli.verification import verified
from srkit.registry import KINDS, Registry
from tests.registry.conftest import Distribute, distribute  # noqa: F401  (a fixture)

NETWORK = "class Net:\n    '''A network.'''\n    def __init__(self, scale: int) -> None: ...\n"
MODULES = {
    "hangs": "import time\ntime.sleep(1000)\n",
    "leaves": "import os\nos._exit(3)\n",
    "prints": "import sys\nprint('hello')\nprint('there', file=sys.stderr)\n",
    "raises": "raise OSError('no loom here')\n",
}


def test_each_is_told_by_itself(
    distribute: Distribute,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = "".join(f"{name} = {name}_module:Net\n" for name in MODULES)
    modules = {f"{name}_module.py": source + NETWORK for name, source in MODULES.items()}
    distribute("trouble", f"[srkit.generators]\n{names}", modules)
    listings = [one for one in Registry.installed().listings(KINDS["generators"]) if one.entry.name in MODULES]
    assert {one.state for one in listings} == {"ok"}  # so far as one can tell without importing them

    # new processes, because a server that an earlier test started has that one's environment
    monkeypatch.setattr(verification, "_processes", lambda: multiprocessing.get_context("spawn"))
    reasons = {one.entry.name: one.reason for one in verified([one for one in listings if one.entry.name != "hangs"])}
    assert reasons["leaves"] == "its import ended the process with 3"
    assert reasons["prints"] == ""
    assert "OSError: no loom here" in reasons["raises"]
    monkeypatch.setattr(verification, "PATIENCE", 1.0)
    (hanging,) = verified([one for one in listings if one.entry.name == "hangs"])
    assert (hanging.state, hanging.reason) == ("broken", "its import takes longer than 1 seconds")
    assert capfd.readouterr() == ("", "")
