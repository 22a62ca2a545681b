"""`srkit.exactness`: inside, no half precision and no card's shortcut; outside, all is as it was."""

import subprocess
import sys

import pytest
import torch

from srkit.evaluation.rows import Model, Photo
from srkit.evaluation.scoring import score
from srkit.exactness import all_bits, at_least_float32

CPU = torch.device("cpu")


def test_inside_autocast_products_keep_float32() -> None:
    one, other = torch.rand(8, 8), torch.rand(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (one @ other).dtype == torch.bfloat16
        with all_bits(CPU):
            assert torch.equal(one @ other, one.matmul(other)) and (one @ other).dtype == torch.float32
        assert (one @ other).dtype == torch.bfloat16


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_a_card_s_shortcuts_are_off_inside_and_given_back_even_after_an_error(precision: str) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision(precision)
        with pytest.raises(ZeroDivisionError), all_bits(torch.device("cuda")):
            assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cudnn.allow_tf32
            raise ZeroDivisionError
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == (precision, before[1])
    finally:
        torch.set_float32_matmul_precision(before[0])


NEWER = """
import torch
from srkit.exactness import all_bits

torch.backends.cuda.matmul.fp32_precision = "tf32"
for name in ("cpu", "cuda"):
    with all_bits(torch.device(name)):
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
"""


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="this torch has none of them")
def test_torch_s_newer_settings_which_exclude_the_older_are_left_alone() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", NEWER], check=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="about machines without a card")
def test_on_the_cpu_no_setting_of_a_card_is_touched() -> None:
    before = torch.backends.cudnn.allow_tf32
    with all_bits(CPU):
        assert torch.backends.cudnn.allow_tf32 == before


def test_a_generator_is_judged_with_all_bits_and_its_scores_are_too() -> None:
    class Seen(torch.nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            seen.append(torch.is_autocast_enabled("cpu"))
            return torch.nn.functional.interpolate(lr, scale_factor=2)

    def metric(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return (sr - hr).abs().mean((1, 2, 3))

    metric.unit, metric.higher_is_better = "", False  # type: ignore[attr-defined]
    seen: list[bool] = []
    photo = Photo("a", torch.zeros(3, 16, 16, dtype=torch.uint8), torch.zeros(3, 8, 8, dtype=torch.uint8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        score(Model("m", Seen()), [photo], {"own": metric}, scale=2)  # type: ignore[dict-item]
    assert seen and not any(seen)


def test_half_precisions_become_float32_and_others_stay() -> None:
    for dtype, wanted in ((torch.float16, torch.float32), (torch.bfloat16, torch.float32), (torch.float64,) * 2):
        assert at_least_float32(torch.ones(1, dtype=dtype)).dtype == wanted
    assert all_bits(torch.device("meta")).__enter__() is None
