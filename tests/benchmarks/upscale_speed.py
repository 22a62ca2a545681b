"""Upscaling in tiles against the bare forward pass of the same pixels, and the memory it takes.

    python -m tests.benchmarks.upscale_speed [--width 4000 --height 3000 --rounds 3]

The 128-channel ESPCN at scale 2, fp32, channels_last on both sides; rounds alternate. The bare pass goes through the
picture in strips of the height of a tile, since a whole picture's activations take 12 GB. Decoding and encoding are
left out. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time

import numpy as np
import torch

from srkit.components.generators.espcn import Espcn
from srkit.inference.forward import from_eight_bit
from srkit.inference.tiles import plan_tiles
from srkit.inference.upscale import upscale
from srkit.training.device import choose_device, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    prepare(device, deterministic=False)
    network = Espcn(2, channels=128).eval().to(device)
    image = np.random.default_rng(0).integers(0, 256, (arguments.height, arguments.width, 3), dtype=np.uint8)
    tiling = plan_tiles(network, 2, device)

    def tiled() -> None:
        upscale(network, image, device=device, channels_last=True, tiling=tiling)

    def bare() -> None:
        rows = max(1, tiling.side**2 // arguments.width)
        with torch.no_grad():
            for top in range(0, arguments.height, rows):
                strip = torch.from_numpy(image[top : top + rows]).permute(2, 0, 1)[None].to(device)
                network(from_eight_bit(strip).contiguous(memory_format=torch.channels_last))

    tiled()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 1e9
    bare()
    ratios = []
    for _ in range(arguments.rounds):
        begun = time.perf_counter()
        tiled()
        between = time.perf_counter()
        bare()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        ratios.append((time.perf_counter() - between) / (between - begun))
        print(f"tiled at {ratios[-1]:.2f} of the bare pass's speed", flush=True)
    print(f"tiles of {tiling.side} + 2 x {tiling.halo}: median {statistics.median(ratios):.2f}, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
