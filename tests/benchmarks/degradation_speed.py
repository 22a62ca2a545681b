"""Speed of the tensor JPEG as a ratio, against the einsum over 8 x 8 blocks that DiffJPEG uses; and of its fellows.

    python -m tests.benchmarks.degradation_speed [--batch 16] [--side 128] [--pairs 15]

Calls of the two alternate in one process, so that a machine whose speed drifts cannot favour one; the ratio is the
median of the pairs. Forward only. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.degradations.blur import Blur
from srkit.components.degradations.jpeg import Jpeg
from srkit.components.degradations.jpeg_codec import JpegCodec
from srkit.components.degradations.noise import Noise
from srkit.components.lr_pipelines.real_esrgan import RealEsrgan
from srkit.components.tensor_jpeg import quantization_table
from srkit.draws import SampleDraws, StreamKey
from srkit.training.device import keep_freed_memory


class EinsumJpeg:
    """All steps of the form DiffJPEG made known: colours by tensordot, blocks, DCT by einsum, tables, and back."""

    def __init__(self) -> None:
        basis = np.zeros((8, 8, 8, 8), dtype=np.float32)
        for x, y, u, v in itertools.product(range(8), repeat=4):
            basis[x, y, u, v] = np.cos((2 * x + 1) * u * np.pi / 16) * np.cos((2 * y + 1) * v * np.pi / 16)
        alpha = np.array([1 / np.sqrt(2)] + [1] * 7)
        self.forward = torch.from_numpy(basis)
        self.inverse = torch.from_numpy(basis.transpose(2, 3, 0, 1).copy())
        self.alpha = torch.from_numpy(np.outer(alpha, alpha)).float()
        ycc = [[0.299, -0.168736, 0.5], [0.587, -0.331264, -0.418688], [0.114, 0.5, -0.081312]]
        rgb = [[1.0, 1.0, 1.0], [0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]]
        self.ycc, self.rgb = torch.tensor(ycc), torch.tensor(rgb)
        self.offset = torch.tensor([0.0, 128.0, 128.0])

    def __call__(self, batch: Tensor, qualities: list[int]) -> Tensor:
        image = (batch * 255).permute(0, 2, 3, 1)
        height, width = image.shape[1:3]
        y, cb, cr = (torch.tensordot(image, self.ycc, dims=1) + self.offset).unbind(-1)
        halves = [F.avg_pool2d(plane[:, None], 2)[:, 0] for plane in (cb, cr)]
        y, cb, cr = (
            self.plane(plane, qualities, chroma) for plane, chroma in ((y, False), (halves[0], True), (halves[1], True))
        )
        cb, cr = (plane.repeat_interleave(2, 1).repeat_interleave(2, 2) for plane in (cb, cr))
        back = torch.tensordot(torch.stack([y, cb, cr], -1) - self.offset, self.rgb, dims=1)
        return back.reshape(-1, height, width, 3).permute(0, 3, 1, 2).clamp(0, 255) / 255

    def plane(self, plane: Tensor, qualities: list[int], chroma: bool) -> Tensor:
        count, height, width = plane.shape
        cut = plane.reshape(count, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
        blocks = cut.reshape(count, -1, 8, 8) - 128
        tables = torch.from_numpy(np.stack([quantization_table(one, chroma) for one in qualities])).float()[:, None]
        scale = self.alpha * 0.25
        coefficients = torch.einsum("bnxy,xyuv->bnuv", blocks, self.forward) * scale
        kept = (coefficients / tables).round() * tables
        pixels = torch.einsum("bnuv,uvxy->bnxy", kept * self.alpha, self.inverse) * 0.25 + 128
        return pixels.reshape(count, height // 8, width // 8, 8, 8).permute(0, 1, 3, 2, 4).reshape(plane.shape)


def took(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=128, help="a multiple of 16")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    keep_freed_memory()  # as the runner does
    batch = torch.rand(options.batch, 3, options.side, options.side)

    def draws() -> SampleDraws:
        return SampleDraws(StreamKey(0, 0, 1), range(options.batch), "speed")

    qualities = draws().integers(10, 99).tolist()
    einsum = EinsumJpeg()
    rivals: dict[str, Callable[[], object]] = {
        "einsum over 8 x 8 blocks": lambda: einsum(batch, qualities),
        "Pillow's codec": lambda: JpegCodec((10, 99))(batch, draws()),
    }
    with torch.no_grad():
        for name, rival in rivals.items():
            pairs = [(took(lambda: Jpeg((10, 99))(batch, draws())), took(rival)) for _ in range(options.pairs + 2)][2:]
            ratio = statistics.median(theirs / ours for ours, theirs in pairs)
            own = statistics.median(ours for ours, _ in pairs) * 1e3
            print(f"tensor jpeg {own:.1f} ms a batch, {ratio:.2f} times as fast as {name}")
        for name, part in {"blur": Blur(), "noise": Noise(), "real-esrgan": RealEsrgan(4)}.items():
            each = statistics.median(took(lambda part=part: part(batch, draws())) for _ in range(5)) * 1e3
            print(f"{name} {each:.1f} ms a batch")


if __name__ == "__main__":
    main()
