"""Whether a picture has a grid or stripes that its original has not."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 64
LONGEST = 8
AROUND = 5


def strongest_grid(sr: Tensor, hr: Tensor) -> tuple[float, float]:
    """The frequency at which SR has most of what the original has not.

    Spectra of the mean over channels, averaged over blocks of 64 x 64 with a Hann window; periods above 8 pixels left
    out. What an upsampling layer or a collapsed generator repeats is a line in the spectrum; what a photo has in excess
    or lacks, noise and blur included, is spread out.

    Args:
        sr, hr: uint8 (3, H, W).

    Returns:
        How often SR's excess there is SR's power around it (the median over frequencies 3 to 5 steps away), and the
        excess's root mean square in levels of 255; (0, 0) for pictures smaller than a block, and where SR has nothing
        in excess.
    """
    height, width = (min(one) // BLOCK for one in zip(sr.shape[-2:], hr.shape[-2:], strict=True))
    if not height or not width:
        return 0.0, 0.0
    power, original = (_spectrum(image[:, : height * BLOCK, : width * BLOCK]) for image in (sr, hr))
    excess = power - original
    frequency = torch.fft.fftfreq(BLOCK, device=excess.device).abs()
    slow = (frequency[:, None] < 1 / LONGEST) & (frequency[None, :] < 1 / LONGEST)
    down, right = divmod(int(excess.masked_fill(slow, -torch.inf).argmax()), BLOCK)
    steps = torch.arange(BLOCK, device=excess.device)
    away = torch.maximum(_away(steps, down)[:, None], _away(steps, right)[None, :])
    line = excess[away <= 1].mean()  # the window spreads it so far
    if line <= 0:
        return 0.0, 0.0
    around = power[(away > 2) & (away <= AROUND)].median()
    twin = torch.maximum(_away(steps, -down)[:, None], _away(steps, -right)[None, :])
    level = excess[(away <= 1) | (twin <= 1)].sum()  # a real picture's spectrum has each frequency twice
    return float(line / around.clamp_min(1e-9)), float(level.clamp_min(0).sqrt())


def _away(steps: Tensor, from_where: int) -> Tensor:
    """How far each frequency is from one, around the spectrum's edge."""
    there = (steps - from_where) % BLOCK
    return torch.minimum(there, BLOCK - there)


def _spectrum(image: Tensor) -> Tensor:
    """Power by frequency (64, 64) of an image (3, H, W) whose sides blocks divide; its sum is the blocks' variance."""
    rows, columns = (side // BLOCK for side in image.shape[-2:])
    blocks = image.float().mean(0).view(rows, BLOCK, columns, BLOCK).transpose(1, 2).reshape(-1, BLOCK, BLOCK)
    window = torch.hann_window(BLOCK, device=blocks.device)
    window = window[:, None] * window[None, :]
    return torch.fft.fft2(blocks * window).abs().square().mean(0) / (BLOCK**2 * window.square().sum())
