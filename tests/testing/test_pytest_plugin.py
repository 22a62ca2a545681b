"""The pytest plugin as a plugin author meets it; that it passes whole packages is seen in tests/cli/test_plugin.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MARKED = """
import pytest

@pytest.mark.srkit_components("{name}")
def test_contract(conformance):
    conformance.require()
"""


def said_of(text: str, folder: Path, *options: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_it.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_one_test_a_component(tmp_path: Path) -> None:
    code, said = said_of(MARKED.format(name="SRKIT"), tmp_path, "--collect-only", "--strict-markers")
    assert code == 0, said
    assert "test_contract[generators-espcn]" in said and "test_contract[schedules-cosine]" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MARKED.format(name="absent"), "no installed distribution 'absent' offers components"),
        ("def test_contract(conformance):\n    pass\n", 'write @pytest.mark.srkit_components("my-distribution") above'),
    ],
)
def test_what_is_missing_is_said(text: str, message: str, tmp_path: Path) -> None:
    code, said = said_of(text, tmp_path)
    assert code != 0
    assert message in said and "INTERNALERROR" not in said


def test_it_costs_other_projects_no_torch(tmp_path: Path) -> None:
    text = "import sys\n\ndef test_no_torch():\n    assert 'torch' not in sys.modules\n"
    code, said = said_of(text, tmp_path)
    assert code == 0, said
