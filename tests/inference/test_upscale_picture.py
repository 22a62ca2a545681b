"""One photo through a generator: 8 bit in and out, modes, memory, half precision."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from srkit.contracts import GeneratorOutput
from srkit.errors import SrkitError, UserError
from srkit.inference.forward import from_eight_bit, to_eight_bit
from srkit.inference.upscale import upscale


class Nearest(nn.Module):
    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, lr: Tensor) -> Tensor:
        return lr.repeat_interleave(2, -1).repeat_interleave(2, -2) + self.offset


class Overflowing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.dirac_(self.conv.weight)
        self.conv.weight.data *= 1e6

    def forward(self, lr: Tensor) -> Tensor:
        return Nearest()(self.conv(lr).float() / 1e6)


def picture(height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels_last", [False, True])
def test_whole_picture_comes_out_in_8_bit(channels_last: bool) -> None:
    image = picture()
    result = upscale(Nearest(), image, channels_last=channels_last)
    assert result.dtype == np.uint8 and result.flags.c_contiguous
    assert np.array_equal(result, image.repeat(2, 0).repeat(2, 1))


def test_result_is_clamped_and_rounded() -> None:
    image = picture()
    expected = np.clip(image.astype(np.float64) + 0.3 * 255, 0, 255).round().repeat(2, 0).repeat(2, 1)
    gap = np.abs(upscale(Nearest(0.3), image).astype(np.float64) - expected)
    assert gap.max() <= 1 and (gap == 0).mean() > 0.4  # 76.5 lies on an edge that float32 takes either way


def test_every_8_bit_value_survives_the_way_there_and_back() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_eight_bit(from_eight_bit(values)), values)
    assert to_eight_bit(torch.tensor([-1.0, 2.0, 0.4999 / 255, 0.5001 / 255])).tolist() == [0, 255, 0, 1]


def test_views_with_odd_strides_and_read_only_arrays_are_taken() -> None:
    image = picture()
    image.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(upscale(Nearest(), image[::-1, ::-1]), upscale(Nearest(), image)[::-1, ::-1])


def test_generator_output_is_unwrapped() -> None:
    image = picture()
    assert np.array_equal(upscale(lambda lr: GeneratorOutput(Nearest()(lr)), image), upscale(Nearest(), image))


def test_modes_come_back() -> None:
    network: Any = nn.Sequential(Nearest(), nn.Sequential(nn.Dropout(), nn.Dropout())).train()
    network[1][0].eval()
    before = [part.training for part in network.modules()]
    assert np.array_equal(upscale(network, picture()), upscale(Nearest(), picture()))
    assert [part.training for part in network.modules()] == before


def test_overflow_in_half_precision_is_done_again_in_fp32_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="overflows float16 and was computed again in float32"):
        result = upscale(Overflowing(), picture(), autocast=torch.float16)
    assert np.array_equal(result, upscale(Nearest(), picture()))


def test_half_precision_that_suffices_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        upscale(Overflowing(), picture(), autocast=torch.bfloat16)


def test_picture_that_is_not_finite_in_fp32_is_refused() -> None:
    with pytest.raises(SrkitError, match="not finite.*Use an earlier checkpoint"):
        upscale(Nearest(float("nan")), picture())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        MemoryError(),
    ],
)
def test_out_of_memory_says_what_to_do(error: Exception) -> None:
    def full(lr: Tensor) -> Tensor:
        raise error

    with pytest.raises(SrkitError, match=r"cpu cannot upscale a picture of 7 x 5 pixels whole.*3 x 2 pixels") as caught:
        upscale(full, picture())
    assert not isinstance(caught.value, UserError)
    assert caught.value.__context__ is None and caught.value.__cause__ is None


def test_other_errors_pass() -> None:
    def broken(lr: Tensor) -> Tensor:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        upscale(broken, picture())


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_anything_but_8_bit_rgb_is_a_mistake_of_the_caller(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        upscale(Nearest(), image)
