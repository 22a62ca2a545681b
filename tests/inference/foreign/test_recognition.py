"""Anyone's network can recognise files; one that fails, leaves something over or has a rival is told about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from srkit.contracts import Foreign
from srkit.errors import OptionError, UserError
from srkit.inference.foreign.recognition import recognize
from srkit.registry import KINDS, Registry


class Plain(nn.Module):
    """A network of somebody else's."""

    def __init__(self, scale: int, width: int = 2) -> None:
        super().__init__()
        if width > 5:
            raise OptionError("width", f"at most 5, got {width}.")
        self.head = nn.Conv2d(3, width, 1)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """Anything with a `first`; for `srkit import`."""
        if "first.weight" not in weights:
            return None
        renamed = {name.replace("first", "head"): tensor for name, tensor in weights.items()}
        return Foreign("the plain layout", {"scale": 2, "width": weights["first.weight"].shape[0]}, renamed)


class Rival(Plain):
    """Takes the same files."""


class Failing(Plain):
    """Cannot look at a file."""

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        return weights["absent"]  # type: ignore[return-value]


class Silent(nn.Module):
    """Recognises nothing, as most networks."""

    def __init__(self, scale: int) -> None:
        super().__init__()


def offering(**networks: type[nn.Module]) -> Registry:
    registry = Registry()
    registry.register(KINDS["generators"], **networks)
    return registry


def written(folder: Path, **more: Tensor) -> Path:
    torch.save({"first.weight": torch.rand(4, 3, 1, 1), "first.bias": torch.rand(4), **more}, folder / "file.pth")
    return folder / "file.pth"


def test_a_third_partys_network_is_asked_and_loaded(tmp_path: Path) -> None:
    found = recognize(written(tmp_path), offering(plain=Plain, silent=Silent))
    assert (found.role, found.component.use, found.foreign.layout) == ("generator", "here:plain", "the plain layout")
    saved = torch.load(tmp_path / "file.pth", weights_only=True)
    assert torch.equal(found.network.get_parameter("head.weight"), saved["first.weight"])


def test_building_it_leaves_the_global_stream_alone(tmp_path: Path) -> None:
    file, before = written(tmp_path), torch.get_rng_state()
    recognize(file, offering(plain=Plain))
    assert torch.equal(before, torch.get_rng_state())


def test_two_that_take_a_file_for_theirs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="here:plain .the plain layout. and here:rival .* take these weights"):
        recognize(written(tmp_path), offering(plain=Plain, rival=Rival))


def test_one_that_fails_keeps_no_other_from_its_file(tmp_path: Path) -> None:
    for networks in ({"failing": Failing, "plain": Plain}, {"plain": Plain, "failing": Failing}):
        assert recognize(written(tmp_path), offering(**networks)).component.name == "plain"


def test_one_that_fails_is_named_where_nobody_knows_the_file(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no network knows these weights") as caught:
        recognize(tmp_path / "other.pth", offering(plain=Plain, failing=Failing))
    assert "generator 'here:failing' failed while it looked at the file: KeyError: 'absent'" in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_what_is_left_over_or_cannot_be_built_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="looks like the plain layout .*: 1 not in the network: odd"):
        recognize(written(tmp_path, odd=torch.zeros(1)), offering(plain=Plain))
    large = written(tmp_path, **{"first.weight": torch.rand(6, 3, 1, 1), "first.bias": torch.rand(6)})
    with pytest.raises(UserError, match="looks like the plain layout .*, but width: at most 5, got 6"):
        recognize(large, offering(plain=Plain))


def test_what_is_known_is_listed_from_the_networks_themselves(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(
        UserError, match=r"(?s)no network knows these weights: other \(2,\)\..*  plain: Anything with a"
    ):
        recognize(tmp_path / "other.pth", offering(plain=Plain, silent=Silent))
