"""A convolution whose weight is divided by its largest singular value, with the key names published files have."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SpectralConv2d"]

TINY = 1e-12
FIRST_ITERATIONS = 15


def full_precision(device: str) -> AbstractContextManager[object]:
    """Autocast switched off; the meta device, which computes nothing, has no autocast to switch."""
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)


class SpectralConv2d(nn.Module):
    """A convolution with spectral normalization, in precision and naming as files of the field have it.

    Miyato et al. 2018, arXiv 1802.05957: weight / sigma, where sigma = u' W v is the largest singular value of the
    weight as a matrix (outputs, inputs * kernel^2), followed by one step of power iteration in each forward pass in
    train mode. State keys `weight_orig`, `weight_u`, `weight_v`, `bias`, as `torch.nn.utils.spectral_norm` writes
    them. Unlike that one it can be copied and computes sigma in full precision under autocast, whose bf16 would
    spoil u and v.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel: side of the kernel.
        stride: step between two places.
        padding: zeros added at each border.
        dilation: distance between the kernel's taps.
        bias: whether there is one.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel, bias=bias)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.out_channels, self.kernel_size = outputs, (kernel, kernel)
        self.bias = plain.bias
        self.weight_orig = plain.weight
        with torch.no_grad():
            matrix = plain.weight.flatten(1)
            self.register_buffer("weight_u", F.normalize(torch.randn(matrix.shape[0]), dim=0, eps=TINY))
            self.register_buffer("weight_v", F.normalize(torch.randn(matrix.shape[1]), dim=0, eps=TINY))

        # Far from the singular vectors, sigma can be near 0 and the first logits huge. On the meta device, where there
        # are no numbers, this would take seconds for nothing.
        for _ in range(0 if self.weight_orig.is_meta else FIRST_ITERATIONS):
            self.iterate(self.weight_orig.flatten(1))

    @torch.no_grad()
    def iterate(self, matrix: Tensor) -> None:
        """Bring u and v a step nearer to the largest singular value's vectors."""
        self.weight_v.copy_(F.normalize(matrix.t().mv(self.weight_u), dim=0, eps=TINY))
        self.weight_u.copy_(F.normalize(matrix.mv(self.weight_v), dim=0, eps=TINY))

    def normalized_weight(self) -> Tensor:
        """The weight over its largest singular value; in train mode u and v come a step nearer first."""
        with full_precision(self.weight_orig.device.type):
            matrix = self.weight_orig.flatten(1)
            if self.training:
                self.iterate(matrix)
            # The gradient of an earlier forward pass still needs the vectors it was computed with.
            u, v = self.weight_u.clone(), self.weight_v.clone()
            return self.weight_orig / torch.dot(u, matrix.mv(v))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H', W')."""
        return F.conv2d(x, self.normalized_weight(), self.bias, self.stride, self.padding, self.dilation)
