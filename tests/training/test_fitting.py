"""A run refuses what would pass in silence: parameter groups that match nothing, a schedule that is never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.errors import ExperimentError
from tests.execution.support import GAN, PLAIN, prepared, run

BESIDE = """
from torch import nn


class Beside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 1, 3)

    def forward(self, image, lr):
        return self.head(image) + lr.mean()
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + '[[optimizer.group]]\nmatch = "tail.*"\n', "optimizer.group.1.match: no parameter of the generator"),
        (
            GAN.replace("[schedule]", '[[optimizer.discriminator.group]]\nmatch = "tail.*"\n[schedule]'),
            "optimizer.discriminator.group.1.match: no parameter of the discriminator",
        ),
        (
            GAN.replace("[schedule]", '[[optimizer.losses.group]]\nmatch = "Notches.tail"\n[schedule]'),
            r"optimizer.losses.group.1.match: no parameter of the losses has such a name. There are: Notches\.",
        ),
        (
            GAN.replace('use = "dilated"\nchannels = 4\ndropout = 0.3', 'use = "./beside.py:Beside"'),
            "adversarial_loss.shift_crop: the discriminator 'Beside' looks at the LR picture too",
        ),
        (
            PLAIN + '[[optimizer.group]]\nmatch = "*"\nlr_scale = 0\n',
            "optimizer.group: it freezes all parameters of the generator: nothing trains",
        ),
        (
            GAN.replace("[schedule]", '[[optimizer.discriminator.group]]\nmatch = "*"\nlr_scale = 0\n[schedule]'),
            "optimizer.discriminator.group: it freezes all parameters of the discriminator: nothing trains",
        ),
        (PLAIN + '[schedule]\nuse = "plateau"\n', "schedule.use: 'plateau' goes by the validations. Add validation"),
    ],
)
def test_what_would_have_no_effect_is_refused_before_training(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(BESIDE, encoding="utf-8")
    with pytest.raises(ExperimentError, match=said) as caught:
        run(prepared(tmp_path, text), out=tmp_path / "out")
    assert len(caught.value.problems) == 1 and not (tmp_path / "out/checkpoints").exists()
