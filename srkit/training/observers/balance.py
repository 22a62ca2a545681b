"""Warnings about two players out of balance, colours that drift, and gradients that are lost in fp16."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from srkit.hooks import hookimpl
from srkit.training.run import Pictures, Run

WON = 0.99
WON_LINES = 5
SURE = 0.05
DRIFTED_LEVELS, DRIFTED_TIMES = 6.0, 4.0
DRIFTED_LINES = 3
VANISHED = 0.5
VANISHED_LINES = 3
SKIPPED = 0.5
SKIPPED_LINES = 2
PATTERN_SHARE = 0.3
PATTERN_LEVELS = 2.0
PATTERN_VALIDATIONS = 2
BLOCK = 64


class Balance:
    """Looks at the numbers of each log step and at validation pictures, and warns once of each thing.

    - The discriminator has won: in 5 log lines in succession it judges at least 99% of originals and of fakes right,
      and its loss (without penalties) is at most a twentieth of the largest it has had. Being right alone is no
      victory: while its loss is well above 0, it is not sure, and the generator learns from it.
    - The colours drift: a channel's mean differs by over 6 levels of 255 between SR and LR in 3 log lines in
      succession, and by over 4 times what it did in the best 3 in succession so far: a generator that has yet to learn
      the colours does not drift, and a few patches' means waver.
    - The generator repeats a pattern: in over half of the pictures of 2 validations in succession; see `pattern`.
    - fp16: at least half of a role's updates were skipped in 2 log lines in succession, or half of its gradient's
      elements are 0 in 3.
    """

    def __init__(self) -> None:
        self.streaks: dict[str, int] = {}
        self.shifts: list[float] = []
        self.calmest = math.inf
        self.worst = 0.0
        self.said: list[str] = []

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        for sentence in self.said:
            run.warn(sentence)

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None:
            return
        if self._lasts("won", self._is_sure(metrics), WON_LINES):
            self._warn(run, "won", f"step {step}: {_WON}")
        if self._drifts(metrics.get("colour_shift", 0.0)):
            self._warn(
                run, "drift", f"step {step}: the colours drift from the LR's by {self.shifts[-1]:.0f} levels; {_DRIFT}"
            )
        for role in metrics["lr"]:
            zeros, skipped = metrics.get(f"zero_gradients/{role}", 0.0), metrics.get(f"skipped/{role}", 0.0)
            if self._lasts(f"zeros/{role}", zeros >= VANISHED, VANISHED_LINES):
                self._warn(run, f"zeros/{role}", f"step {step}: {zeros:.0%} of the {role}'s gradient is 0; {_ZEROS}")
            if self._lasts(f"skipped/{role}", skipped >= SKIPPED * run.experiment.log.every, SKIPPED_LINES):
                self._warn(run, f"skipped/{role}", f"step {step}: most updates of the {role} are skipped; {_SKIPPED}")

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, pictures: Pictures) -> None:
        with_originals = [views for views in pictures.values() if "hr" in views]
        found = [pattern(views["sr"], views["hr"]) for views in with_originals]
        repeats = [share >= PATTERN_SHARE and levels >= PATTERN_LEVELS for share, levels in found]
        if self._lasts("pattern", sum(repeats) * 2 > len(repeats), PATTERN_VALIDATIONS):
            self._warn(run, "pattern", f"step {step}: {_PATTERN}")

    def _is_sure(self, metrics: Mapping[str, Any]) -> bool:
        """Whether the discriminator is right nearly everywhere and has next to nothing left to learn from it."""
        loss = metrics.get("discriminator/logits", metrics.get("discriminator", 0.0))
        self.worst = max(self.worst, loss)
        right = min(metrics.get(f"discriminator/accuracy_{which}", 0.0) for which in ("real", "fake"))
        return right >= WON and 0 <= loss <= SURE * self.worst  # a critic's loss may be negative

    def _drifts(self, shift: float) -> bool:
        """Whether the last lines' shifts are all far from the ones of the calmest stretch."""
        self.shifts = [*self.shifts, shift][-DRIFTED_LINES:]
        if len(self.shifts) < DRIFTED_LINES:
            return False
        self.calmest = min(self.calmest, max(self.shifts))
        return min(self.shifts) > max(DRIFTED_LEVELS, DRIFTED_TIMES * self.calmest)

    def _lasts(self, what: str, holds: bool, times: int) -> bool:
        """Whether something holds for that many times in succession, this one included."""
        self.streaks[what] = self.streaks.get(what, 0) + 1 if holds else 0
        return self.streaks[what] == times

    def _warn(self, run: Run, what: str, sentence: str) -> None:
        if self.streaks.get(f"said {what}"):
            return
        self.streaks[f"said {what}"] = 1
        self.said.append(sentence)
        run.warn(sentence)

    def state_dict(self) -> dict[str, Any]:
        numbers = {"shifts": list(self.shifts), "calmest": self.calmest, "worst": self.worst}
        return {"streaks": dict(self.streaks), "said": list(self.said), **numbers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.streaks, self.said = dict(state["streaks"]), list(state["said"])
        self.shifts, self.calmest, self.worst = list(state["shifts"]), state["calmest"], state["worst"]


_WON = (
    "the discriminator has won, it tells nearly every place of original and fake apart; lower its learning rate, take "
    "fewer discriminator_steps, or raise adversarial_loss.shift_crop or the discriminator's dropout"
)
_DRIFT = "raise the pixel loss's weight, lower the adversarial or feature losses', or add a colour loss"
_ZEROS = 'gradients vanish in fp16; use loss_scaling = true, or precision = "bf16" or "fp32"'
_SKIPPED = 'their scaled gradients overflow; lower the learning rate, or use precision = "bf16" or "fp32"'
_PATTERN = (
    "the generator repeats a pattern that the original has not; lower the adversarial loss's weight or learning rates, "
    "or raise the pixel loss's weight"
)


def pattern(sr: Tensor, hr: Tensor) -> tuple[float, float]:
    """How much of what SR adds to the original repeats at one frequency.

    The spectrum of the difference's mean over channels, averaged over blocks of 64 x 64 with a Hann window, less
    periods above 16 pixels; the frequency that is strongest, with the ones next to it, is the pattern.

    Args:
        sr, hr: uint8 (3, H, W).

    Returns:
        The pattern's share of the spectrum's power, and its amplitude (root mean square) in levels of 255; (0, 0) for
        pictures smaller than a block.
    """
    height, width = (min(one) // BLOCK for one in zip(sr.shape[-2:], hr.shape[-2:], strict=True))
    if not height or not width:
        return 0.0, 0.0
    difference = (
        sr[:, : height * BLOCK, : width * BLOCK].float() - hr[:, : height * BLOCK, : width * BLOCK].float()
    ).mean(0)
    blocks = difference.view(height, BLOCK, width, BLOCK).transpose(1, 2).reshape(-1, BLOCK, BLOCK)
    window = torch.hann_window(BLOCK, device=blocks.device)
    window = window[:, None] * window[None, :]
    power = torch.fft.fft2(blocks * window).abs().square().mean(0) / (BLOCK**2 * window.square().sum())
    frequency = torch.fft.fftfreq(BLOCK, device=blocks.device).abs()
    power[(frequency[:, None] < 1 / 16) & (frequency[None, :] < 1 / 16)] = 0
    total = float(power.sum())
    if total <= 0:
        return 0.0, 0.0
    down, right = divmod(int(power.argmax()), BLOCK)
    around = torch.arange(-1, 2, device=blocks.device)
    near = torch.zeros_like(power, dtype=torch.bool)
    for sign in (1, -1):  # a real picture's spectrum has each frequency twice
        near[((sign * down + around) % BLOCK)[:, None], ((sign * right + around) % BLOCK)[None, :]] = True
    peak = float(power[near].sum())
    return peak / total, peak**0.5
