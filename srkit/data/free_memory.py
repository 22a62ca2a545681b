"""How much memory can be taken now, as the system and the container this process runs in allow."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from srkit.procfs import of_machine

__all__ = ["free_memory"]

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def free_memory() -> int | None:
    """Bytes; None where the system does not say."""
    if sys.platform == "win32":
        return _of_windows()
    machine = of_machine("MemAvailable")
    if machine is None:
        machine = _installed()  # macOS names what is free by commands alone
    container = _of_container()
    return min((one for one in (machine, container) if one is not None), default=None)


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _of_container() -> int | None:
    """The least that this process's control groups and those around them leave; None where they set no limit."""
    left = []
    for folder, most, used in _groups():
        limit, taken = _number(folder / most), _number(folder / used)
        if limit is not None and taken is not None and limit < 1 << 60:  # version 1 writes "none" as a huge number
            left.append(max(0, limit - taken))
    return min(left, default=None)


def _groups() -> list[tuple[Path, str, str]]:
    try:
        lines = _OWN_CGROUPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found: list[tuple[Path, str, str]] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top, names = _CGROUPS, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            top, names = _CGROUPS / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        own = top / path.lstrip("/")
        # inside a container the own group may be mounted as the top one
        found += [(one, *names) for one in dict.fromkeys((top, own, *own.parents)) if one.is_relative_to(top)]
    return found


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() else None


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("total_page_file", ctypes.c_ulonglong),
        ("free_page_file", ctypes.c_ulonglong),
        ("total_virtual", ctypes.c_ulonglong),
        ("free_virtual", ctypes.c_ulonglong),
        ("free_extended", ctypes.c_ulonglong),
    )


def _of_windows() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    library = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return min(status.free, status.free_page_file)
