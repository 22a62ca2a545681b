"""`.pth` files by strangers: whole ones are read as before, and nothing of another is believed, allocated or run."""

from __future__ import annotations

import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from srkit.weight_files.refusals import DamagedWeights, MoreThanWeights, ScriptFile
from srkit.weight_files.torch_files import load_torch_file, outline_torch_file
from tests.weight_files.forged import Call, Stored, archive, legacy, pickled, tensor

ONE = struct.pack("<f", 1.0)
HUGE = 10**12


@pytest.mark.parametrize("zipped", [True, False])
def test_whatever_training_programs_save_is_read(zipped: bool, tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(network.parameters())
    sum(one.sum() for one in network.parameters()).backward()  # type: ignore[union-attr]  # a sum of tensors is one
    optimizer.step()
    shared = torch.rand(4, 4)
    content = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "parameter": torch.nn.Parameter(torch.rand(2)),
        "views": [shared, shared[1:, 2], shared.t()],
        "half": torch.rand(3).bfloat16(),
        "facts": (1, 2**40, -1.5, True, None, b"x", {1, 2}, torch.float32, torch.device("cpu"), torch.Size([2])),
        "table": OrderedDict(a=OrderedDict(b=torch.zeros(0))),
    }
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    read = load_torch_file(tmp_path / "a.pth")
    assert read.keys() == content.keys()
    assert all(torch.equal(read["network"][name], one) for name, one in network.state_dict().items())
    outline = outline_torch_file(tmp_path / "a.pth")
    assert {name: one.shape for name, one in outline["network"].items()} == {
        name: one.shape for name, one in network.state_dict().items()
    }
    assert outline["half"].dtype == torch.bfloat16 and all(one.is_meta for one in outline["views"])
    assert outline["views"][2].shape == (4, 4)


def tied(tree: Any) -> Any:
    tree["again"] = tree
    return tree


def wide(levels: int) -> list[Any]:
    """Lists of the same lists: few instructions, and for ever to walk through."""
    one: list[Any] = []
    for _ in range(levels):
        one = [one] * 10
    return one


def deep(levels: int) -> Any:
    one: Any = 0
    for _ in range(levels):
        one = {"params": one}
    return one


