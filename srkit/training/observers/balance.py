"""Warnings about two players out of balance, colours that drift, and gradients that are lost in fp16."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from srkit.hooks import hookimpl
from srkit.training.observers.grid import strongest_grid
from srkit.training.run import Pictures, Run

WON = 0.99
WON_LINES = 5
SURE = 0.05
DRIFTED_LEVELS, DRIFTED_TIMES, DRIFTED_SPREADS = 5.0, 4.0, 2.0
DRIFTED_LINES = 8
COLOURS = ("red", "green", "blue")
VANISHED = 0.5
VANISHED_LINES = 3
SKIPPED = 0.5
SKIPPED_LINES = 2
GRID_PROMINENCE, GRID_LEVELS = 10.0, 1.0
GRID_VALIDATIONS = 2
GRID_FALLS = 0.8
YOUNG = 400
"""Steps before which nothing is said of colours and patterns: a generator begins with both wrong."""
SETTLES = 20
"""Steps in which fp16's loss scale comes down from where it starts, at the cost of an update for each halving."""


class Balance:
    """Looks at the numbers of each log step and at validation pictures, and warns once of each thing.

    - The discriminator has won: in 5 log lines in succession it judges at least 99% of originals and of fakes right,
      and its loss (without penalties) is at most a twentieth of the largest it has had. Being right alone is no
      victory: while its loss is well above 0, it is not sure, and the generator learns from it.
    - The colours drift: over 8 log lines a channel of SR is brighter or darker than the LR's by over 5 levels of 255 in
      the mean, by over 4 times its mean over the calmest 8 so far, and by over twice their standard deviation: a
      generator that has yet to learn the colours does not drift, nor one whose high learning rate has them waver.
    - The generator repeats a pattern: with a discriminator at work, in over half of the pictures of 2 validations in
      succession a frequency stands out 10 times from the ones around it, by a level of 255 or more; see
      `strongest_grid`. Where it falls by a fifth or more from one validation to the next, it is on its way out: what a
      pixel shuffle begins with.
    - fp16: at least half of a role's updates were skipped in 2 log lines in succession, or half of its gradient's
      elements are 0 in 3.

    Colours and patterns count from step 400 on, skipped updates from step 21 on: a run begins with all of them.
    """

    def __init__(self) -> None:
        self.streaks: dict[str, int] = {}
        self.shifts: dict[str, list[float]] = {}
        self.calmest: dict[str, float] = {}
        self.worst = 0.0
        self.grid = 0.0
        self.plays = False
        self.said: list[str] = []

    @hookimpl
    def srkit_run_start(self, run: Run) -> None:
        for sentence in self.said:
            run.warn(sentence)

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None:
            return
        self.plays = "discriminator" in metrics
        if self._lasts("won", self._is_sure(metrics), WON_LINES):
            self._warn(run, "won", f"step {step}: {_WON}")
        for colour in COLOURS:
            drift = self._drift(colour, metrics.get(f"colour_shift/{colour}", 0.0))
            if drift and step >= YOUNG:
                way = "more" if drift > 0 else "less"
                self._warn(
                    run, "drift", f"step {step}: SR has {abs(drift):.0f} levels {way} {colour} than LR; {_DRIFT}"
                )
        for role in metrics["lr"]:
            zeros = metrics.get(f"zero_gradients/{role}", 0.0)
            skipped = metrics.get(f"skipped/{role}", 0.0) / max(1.0, metrics.get(f"updates/{role}", 0.0))
            if self._lasts(f"zeros/{role}", zeros >= VANISHED, VANISHED_LINES):
                self._warn(run, f"zeros/{role}", f"step {step}: {zeros:.0%} of the {role}'s gradient is 0; {_ZEROS}")
            if self._lasts(f"skipped/{role}", skipped >= SKIPPED and step > SETTLES, SKIPPED_LINES):
                self._warn(run, f"skipped/{role}", f"step {step}: most updates of the {role} are skipped; {_SKIPPED}")

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, pictures: Pictures) -> None:
        with_originals = [views for views in pictures.values() if "hr" in views]
        found = [strongest_grid(views["sr"], views["hr"]) for views in with_originals]
        grids = [levels for prominence, levels in found if prominence >= GRID_PROMINENCE and levels >= GRID_LEVELS]
        before, self.grid = self.grid, statistics.fmean(grids) if len(grids) * 2 > len(found) else 0.0
        repeats = self.plays and self.grid > 0 and self.grid >= GRID_FALLS * before
        if self._lasts("pattern", repeats and step >= YOUNG, GRID_VALIDATIONS):
            self._warn(run, "pattern", f"step {step}: {_PATTERN}")

    def _is_sure(self, metrics: Mapping[str, Any]) -> bool:
        """Whether the discriminator is right nearly everywhere and has next to nothing left to learn from it."""
        loss = metrics.get("discriminator/logits", metrics.get("discriminator", 0.0))
        self.worst = max(self.worst, loss)
        right = min(metrics.get(f"discriminator/accuracy_{which}", 0.0) for which in ("real", "fake"))
        return right >= WON and 0 <= loss <= SURE * self.worst  # a critic's loss may be negative

    def _drift(self, colour: str, shift: float) -> float:
        """The mean of the last lines' shifts where it is far from that of the calmest ones, else 0."""
        last = self.shifts[colour] = [*self.shifts.get(colour, []), shift][-DRIFTED_LINES:]
        if len(last) < DRIFTED_LINES:
            return 0.0
        mean = sum(last) / DRIFTED_LINES
        calmest = self.calmest[colour] = min(self.calmest.get(colour, math.inf), abs(mean))
        least = max(DRIFTED_LEVELS, DRIFTED_TIMES * calmest, DRIFTED_SPREADS * statistics.pstdev(last))
        return mean if abs(mean) > least else 0.0

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
        shifts = {colour: list(shifts) for colour, shifts in self.shifts.items()}
        numbers = {"shifts": shifts, "calmest": dict(self.calmest), "worst": self.worst, "grid": self.grid}
        return {"streaks": dict(self.streaks), "said": list(self.said), "plays": self.plays, **numbers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.streaks, self.said = dict(state["streaks"]), list(state["said"])
        self.shifts, self.calmest = dict(state["shifts"]), dict(state["calmest"])
        self.worst, self.grid, self.plays = state["worst"], state["grid"], state["plays"]


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
