"""Number formats: what "auto" means on a device, autocast, and loss scaling for fp16."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

FIRST_WITH_BF16 = 8
"""CUDA's compute capability (Ampere) from which on cards have it; torch's own question also counts emulation."""

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def best_precision(device: torch.device) -> tuple[str, str]:
    """The format that is fast and safe on a device, and why: bf16 where the hardware computes in it, else fp32."""
    if device.type == "cuda":
        if torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= FIRST_WITH_BF16:
            return "bf16", "the card computes in bf16"
        return "fp32", "this card only emulates bf16, which is slower than fp32"
    if device.type == "cpu":
        if cpu_computes_bf16():
            return "bf16", "the processor computes in bf16 (avx512_bf16 or amx)"
        return "fp32", "this processor does not compute in bf16"
    return "fp32", f"bf16 is not used on {device.type}"


def cpu_computes_bf16() -> bool:
    """Whether the processor has instructions for bf16 products; without them bf16 is slower than fp32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return " avx512_bf16" in flags or " amx_bf16" in flags


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context a forward pass runs in."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])
