"""The warnings along the way: each criterion met, just missed, and kept through a resume; no alarm where all is well."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from srkit.hooks import hookimpl
from srkit.training.observers.balance import (
    DRIFTED_LINES,
    GRID_LEVELS,
    GRID_PROMINENCE,
    SETTLES,
    WON_LINES,
    YOUNG,
    Balance,
)
from srkit.training.observers.grid import strongest_grid
from srkit.training.run import Run
from tests.execution.support import PLAIN, changed, prepared, run


def watched(*lines: dict[str, float], watcher: Balance | None = None) -> list[str]:
    """What is said about these log lines."""
    said: list[str] = []
    one = SimpleNamespace(warn=said.append)
    watcher = watcher or Balance()
    for number, line in enumerate(lines, YOUNG):
        watcher.srkit_step_end(one, number, {"lr": {"generator": 1e-4, "discriminator": 1e-4}, **line})  # type: ignore[arg-type]
    return said


def accuracy(real: float, fake: float, loss: float = 0.01) -> dict[str, float]:
    return {"discriminator/accuracy_real": real, "discriminator/accuracy_fake": fake, "discriminator": loss}


UNTRAINED = accuracy(0.5, 0.5, 0.7)


def test_a_discriminator_that_is_always_right_has_won() -> None:
    (said,) = watched(UNTRAINED, *[accuracy(0.995, 1.0)] * (WON_LINES + 5))
    assert f"step {YOUNG + WON_LINES}: the discriminator has won" in said and "lower its learning rate" in said
    assert not watched(UNTRAINED, *[accuracy(0.98, 1.0)] * 20)
    assert not watched(UNTRAINED, *[accuracy(1.0, 1.0, 0.2)] * 20)  # right, but not sure: a healthy run's
    assert not watched(UNTRAINED, *[accuracy(1.0, 1.0, -3.0)] * 20)  # a critic's
    assert not watched(UNTRAINED, *([accuracy(1.0, 1.0)] * (WON_LINES - 1) + [accuracy(0.9, 1.0)]) * 3)
    assert not watched(*[{}] * 20)


def shifted(*shifts: float) -> list[str]:
    return watched(
        *({"colour_shift/red": one, "colour_shift/green": -one / 2, "colour_shift/blue": 0.0} for one in shifts)
    )


def test_colours_drift_only_from_where_they_were_right() -> None:
    right = [1.5, -1.0, 0.5, 0.8, -0.5, 0.1, 0.9, -0.3]
    (said,) = shifted(30.0, 9.0, *right, *[9.0] * DRIFTED_LINES)
    assert f"step {YOUNG + 16}: SR has 8 levels more red than LR; raise the pixel loss's weight" in said
    (said,) = shifted(*right, *[-9.0] * DRIFTED_LINES)
    assert "SR has 8 levels less red than LR" in said
    assert not shifted(30.0, 20.0, 9.0, 8.0, 7.0, 3.0, 3.0, 3.0, *[4.0] * 20)
    assert not shifted(*right, *[12.0, -11.0, 8.0, -13.0] * 10)  # a learning rate too high to settle, on both sides
    assert not shifted(*right, 12.0, 9.0, 7.0, 6.0, 0.1, 0.1, 0.1, 0.1)  # a wave that ends
    assert not shifted(*right, 14.0, 11.0, -1.0, 2.0, 9.0, 1.0, 8.0, 0.0, 2.0)  # learning rate too high, on one side


def test_fp16_s_losses_are_told_by_role() -> None:
    (said,) = watched(*[{"zero_gradients/generator": 0.6, "updates/generator": 10.0, "skipped/generator": 4.0}] * 5)
    assert "60% of the generator's gradient is 0; gradients vanish in fp16" in said
    (said,) = watched(*[{"updates/discriminator": 100.0, "skipped/discriminator": 50.0}] * 5)
    assert "most updates of the discriminator are skipped" in said
    # of ten a step
    assert not watched(*[{"updates/discriminator": 100.0, "skipped/discriminator": 49.0}] * 5)


def test_streaks_and_what_was_said_go_through_a_resume() -> None:
    first, second, third = Balance(), Balance(), Balance()
    assert not watched(UNTRAINED, *[accuracy(1, 1)] * (WON_LINES - 1), watcher=first)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    said = watched(accuracy(1, 1), watcher=second)
    assert len(said) == 1
    third.load_state_dict(json.loads(json.dumps(second.state_dict())))
    again: list[str] = []
    third.srkit_run_start(SimpleNamespace(warn=again.append))  # type: ignore[arg-type]
    assert again == said
    assert not watched(*[{}, *[accuracy(1, 1)] * WON_LINES], watcher=third)


def photo() -> torch.Tensor:
    from srkit.components.datasets.sample_photos import SamplePhotos

    data = SamplePhotos(split="validate")
    return torch.from_numpy(data[0][:200, :230].copy()).permute(2, 0, 1)


@pytest.mark.parametrize("period", [2, 3, 4, 8])
def test_a_grid_over_the_picture_is_a_pattern(period: int) -> None:
    hr = photo()
    right = torch.arange(hr.shape[-1])
    grid = 8 * torch.cos(2 * torch.pi * right / period)
    prominence, levels = strongest_grid((hr.float() + grid).clamp(0, 255).to(torch.uint8), hr)
    assert prominence > GRID_PROMINENCE
    assert levels == pytest.approx(8 if period == 2 else 8 / 2**0.5, rel=0.15)  # the root mean square of a cosine


@pytest.mark.parametrize("side", [1, 2])
def test_a_faint_checkerboard_on_a_soft_picture_is_a_pattern(side: int) -> None:
    """What zero-initialised upsampling leaves: 2 levels, lost among the 20 that the picture lacks in detail."""
    hr = photo()
    soft = torch.nn.functional.avg_pool2d(hr.float()[None], 5, 1, 2)[0]
    down, right = (torch.arange(length) // side % 2 for length in hr.shape[-2:])
    board = (down[:, None] ^ right).float() * 4 - 2
    prominence, levels = strongest_grid((soft + board).clamp(0, 255).round().to(torch.uint8), hr)
    assert prominence > 100 and 1 < levels < 2.2


def test_blur_noise_and_wrong_colours_are_none() -> None:
    hr = photo()
    soft = torch.nn.functional.avg_pool2d(hr.float()[None], 5, 1, 2)[0].to(torch.uint8)
    noisy = (hr.float() + torch.randn(hr.shape, generator=torch.Generator().manual_seed(1)) * 12).clamp(0, 255)
    for sr in (soft, noisy.to(torch.uint8), (hr.float() * 0.8).to(torch.uint8), hr):
        assert strongest_grid(sr, hr)[0] < GRID_PROMINENCE / 2
    assert strongest_grid(hr[:, :40], hr[:, :40]) == (0.0, 0.0)


def test_a_photo_s_own_stripes_are_none_even_where_they_are_lost() -> None:
    hr = photo()
    striped = (hr.float() + 20 * torch.cos(torch.pi / 2 * torch.arange(hr.shape[-1]))).clamp(0, 255).to(torch.uint8)
    for sr in (striped, hr, (striped * 0.5 + hr * 0.5).to(torch.uint8)):
        prominence, levels = strongest_grid(sr, striped)
        assert prominence < GRID_PROMINENCE / 2 or levels < GRID_LEVELS / 2


def striped(hr: torch.Tensor, levels: float) -> torch.Tensor:
    grid = levels * torch.cos(torch.pi * torch.arange(hr.shape[-1]))
    return (hr.float() + grid).clamp(0, 255).to(torch.uint8)


def repeated(*levels: float | None, plays: bool = True) -> list[str]:
    """What is said where SR has stripes of so many levels at each validation; None is one without pictures."""
    hr, said = photo(), []
    watcher, one = Balance(), SimpleNamespace(warn=said.append)
    watcher.srkit_step_end(one, 1, {"lr": {}, **({"discriminator": 0.7} if plays else {})})  # type: ignore[arg-type]
    for step, level in enumerate(levels, YOUNG):
        pictures = {} if level is None else {"a": {"sr": striped(hr, level), "hr": hr}}
        watcher.srkit_validation_end(one, step, pictures)  # type: ignore[arg-type]
    return said


def test_a_pattern_takes_two_validations_and_a_game() -> None:
    (said,) = repeated(20, 0, 20, 20, 20, None)
    assert f"step {YOUNG + 3}: the generator repeats a pattern" in said
    assert not repeated(20, 20, 20, plays=False)  # pixels alone: a pixel shuffle that has yet to learn
    assert not repeated(20, 15, 11, 8, 6, 4, 3, 0)  # on its way out
    assert repeated(20, 15, 11, 11, 11)


def test_nothing_is_said_of_what_a_run_begins_with() -> None:
    watcher, said = Balance(), []
    one = SimpleNamespace(warn=said.append)
    hr = photo()
    for step in range(1, YOUNG):
        shift = 0.1 if step < 10 else 40.0
        halving = {"updates/generator": 1.0, "skipped/generator": float(step <= SETTLES)}
        line = {"lr": {"generator": 1e-4}, "discriminator": 0.7, "colour_shift/red": shift, **halving}
        watcher.srkit_step_end(one, step, line)  # type: ignore[arg-type]
    for step in (1, 2, 3, YOUNG - 1):
        watcher.srkit_validation_end(one, step, {"a": {"sr": striped(hr, 20), "hr": hr}})  # type: ignore[arg-type]
    assert not said


class Doubt:
    """A plugin that warns."""

    @hookimpl
    def srkit_step_end(self, run: Run, step: int) -> None:
        run.warn("something is odd")


def test_a_warning_is_said_once_and_stands_in_manifest_and_scores(tmp_path: Path) -> None:
    notices: list[str] = []
    run(prepared(tmp_path, changed(PLAIN, steps="3")), out=tmp_path / "out", observers={"x": Doubt()}, notices=notices)
    assert notices.count("warning: something is odd") == 1
    assert "something is odd" in json.loads((tmp_path / "out/manifest.json").read_text())["warnings"]
    rows = json.loads((tmp_path / "out/scores.json").read_text())["rows"]
    assert ["something is odd" in row["warnings"] for row in rows] == [False, True]
