"""Peak memory of one training step with and without in-place activations and checkpointing.

    python -m tests.benchmarks.activation_memory [--device cuda] [--side 48]

A forward and a backward pass of a batch of 4, each setting in a process of its own. On the CPU what is shown is how far
the process's resident memory rises above what it had with the network built; on CUDA the allocator's peak, less the
network. Nothing is asserted; that outputs and gradients are the same is tested with the blocks and generators.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys

import torch

from srkit.components.by_name import build_nested
from srkit.layout import training_layout
from srkit.training.device import keep_freed_memory

DENSE = {"use": "residual-dense", "layers": 3, "growth": 0, "slope": 0.1, "init": "torch"}
NETWORKS: dict[str, dict[str, object]] = {
    "rrdb, 4 groups": {"use": "rrdb", "blocks": 4},
    "rrdb-shuffle, 4 groups": {"use": "rrdb-shuffle", "blocks": 4},
    "trunk of 16 dilated": {"use": "trunk", "block": {"use": "dilated"}},
    "trunk of 16 dense-3": {"use": "trunk", "block": DENSE},
    "trunk of 16 residual": {"use": "trunk", "block": {"use": "residual"}},
}
SETTINGS = {
    "plain": {"inplace": False, "checkpoint": False},
    "in place": {"inplace": True, "checkpoint": False},
    "checkpoint": {"inplace": True, "checkpoint": True},
}
BATCH, SCALE = 4, 4


def step_memory(table: dict[str, object], device: str, side: int) -> float:
    """Megabytes that one step adds."""
    torch.manual_seed(0)
    network = build_nested(table, "generators", "generator", scale=SCALE)
    network.to(device, memory_format=training_layout(torch.device(device)))
    lr = torch.rand(BATCH, 3, side, side, device=device).contiguous(memory_format=training_layout(torch.device(device)))
    small = lr[..., :8, :8]
    network(small).sum().backward()  # libraries allocate what they keep
    before = _peak(device)
    network(lr).square().mean().backward()
    return (_peak(device) - before) / 1e6


def _peak(device: str) -> int:
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _with(table: dict[str, object], setting: dict[str, bool]) -> dict[str, object]:
    """The options where they belong: in the block of a trunk, else in the network."""
    if "block" in table:
        return {**table, "block": {**table["block"], **setting}}  # type: ignore[dict-item]
    return {**table, **setting}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=48, help="of the LR patches, in pixels")
    parser.add_argument("--one", help="a network's table as JSON: measure this one, in this process")
    arguments = parser.parse_args()
    if arguments.one:
        keep_freed_memory()
        print(step_memory(json.loads(arguments.one), arguments.device, arguments.side))
        return
    print(f"{'MB of a step':24}" + "".join(f"{name:>14}" for name in SETTINGS))
    for name, table in NETWORKS.items():
        row = []
        for setting in SETTINGS.values():
            command = [sys.executable, "-m", "tests.benchmarks.activation_memory", "--one"]
            command += [json.dumps(_with(table, setting)), "--device", arguments.device, "--side", str(arguments.side)]
            row.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(f"{name:24}" + "".join(f"{one:9.0f} {one / row[0]:4.2f}" for one in row), flush=True)


if __name__ == "__main__":
    main()
