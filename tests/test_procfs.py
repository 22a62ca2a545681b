"""What Linux tells of memory is read, whatever else stands there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from srkit.procfs import of_machine, of_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")


def test_what_the_kernel_tells() -> None:
    assert 0 < (of_machine("MemAvailable") or 0) <= (of_machine("MemTotal") or 0)
    assert 0 < (of_process("VmRSS") or 0) <= (of_process("VmHWM") or 0)
    assert of_process("Vm") is None


def test_a_process_may_be_named_in_any_bytes() -> None:
    name = Path("/proc/self/comm")
    before = name.read_bytes()
    name.write_bytes("auflösungs-größe".encode()[:15])  # ends within a letter of two bytes
    try:
        assert of_process("VmRSS")
    finally:
        name.write_bytes(before)
