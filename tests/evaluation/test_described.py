"""How a table's caption names what made the LR images."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.evaluation.described import described
from srkit.experiment import complete, read_experiment
from srkit.registry import Registry

NESTED = """
scale = 2
steps = 1
[data]
train = { use = "sample-photos", split = "train" }
[generator]
use = "espcn"
[[pixel_loss]]
use = "mse"
[[degradation]]
use = "random-choice"
choices = [{ use = "jpeg-codec", quality = [30, 60] }, { use = "webp", quality = 80 }]
"""


def test_components_inside_components_are_in_words_too(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(NESTED, encoding="utf-8")
    plan = complete(read_experiment(tmp_path / "x.toml"), Registry.installed())
    assert not plan.problems
    inner = "jpeg-codec (quality 30..60, subsampling 4:2:0) | webp (quality 80, effort 4)"
    assert described(plan.degradations[0]) == f"random-choice (probability 1.0, choices {inner})"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "all by default"),
        ("sigma = [0.2, 1.0]", "sigma 0.2..1.0, the rest by default"),
        ("sigma = [0.2, 3.0]", "all by default"),  # a resolved file writes the defaults out
    ],
)
def test_of_many_options_those_that_were_chosen_are_named(options: str, words: str, tmp_path: Path) -> None:
    pipeline = f'[lr_pipeline]\nuse = "real-esrgan"\n{options}\n'
    text = NESTED[: NESTED.index("[[degradation]]")].replace("scale = 2", "scale = 4") + pipeline
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    plan = complete(read_experiment(tmp_path / "x.toml"), Registry.installed())
    assert not plan.problems
    assert described(plan.picks[("lr_pipeline",)]) == f"real-esrgan ({words})"
