"""`srkit.exactness`: inside, no half precision and no card's shortcut; outside, all is as it was."""

import pytest
import torch

from srkit.exactness import all_bits, at_least_float32

CPU = torch.device("cpu")


def test_inside_autocast_products_keep_float32() -> None:
    one, other = torch.rand(8, 8), torch.rand(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (one @ other).dtype == torch.bfloat16
        with all_bits(CPU):
            assert torch.equal(one @ other, one.matmul(other)) and (one @ other).dtype == torch.float32
        assert (one @ other).dtype == torch.bfloat16


@pytest.mark.parametrize("allowed", [True, False])
def test_a_card_s_shortcuts_are_off_inside_and_given_back_even_after_an_error(allowed: bool) -> None:
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        products.allow_tf32 = convolutions.allow_tf32 = allowed
        with pytest.raises(ZeroDivisionError), all_bits(CPU):
            assert not products.allow_tf32 and not convolutions.allow_tf32
            raise ZeroDivisionError
        assert products.allow_tf32 == convolutions.allow_tf32 == allowed
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def test_half_precisions_become_float32_and_others_stay() -> None:
    for dtype, wanted in ((torch.float16, torch.float32), (torch.bfloat16, torch.float32), (torch.float64,) * 2):
        assert at_least_float32(torch.ones(1, dtype=dtype)).dtype == wanted
    assert all_bits(torch.device("meta")).__enter__() is None
