"""Where VGG's weights come from: files of every kind, the cache, a download that fails, what is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from srkit.components.feature_losses import architectures
from srkit.components.feature_losses.architectures import convolutions
from srkit.components.feature_losses.vgg import vgg16
from srkit.errors import OptionError

PTH = "vgg16-397923af.pth"
SMALL = "vgg16-397923af-convolutions.safetensors"


@pytest.fixture(autouse=True)
def slim(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """VGGs of 2 to 6 channels, so that whole weight files take a few kilobytes."""
    monkeypatch.setattr(architectures, "CHANNELS", (2, 3, 4, 5, 6))
    convolutions.cache_clear()
    yield
    monkeypatch.undo()
    convolutions.cache_clear()


def torchvision_tensors(seed: int = 0) -> dict[str, Tensor]:
    """A state dict as torchvision's file has it, a little of the classifier included."""
    stream = torch.Generator().manual_seed(seed)
    tensors = {"classifier.0.weight": torch.zeros(4, 4)}
    for convolution in convolutions("vgg16"):
        key = f"features.{convolution.index}"
        tensors[f"{key}.weight"] = torch.randn(convolution.outputs, convolution.inputs, 3, 3, generator=stream)
        tensors[f"{key}.bias"] = torch.randn(convolution.outputs, generator=stream)
    return tensors


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def first_weight(loss: torch.nn.Module) -> Tensor:
    return loss.trunk.get_buffer("conv1_1_weight")  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_the_users_own(tmp_path: Path, suffix: str) -> None:
    tensors, file = torchvision_tensors(), tmp_path / f"mine{suffix}"
    save_file(tensors, file) if suffix == ".safetensors" else torch.save(tensors, file)
    loss = vgg16(weights=str(file))
    for convolution in convolutions("vgg16")[:7]:
        for part in ("weight", "bias"):
            buffer = loss.trunk.get_buffer(f"{convolution.name}_{part}")
            assert torch.equal(buffer, tensors[f"features.{convolution.index}.{part}"])
    assert loss.provenance.facts == {"weights": "file", "file": str(file), "sha256": sha256(file)}
    assert not loss.provenance.resolved and not loss.provenance.warning


def test_a_file_that_ends_where_the_layers_end_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "short.safetensors"
    tensors = torchvision_tensors()
    save_file({name: tensors[name] for name in ("features.0.weight", "features.0.bias")}, file)
    vgg16(weights=str(file), layers=("conv1_1",))
    with pytest.raises(OptionError, match=r"short\.safetensors is not .*features\.2\.weight \(conv1_2\) is missing"):
        vgg16(weights=str(file), layers=("conv1_2",))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    batch_norm = tmp_path / "vgg16_bn.pth"
    torch.save(torchvision_tensors() | {"features.0.weight": torch.zeros(2)}, batch_norm)
    with pytest.raises(OptionError, match=r"vgg16_bn\.pth is not a VGG.*has the shape \(2,\), expected \(2, 3, 3, 3\)"):
        vgg16(weights=str(batch_norm))
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("no weights")
        with pytest.raises(OptionError, match=f"{name} is not a whole"):
            vgg16(weights=str(tmp_path / name))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(OptionError, match=r"list\.pth holds a list"):
        vgg16(weights=str(tmp_path / "list.pth"))


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    for name in ("cut.pth", "cut.safetensors"):
        file = tmp_path / name
        torch.save(torchvision_tensors(), file) if file.suffix == ".pth" else save_file(torchvision_tensors(), file)
        file.write_bytes(file.read_bytes()[:-500])
        with pytest.raises(OptionError, match=f"{name} is not a whole"):
            vgg16(weights=str(file))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory is at its end"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory is at its end"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
@pytest.mark.parametrize(
    ("name", "loader"), [("a.pth", "torch.load"), ("a.safetensors", "srkit.components.pretrained.safe_open")]
)
def test_a_file_that_cannot_be_read_is_not_called_broken(
    error: Exception, said: str, name: str, loader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(loader, refuse)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(OptionError, match=f"{name} cannot be read: {said}"):
        vgg16(weights=str(tmp_path / name))


def test_a_file_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Path}, tmp_path / "code.pth")
    with pytest.raises(OptionError, match=r"code\.pth is not a whole"):
        vgg16(weights=str(tmp_path / "code.pth"))


def test_a_missing_file_and_a_mistyped_word() -> None:
    with pytest.raises(OptionError, match=r"no file nowhere\.pth\. It is"):
        vgg16(weights="nowhere.pth")
    with pytest.raises(OptionError, match=r"no file imagnet\. Did you mean 'imagenet'\?"):
        vgg16(weights="imagnet")