FORGED: dict[str, tuple[Callable[[], Any], dict[str, bytes], str]] = {
    "expanded out of one value": (lambda: {"a": tensor((HUGE,), elements=1, stride=(0,))}, {"0": ONE}, "claims 1,000"),
    "more than is stored": (lambda: {"a": tensor((HUGE,), elements=1)}, {"0": ONE}, "and 1 are stored"),
    "behind what is stored": (lambda: {"a": tensor((1,), elements=1, offset=HUGE)}, {"0": ONE}, "and 1 are stored"),
    "strides beyond it": (lambda: {"a": tensor((2, 2), elements=4, stride=(HUGE, 1))}, {"0": 4 * ONE}, "up to the"),
    "a negative stride": (lambda: {"a": tensor((2,), elements=2, stride=(-1,))}, {"0": 2 * ONE}, "the stride"),
    "nothing of any size": (lambda: {"a": tensor((HUGE, 0), elements=1)}, {"0": ONE}, "claims the shape"),
    "a storage that is not there": (lambda: {"a": tensor((HUGE,), elements=HUGE)}, {"0": ONE}, "says 4,000,000,"),
    "one storage counted often": (
        lambda: {str(n): tensor((9,), elements=9) for n in range(99)},
        {"0": 9 * ONE},
        "its tensors claim",
    ),
    "layers without end": (lambda: {"body.999999999.weight": tensor((1,), elements=1)}, {"0": ONE}, "so many layers"),
    "too many tensors": (lambda: {f"a{n}": tensor((1,), elements=1) for n in range(60_000)}, {"0": ONE}, "names 60,0"),
    "meta": (
        lambda: {"a": Call(torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (HUGE,), (1,), False)},
        {},
        "without values",
    ),
    "a storage on meta": (
        lambda: {"a": Call(torch._utils._rebuild_tensor, Stored("0", 1, location="meta"), 0, (1,), (1,))},
        {"0": ONE},
        "without values",
    ),
    "a table in itself": (lambda: tied({}), {}, "holds itself"),
    "too deep": (lambda: deep(90), {}, "deep in each other"),
    "without end": (lambda: b"\x80\x02}", {}, "has no end|cannot be read"),
    "a long table": (lambda: b"\x80\x02" + b"K\x01" * 2_000_000 + b".", {}, "longer than"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_the_bytes_do_not_bear_out_is_refused_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, storages, words = FORGED[name]
    file = archive(tmp_path / "a.pth", make(), storages)
    monkeypatch.setattr(torch, "load", unreached)
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(DamagedWeights, match=words):
        load_torch_file(file)
    seconds, (_, most) = time.monotonic() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 30 and most < 300_000_000  # tracing takes most of the time


def unreached(*_: object, **__: object) -> None:
    raise AssertionError("torch was asked to read it")


def test_wide_tables_are_gone_through_once(tmp_path: Path) -> None:
    began = time.monotonic()
    outline_torch_file(archive(tmp_path / "a.pth", {"a": wide(20)}, {}))
    assert time.monotonic() - began < 5


class Marker:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def other_objects() -> dict[str, Any]:
    return {
        "a call": {"a": Marker()},
        "a class": {"a": Path},
        "a list's method": {"a": Call(getattr, [], "append")},
        "a sparse tensor": {"a": torch.eye(2).to_sparse()},
        "quantized": {"a": torch.quantize_per_tensor(torch.rand(2), 0.1, 0, torch.qint8)},
        "a module": {"a": torch.nn.Conv2d(1, 1, 1)},
        "a key that nests": {(((1,),),): 1},
        "state of a tensor": {"a": Call(torch._tensor._rebuild_from_type_v2, torch.rand, torch.Tensor, (), {})},
    }


@pytest.mark.parametrize("name", other_objects())
@pytest.mark.parametrize("zipped", [True, False])
def test_more_than_weights_is_never_made(
    name: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(other_objects()[name], "a.pth", _use_new_zipfile_serialization=zipped)
    monkeypatch.setattr(torch, "load", unreached)
    with pytest.raises(MoreThanWeights):
        load_torch_file(Path("a.pth"))
    assert os.listdir() == ["a.pth"]


def whole(tmp_path: Path) -> Path:
    torch.save({"weight": torch.arange(100.0), "bias": torch.ones(3)}, tmp_path / "a.pth")
    return tmp_path / "a.pth"


def test_every_flipped_bit_of_a_value_is_noticed(tmp_path: Path) -> None:
    content = whole(tmp_path).read_bytes()
    place = content.index(torch.ones(3).numpy().tobytes()) + 3
    (tmp_path / "a.pth").write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
    assert torch.load(tmp_path / "a.pth", weights_only=True)["bias"][0] != 1  # torch alone loads it
    with pytest.raises(DamagedWeights, match=r"the checksum of a/data/1 does not fit"):
        load_torch_file(tmp_path / "a.pth")


def with_member(file: Path, name: str, content: bytes = b"x") -> None:
    with zipfile.ZipFile(file, "a") as target:
        target.writestr(name, content)


@pytest.mark.parametrize(
    "name", ["../a", "/etc/a", "a/../../b", "a/data/../x", "C:/a", "a/A\\b", "b/other", "a/DATA.pkl"]
)
def test_members_are_named_as_torch_names_them(name: str, tmp_path: Path) -> None:
    with_member(whole(tmp_path), name)
    with pytest.raises(DamagedWeights, match=r"has a name that torch gives none|is not one folder"):
        load_torch_file(tmp_path / "a.pth")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with_member(whole(tmp_path), "a/data.pkl")
    with pytest.raises(DamagedWeights, match="or one twice"):
        load_torch_file(tmp_path / "a.pth")


def test_a_compressed_member_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "a.pth", {"a": tensor((10**8,), elements=10**8)}, {}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as target, target.open("x/data/0", "w") as storage:
        for _ in range(40):
            storage.write(bytes(10**7))
    assert bomb.stat().st_size < 10**6
    with pytest.raises(DamagedWeights, match="is compressed"):
        load_torch_file(bomb)


@pytest.mark.parametrize("change", ["before", "behind", "between", "cut", "another local name"])
def test_the_members_add_up_to_the_file(change: str, tmp_path: Path) -> None:
    content = whole(tmp_path).read_bytes()
    if change == "before":
        content = b"x" * 40 + content
    elif change == "behind":
        content += b"x" * 40
    elif change == "cut":
        content = content[:-10]
    elif change == "another local name":
        content = content.replace(b"a/version", b"a/versiom", 1)
    else:
        (tmp_path / "a.pth").unlink()
        with zipfile.ZipFile(tmp_path / "a.pth", "w") as target:
            target.writestr("x/data.pkl", pickled({"a": tensor((1,), elements=1)}))
            target.fp.write(b"x" * 100)  # type: ignore[union-attr]  # it is open
            target.start_dir = target.fp.tell()  # type: ignore[union-attr,misc]  # as above
            target.writestr("x/data/0", ONE)
        content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises((DamagedWeights, zipfile.BadZipFile)):
        load_torch_file(tmp_path / "a.pth")


def test_files_of_torch_before_1_6_add_up_too(tmp_path: Path) -> None:
    tree = {"a": tensor((2,), elements=2)}
    good = legacy(tmp_path / "a.pth", tree, {"0": (2, 2 * ONE)})
    assert outline_torch_file(good)["a"].shape == (2,)
    for count, content, words in (
        (2, ONE, "end at the byte"),
        (HUGE, ONE, "values, 2 are said"),
        (-1, b"", "are said"),
    ):
        with pytest.raises(DamagedWeights, match=words):
            load_torch_file(legacy(tmp_path / "b.pth", tree, {"0": (count, content)}))
    with pytest.raises(DamagedWeights, match="list of its storages"):
        load_torch_file(legacy(tmp_path / "b.pth", tree, {"1": (2, 2 * ONE)}))
    with pytest.raises(DamagedWeights, match="neither an archive of torch's nor"):
        (tmp_path / "c.pth").write_bytes(pickle.dumps({"a": 1}, 2))
        load_torch_file(tmp_path / "c.pth")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_program_is_no_file_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(3, 3, 1), torch.rand(1, 3, 4, 4)), str(tmp_path / "a.pth"))
    monkeypatch.setattr(torch, "load", unreached)
    monkeypatch.setattr(torch.jit, "load", unreached)
    with pytest.raises(ScriptFile, match="is a TorchScript program"):
        load_torch_file(tmp_path / "a.pth")
