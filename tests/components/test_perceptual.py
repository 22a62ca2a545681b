"""LPIPS and DISTS against torchmetrics' own networks with the same weights; what is said where weights are missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from srkit.components import backbones, perceptual
from srkit.components.feature_losses.dists import Dists as DistsLoss
from srkit.components.feature_losses.lpips import Lpips as LpipsLoss
from srkit.components.metrics.dists import Dists as DistsMetric
from srkit.components.metrics.lpips import Lpips as LpipsMetric
from srkit.errors import OptionError, UserError


def picture(seed: int, side: int = 40) -> Tensor:
    return torch.rand(2, 3, side, side + 5, generator=torch.Generator().manual_seed(seed))


def drawn(network: str) -> dict[str, Tensor]:
    """Convolutions of He's size under torchvision's names."""
    stream = torch.Generator().manual_seed(4)
    return {
        name: torch.randn(shape, generator=stream) * (2 / (shape[1] * shape[2] ** 2)) ** 0.5
        if len(shape) == 4
        else torch.randn(shape, generator=stream) * 0.1
        for name, shape in backbones._shapes(network).items()  # type: ignore[arg-type]
    }


def features(network: str) -> nn.Sequential:
    """torchvision's layers of these convolutions, without its large classifier."""
    layers: list[nn.Module] = []
    for layer in backbones.PLANS[network]:
        if layer.pooled:
            layers.append(nn.MaxPool2d(3, 2) if network == "alexnet" else nn.MaxPool2d(2))
        layers += [nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding), nn.ReLU()]
    sequence = nn.Sequential(*layers, nn.MaxPool2d(2))
    sequence.load_state_dict({name.removeprefix("features."): one for name, one in drawn(network).items()})
    return sequence


@pytest.fixture(params=["alexnet", "vgg16"])
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def weights(network: str, tmp_path: Path) -> Path:
    save_file(drawn(network), tmp_path / "some.safetensors")
    return tmp_path / "some.safetensors"


