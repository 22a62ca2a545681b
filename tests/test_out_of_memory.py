"""Out of memory is told apart from other errors, whatever it is called."""

from __future__ import annotations

import pytest
import torch

from srkit.out_of_memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("unable to mmap 300000080 bytes from file <x.safetensors>: Cannot allocate memory (12)"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        RuntimeError("could not create a memory object"),
    ],
)
def test_it_is_recognised_whatever_it_is_called(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("size mismatch"),
        RuntimeError("could not create a primitive descriptor for the convolution forward propagation primitive"),
        RuntimeError("could not create a memory descriptor from blob"),
        ValueError("out of memory"),
    ],
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_the_real_refusal_of_the_cpu_allocator_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
