"""What Linux tells of memory under /proc, in bytes; None where there is no such file or line."""

from __future__ import annotations

from pathlib import Path

__all__ = ["of_machine", "of_process"]


def of_machine(key: str) -> int | None:
    """Such as `MemAvailable`: what can be taken without swapping."""
    return _bytes(Path("/proc/meminfo"), key)


def of_process(key: str) -> int | None:
    """This process's: `VmRSS` resident, `VmHWM` its peak, `VmData` private and writable, touched or not."""
    return _bytes(Path("/proc/self/status"), key)


def _bytes(file: Path, key: str) -> int | None:
    try:
        # a process's name is cut at 15 bytes, which may be within a letter
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), None)