def test_lpips_equals_torchmetrics(network: str, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision
    from torchmetrics.functional.image import lpips

    net = "alex" if network == "alexnet" else "vgg"
    monkeypatch.setattr(torchvision.models, network, lambda weights: SimpleNamespace(features=features(network)))
    theirs = lpips._LPIPS(net=net, pretrained=True)  # type: ignore[arg-type]
    ours = perceptual.Lpips(net, weights)  # type: ignore[arg-type]
    sr, hr = picture(1), picture(2)
    wanted = theirs(sr, hr, normalize=True).flatten()
    torch.testing.assert_close(ours(sr, hr), wanted, rtol=1e-5, atol=1e-7)
    assert wanted.min() > 1e-3
    assert ours(hr, hr).tolist() == [0, 0]


def test_dists_equals_torchmetrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchmetrics.functional.image import dists

    save_file(drawn("vgg16"), tmp_path / "vgg.safetensors")
    monkeypatch.setattr(dists, "vgg16", lambda weights: SimpleNamespace(features=features("vgg16")))
    theirs, ours = dists.DISTSNetwork(), perceptual.Dists(tmp_path / "vgg.safetensors")
    sr, hr = picture(1), picture(2)
    torch.testing.assert_close(ours(sr, hr), theirs(sr, hr).clone(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours(hr, hr), torch.zeros(2), rtol=0, atol=1e-5)


def test_losses_reach_the_picture_alone_and_save_nothing(network: str, weights: Path) -> None:
    losses = [LpipsLoss("alex" if network == "alexnet" else "vgg", weights)]
    losses += [DistsLoss(weights)] if network == "vgg16" else []  # type: ignore[list-item]
    for loss in losses:
        sr, hr = picture(1).requires_grad_(), picture(2)
        value = loss(sr, hr)
        value.backward()
        assert value.shape == () and sr.grad is not None and sr.grad.abs().sum() > 0
        assert not loss.state_dict() and not list(loss.parameters())
        assert loss.provenance.facts["file"] == str(weights) and len(loss.provenance.facts["sha256"]) == 64
        way = sr.grad.sign() * 3e-4
        with torch.no_grad():
            rise = loss(sr + way, hr) - loss(sr - way, hr)
        assert rise.item() == pytest.approx(2 * (sr.grad * way).sum().item(), rel=0.02)
        flat = torch.full((1, 3, 33, 33), 0.5, requires_grad=True)
        loss(flat, flat.detach()).backward()
        assert flat.grad is not None and flat.grad.isfinite().all()


def test_losses_of_a_run_share_the_network(weights: Path, network: str) -> None:
    built: dict[object, object] = {}

    def shared(key: object, build: Callable[[], object]) -> object:
        return built.setdefault(key, build()) if key not in built else built[key]

    net = "alex" if network == "alexnet" else "vgg"
    one, other = LpipsLoss(net, weights, shared), LpipsLoss(net, weights, shared)  # type: ignore[arg-type]
    assert one.distance is other.distance and len(built) == 1


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub folder, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_metrics_find_imagenets_weights_and_keep_a_small_copy(cache: Path) -> None:
    cache.mkdir(parents=True)
    names = {"alexnet": "alexnet-owt-7be5be79.pth", "vgg16": "vgg16-397923af.pth"}
    for network, name in names.items():
        torch.save(drawn(network) | {"classifier.6.bias": torch.zeros(5)}, cache / name)
    sr, hr = picture(1), picture(2)
    for metric in (LpipsMetric(), DistsMetric()):
        assert not metric.higher_is_better and metric(sr, hr).shape == (2,)
    small = sorted(one.name for one in cache.glob("*.safetensors"))
    assert small == ["alexnet-owt-7be5be79-convolutions.safetensors", "vgg16-397923af-convolutions.safetensors"]
    for name in names.values():
        (cache / name).unlink()
    torch.testing.assert_close(LpipsMetric()(sr, hr), LpipsMetric()(sr, hr))


def test_missing_weights_are_one_message_that_says_how_to_bring_them(cache: Path) -> None:
    for make, file in ((LpipsMetric, "alexnet-owt-7be5be79.pth"), (DistsMetric, "vgg16-397923af.pth")):
        with pytest.raises(
            OptionError, match=f"cannot be downloaded .no network here.. Put {file} from http"
        ) as caught:
            make()
        assert str(cache) in str(caught.value)


def test_missing_library_and_wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"features.0.weight": torch.zeros(2, 3, 3, 3)}, tmp_path / "odd.pth")
    with pytest.raises(OptionError, match="odd.pth is not torchvision's vgg16: features.0.weight has the shape"):
        LpipsLoss("vgg", tmp_path / "odd.pth")
    with pytest.raises(OptionError, match="no file"):
        DistsLoss(tmp_path / "absent.pth")
    monkeypatch.setattr(perceptual, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"torchmetrics, which is not installed: pip install 'srkit\[perceptual\]'"):
        DistsLoss(tmp_path / "odd.pth")


def test_torchmetrics_itself_is_not_imported_and_nothing_is_read_on_the_meta_device(cache: Path) -> None:
    before = "torchmetrics" in sys.modules
    with torch.device("meta"):
        image = torch.zeros(1, 3, 40, 40)
        assert LpipsLoss()(image, image).shape == DistsLoss()(image, image).shape == ()
    assert ("torchmetrics" in sys.modules) == before


def test_small_pictures_are_refused_in_words(network: str, weights: Path) -> None:
    net, least = ("alex", 31) if network == "alexnet" else ("vgg", 16)
    loss = LpipsLoss(net, weights)  # type: ignore[arg-type]
    enough, small = torch.rand(1, 3, least, least), torch.rand(1, 3, least - 1, 40)
    assert loss(enough, enough) == 0
    with pytest.raises(UserError, match=f"at least {least} pixels a side, got 40 x {least - 1}"):
        loss(small, small)
