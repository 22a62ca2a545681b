"""The device a run uses, and what is set up on it before the first tensor."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

import torch

from srkit.errors import UserError
from srkit.machine.programs import program

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
LARGE = 2**31 - 1
TOP_PAD = 256 * 1024 * 1024


def choose_device(wanted: str | None) -> torch.device:
    """The device by name, or the best one there is.

    Raises:
        UserError: it is not there; says what is.
    """
    if wanted is None:
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(kind)
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UserError(f"--device {wanted}: expected cpu, cuda, cuda:N or mps") from None
    if device.type == "cuda":
        _require_cuda(device)
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: this machine has no Metal device that torch can use; try --device cpu")
    elif device.type not in ("cpu", "mps"):
        raise UserError(f"--device {wanted}: expected cpu, cuda, cuda:N or mps")
    return device


def _require_cuda(device: torch.device) -> None:
    if torch.version.cuda is None and torch.version.hip is None:
        raise UserError(
            f"--device {device}: the installed torch {torch.__version__} was built without CUDA. Install a CUDA build "
            f"({cuda_build()}), or use --device cpu"
        )
    if not torch.cuda.is_available():
        raise UserError(
            f"--device {device}: torch {torch.__version__} finds no CUDA card. `nvidia-smi` tells whether the driver "
            "does; or use --device cpu"
        )
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise UserError(f"--device {device}: there are only {torch.cuda.device_count()} cards, counted from 0")


def cuda_build() -> str:
    """How to come by a torch with CUDA."""
    return "https://pytorch.org/get-started/locally tells the command"


def nvidia_driver() -> str:
    """NVIDIA's cards and driver as nvidia-smi names them; empty where there are none."""
    smi = program("nvidia-smi")
    if smi is None:
        return ""
    query = [smi, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    rows = [line.rpartition(",") for line in answer.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(f"{version.strip()} for {name.strip()}" for name, _, version in rows))


def left_idle() -> str:
    """A sentence where this machine has an NVIDIA card and torch was built without CUDA; else empty."""
    if torch.version.cuda is not None or torch.version.hip is not None:
        return ""
    driver = nvidia_driver()
    return driver and (
        f"the card of this machine is not used ({driver}): the installed torch {torch.__version__} was built without "
        f"CUDA. Install a CUDA build ({cuda_build()}), or give --device cpu"
    )


def prepare(device: torch.device, *, deterministic: bool) -> None:
    """Settings that make the device fast, or repeatable where that is asked for."""
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = not deterministic
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        if deterministic:
            # cuBLAS reads it when its first handle is made
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True, warn_only=True)


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep the pages of freed tensors, which a step asks for again at once.

    Without this every large activation is mapped and unmapped by the kernel at each step; with it an ESPCN step on the
    CPU takes two thirds of the time and a tenth more memory. True where it was done.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(*setting) for setting in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, LARGE), (M_TOP_PAD, TOP_PAD)))


def describe(device: torch.device) -> str:
    """The device in words, for manifest and tables."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({platform.processor() or platform.machine()}, {threads} thread{'s' * (threads > 1)})"
    return str(device)
