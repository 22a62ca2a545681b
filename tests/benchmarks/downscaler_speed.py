"""Speed of `matlab-bicubic` as a ratio: two matrix products against imresize pixel by pixel, as BasicSR has it.

    python -m tests.benchmarks.downscaler_speed [--side 128] [--scale 4]

Nothing is asserted. `index_and_sum` is also the tests' reference: it shares nothing with the component.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import torch

from srkit.components.downscalers.imresize import MatlabBicubic


def keys(x: float) -> float:
    """Keys' cubic kernel, a = -0.5."""
    x = abs(x)
    if x <= 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


def contributions(size: int, scale: int) -> list[tuple[list[int], list[float]]]:
    """MATLAB's: for each output the inputs it sees and their weights, counted from 1 as there."""
    found = []
    for out in range(1, size // scale + 1):
        centre = out * scale + 0.5 * (1 - scale)
        first = math.floor(centre - 4 * scale / 2)
        places = list(range(first, first + 4 * scale + 2))
        weights = [keys((centre - place) / scale) / scale for place in places]
        total = sum(weights)
        mirror = [*range(1, size + 1), *range(size, 0, -1)]
        found.append(([mirror[(place - 1) % (2 * size)] - 1 for place in places], [one / total for one in weights]))
    return found


def index_and_sum(image: np.ndarray, scale: int) -> np.ndarray:
    """(3, H, W) -> (3, H / scale, W / scale): for every pixel, gather what it sees and sum."""
    channels, height, width = image.shape
    rows = np.zeros((channels, height // scale, width))
    for y, (places, weights) in enumerate(contributions(height, scale)):
        for x in range(width):
            for channel in range(channels):
                rows[channel, y, x] = image[channel, places, x] @ np.array(weights)
    out = np.zeros((channels, height // scale, width // scale))
    for x, (places, weights) in enumerate(contributions(width, scale)):
        for y in range(height // scale):
            for channel in range(channels):
                out[channel, y, x] = rows[channel, y, places] @ np.array(weights)
    return out


def seconds(call: object, times: int) -> float:
    """The fastest of several calls."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        call()  # type: ignore[operator]
        found.append(time.perf_counter() - begun)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--scale", type=int, default=4)
    options = parser.parse_args()
    hr = torch.rand(1, 3, options.side, options.side)
    image = hr[0].double().numpy()
    shrink = MatlabBicubic(options.scale)
    shrink(hr)
    ours = seconds(lambda: shrink(hr), 30)
    theirs = seconds(lambda: index_and_sum(image, options.scale), 2)
    print(
        f"{options.side} x {options.side}, x{options.scale}: {ours * 1e3:.2f} ms, pixel by pixel {theirs * 1e3:.0f} ms"
    )
    print(f"matlab-bicubic is {theirs / ours:.0f} times as fast")


if __name__ == "__main__":
    main()