def test_auto_without_a_file_is_random_and_says_so(cache: Path) -> None:
    loss = vgg16(weights="auto", layers=("conv1_2",))
    assert loss.provenance.resolved == {"weights": "random"}
    assert loss.provenance.facts == {"weights": "random", "seed": "12"}
    assert "not on this machine" in loss.provenance.warning and "random" in loss.provenance.warning
    assert torch.equal(first_weight(loss), first_weight(vgg16(weights="random", layers=("conv1_2",))))
    assert list(cache.iterdir()) == []


def test_random_that_was_asked_for_is_said_too() -> None:
    """A resolved experiment says "random" where its source said "auto"; its table must tell the same."""
    found = vgg16(weights="random", layers=("conv1_1",)).provenance
    assert found.facts["weights"] == "random" and "random" in found.warning and not found.resolved


@pytest.mark.parametrize("weights", ["auto", "imagenet"])
def test_torchvisions_file_is_taken_and_slimmed(cache: Path, weights: str) -> None:
    tensors = torchvision_tensors()
    torch.save(tensors, cache / PTH)
    loss = vgg16(weights=weights)
    assert torch.equal(first_weight(loss), tensors["features.0.weight"])
    assert set(load_file(cache / SMALL)) == {key for key in tensors if key.startswith("features.")}
    assert loss.provenance.facts == {
        "weights": "imagenet",
        "file": str(cache / SMALL),
        "sha256": sha256(cache / SMALL),
    }
    assert loss.provenance.resolved == ({"weights": "imagenet"} if weights == "auto" else {})
    assert not loss.provenance.warning and (cache / PTH).is_file()
    (cache / PTH).unlink()
    assert torch.equal(first_weight(vgg16(weights=weights)), tensors["features.0.weight"])
    assert [file.name for file in cache.iterdir()] == [SMALL]


def test_a_cache_that_takes_no_file_is_read_as_it_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(torchvision_tensors(), cache / PTH)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("srkit.components.pretrained.save_file", full)
    assert vgg16(weights="auto").provenance.facts["file"] == str(cache / PTH)
    assert [file.name for file in cache.iterdir()] == [PTH]


def test_a_broken_cached_file_is_named_rather_than_passed_over(cache: Path) -> None:
    (cache / SMALL).write_bytes(b"half a downl")
    with pytest.raises(OptionError, match="is not a whole"):
        vgg16(weights="auto")


def test_a_file_that_would_run_code_is_not_opened_and_nobody_is_told_to(tmp_path: Path) -> None:
    torch.save(Path, tmp_path / "code.pth")
    with pytest.raises(OptionError) as refused:
        vgg16(weights=str(tmp_path / "code.pth"))
    assert "holds more than weights" in str(refused.value) and "weights_only" not in str(refused.value)


def test_a_download_keeps_only_the_convolutions(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def deliver(url: str, file: str, hash_prefix: str | None = None, progress: bool = True) -> None:
        asked.append((url, hash_prefix))
        torch.save(torchvision_tensors(), file)

    monkeypatch.setattr(torch.hub, "download_url_to_file", deliver)
    loss = vgg16()
    assert asked == [(f"https://download.pytorch.org/models/{PTH}", "397923af")]
    assert [file.name for file in cache.iterdir()] == [SMALL]
    assert torch.equal(first_weight(loss), torchvision_tensors()["features.0.weight"])
    vgg16()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "error", [URLError("Name or service not known"), RuntimeError('invalid hash value (expected "397923af")')]
)
def test_a_download_that_fails_says_how_to_bring_the_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(OptionError) as caught:
        vgg16()
    assert caught.value.key == "weights"
    for part in (PTH, "https://download.pytorch.org", str(cache), "weights = PATH", 'weights = "auto"', str(error)):
        assert part in caught.value.why
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("weights", ["imagenet", "auto", "random"])
def test_on_the_meta_device_nothing_is_read_or_written(cache: Path, weights: str) -> None:
    (cache / PTH).write_bytes(b"never read")
    with torch.device("meta"):
        loss = vgg16(weights=weights)
    assert {buffer.device.type for buffer in loss.buffers()} == {"meta"}
    assert [file.name for file in cache.iterdir()] == [PTH]
    assert loss.provenance.facts["weights"] == ("random" if weights == "random" else "imagenet")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_on_the_meta_device_the_users_file_is_looked_at(tmp_path: Path, suffix: str) -> None:
    tensors, file = torchvision_tensors(), tmp_path / f"mine{suffix}"
    save_file(tensors, file) if suffix == ".safetensors" else torch.save(tensors, file)
    with torch.device("meta"):
        assert first_weight(vgg16(weights=str(file))).device.type == "meta"
        file.write_text("broken")
        with pytest.raises(OptionError, match="mine"):
            vgg16(weights=str(file))
        with pytest.raises(OptionError, match="no file"):
            vgg16(weights="nowhere.pth")
