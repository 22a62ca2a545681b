"""Files of weights by strangers: whatever is in them, they are read whole or refused in words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.errors import UserError
from srkit.inference.initial import compared
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
        assert str(error).startswith(str(file)), error
        assert "weights_only" not in str(error)
    else:
        assert all(isinstance(one, torch.Tensor) for one in read.tensors.values())


@pytest.mark.parametrize("content", [{0: torch.ones(1)}, {"params": {0: torch.ones(1), "bias": torch.ones(1)}}])
def test_weights_without_names_are_refused_in_words(content: dict[object, object], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "numbered.pth")
    with pytest.raises(UserError, match=r"numbered\.pth holds no weights by name"):
        read_weights(tmp_path / "numbered.pth", "generator")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
@pytest.mark.parametrize(
    ("name", "loader"), [("a.pth", "torch.load"), ("a.safetensors", "srkit.inference.weights.load_file")]
)
def test_a_lack_of_memory_is_not_told_as_a_damaged_file(
    error: Exception, name: str, loader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(loader, full)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"{name} cannot be read: memory is at its end"):
        read_weights(tmp_path / name, "generator")


def test_a_file_that_was_cut_is_told_as_damaged(tmp_path: Path) -> None:
    file = tmp_path / "cut.pth"
    file.write_bytes(WHOLE[True][:-500])
    with pytest.raises(UserError, match=r"cut\.pth cannot be read, it is damaged"):
        read_weights(file, "generator")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(value: float, tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "b": torch.tensor([1.0, value])}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x.pth: b holds values that are not finite"):
        read_weights(tmp_path / "x.pth", "generator")


def test_of_two_wrappings_the_one_that_is_filled_counts(tmp_path: Path) -> None:
    torch.save({"params_ema": {}, "params": {"a": torch.ones(2)}}, tmp_path / "x.pth")
    assert list(read_weights(tmp_path / "x.pth", "generator").tensors) == ["a"]


def test_whole_numbers_in_place_of_fractions_do_not_fit() -> None:
    own = {"a": torch.ones(2), "count": torch.tensor(3)}
    fit = compared(own, {"a": torch.ones(2, dtype=torch.int8), "count": torch.tensor(5)})
    assert dict(fit.misshaped) == {"a": "int8 in the file, float32 here"}
    assert compared(own, {"a": torch.ones(2).half(), "count": torch.tensor(5)}).is_whole
