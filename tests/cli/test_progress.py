"""What a person sees of a run while it lasts: lines that fit the terminal, with what matters in them."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from srkit.cli.progress import ProgressDisplay, groups, laid_out

GAN: dict[str, Any] = {
    "lr": {"generator": 1e-4, "discriminator": 1e-4},
    "l1": 0.0312345,
    "vgg19/conv5_4": 0.7,
    "vgg19": 0.71234,
    "relativistic-average": 2.3456,
    "discriminator/accuracy_real": 0.985,
    "discriminator/accuracy_fake": 0.912,
    "discriminator": 0.123456,
    "loss": 0.0456,
    "share/l1": 0.35,
    "share/vgg19": 0.45,
    "share/relativistic-average": 0.2,
    "gradient_norm/generator": 0.123,
    "gradient_norm/discriminator": 4.56,
    "colour_shift/red": 1.2,
    "colour_shift/green": -0.2,
    "images_per_second": 12.345,
    "waiting": 0.012,
}


@given(st.lists(st.lists(st.text("abc ()%", min_size=1, max_size=30), min_size=1, max_size=6), max_size=4))
def test_words_are_never_cut_and_lines_are_no_wider_than_they_must_be(words: list[list[str]]) -> None:
    lines = laid_out(words, 40)
    assert all(len(line) <= 40 for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(word for group in words for word in group).replace(" ", "")


def test_a_gan_s_numbers_fit_into_80_columns_in_three_groups() -> None:
    lines = laid_out(groups(GAN), 78)
    assert lines == [
        "l1 0.0312 (35%)  vgg19 0.712 (45%)  relativistic-average 2.35 (20%)",
        "discriminator 0.123  right on 98% real, 91% fake  gradients G 0.12, D 4.6",
        "loss 0.0456  12.3 img/s  wait 1%",
    ]
    plain = {"lr": {}, "mse": 0.01, "loss": 0.01, "images_per_second": 50.0, "waiting": 0.0}
    assert laid_out(groups(plain), 78) == ["mse 0.01  50 img/s  wait 0%"]
    assert "3 updates skipped" in groups(plain | {"skipped/generator": 3.0})[-1]


def test_the_moving_lines_of_a_long_name_keep_to_the_terminal() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system=None, legacy_windows=False)
    display = ProgressDisplay(console)
    run: Any = SimpleNamespace(
        name="a_run_with_a_name_that_tells_everything", total_steps=1_000_000, step=123_456, resumed_from=0
    )
    run.experiment = SimpleNamespace(log=SimpleNamespace(every=100_000))
    display.srkit_run_start(run)
    display.srkit_step_end(run, 123_456, GAN)
    assert display.bar is not None
    with console.capture() as capture:
        console.print(*display.bar.get_renderables(), sep="\n")
    display.srkit_run_end(run)
    lines = [re.sub(r"\x1b\[\S*?[A-Za-z]", "", line).rstrip() for line in capture.get().splitlines()]
    lines = [line for line in lines if line]
    assert all(len(line) <= 80 for line in lines)
    assert "123456/1000000" in lines[0] and lines[0].startswith("a_run_with_a_name") and len(lines) >= 4


def test_a_validation_is_counted_and_its_time_kept_out_of_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("srkit.cli.progress.time.monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, legacy_windows=False)
    display = ProgressDisplay(console)
    run: Any = SimpleNamespace(name="run", total_steps=100, step=0, resumed_from=0, on_judged=None)
    display.srkit_run_start(run)
    now[0] += 10
    display.srkit_step_end(run, 10, None)
    assert "1:30 left" in shown(display)
    run.on_judged(0, 30)
    now[0] += 500
    run.on_judged(7, 30)
    assert "validating 7/30" in shown(display)
    now[0] += 500
    display.srkit_validation_end(run, 10, {"psnr-y": 30.0})
    assert "validating" not in shown(display)
    now[0] += 10
    display.srkit_step_end(run, 20, None)
    assert "1:20 left" in shown(display)
    display.srkit_run_end(run)


def shown(display: ProgressDisplay) -> str:
    """What stands in the terminal."""
    assert display.bar is not None
    with display.console.capture() as capture:
        display.console.print(*display.bar.get_renderables(), sep="\n")
    return capture.get()
