"""Files of weights by strangers: whatever is in them, they are read whole or refused in words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.errors import UserError
from srkit.inference.weights import read_weights

WEIGHTS = {f"layers.{index}.weight": torch.full((4, 4), float(index)) for index in range(5)}


def packed(zipped: bool) -> bytes:
    content = io.BytesIO()
    torch.save(WEIGHTS, content, _use_new_zipfile_serialization=zipped)
    return content.getvalue()


WHOLE = {zipped: packed(zipped) for zipped in (True, False)}


@pytest.mark.parametrize("zipped", WHOLE)
def test_both_of_torchs_formats_are_read(zipped: bool, tmp_path: Path) -> None:
    file = tmp_path / "whole.pth"
    file.write_bytes(WHOLE[zipped])
    read = read_weights(file, "generator").tensors
    assert read.keys() == WEIGHTS.keys()
    assert all(torch.equal(read[name], WEIGHTS[name]) for name in WEIGHTS)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zipped=st.booleans(), where=st.floats(0, 1), instead=st.binary(max_size=12), cut=st.booleans())
def test_a_damaged_file_is_refused_in_words_whatever_torch_makes_of_it(
    zipped: bool, where: float, instead: bytes, cut: bool, tmp_path: Path
) -> None:
    """torch raises IndexError, struct.error, AssertionError and others, as the bytes happen to say."""
    whole = WHOLE[zipped]
    place = int(where * len(whole))
    file = tmp_path / "damaged.pth"
    file.write_bytes(whole[:place] + instead + (b"" if cut else whole[place + len(instead) :]))
    try:
        read = read_weights(file, "generator")
    except UserError as error:
        assert str(error).startswith(f"{file} "), error
        assert "weights_only" not in str(error)
    else:
        assert all(isinstance(one, torch.Tensor) for one in read.tensors.values())
