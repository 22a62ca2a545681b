"""Foreign files become run folders: each layout through the command line, with the pictures it made before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from srkit.components.discriminators.dilated import Dilated
from srkit.components.discriminators.patch import Patch
from srkit.components.discriminators.unet import Unet
from srkit.components.discriminators.vgg128 import Vgg128
from srkit.components.generators.compact import Compact
from srkit.components.generators.edsr import Edsr
from srkit.components.generators.espcn import Espcn
from srkit.components.generators.rrdb import Rrdb
from srkit.components.generators.rrdb_shuffle import RrdbShuffle
from srkit.components.generators.srresnet import Srresnet
from srkit.inference.model import load_model
from srkit.registry import Registry
from srkit.training import checkpoint
from tests.cli.conftest import Command, photo

LR = torch.rand(1, 3, 12, 10, generator=torch.Generator().manual_seed(5))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "photo.png")
    return tmp_path


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """A network in eval mode whose every number counts: norms' statistics and slopes are drawn, too."""
    torch.manual_seed(1)
    network = make()
    with torch.no_grad():
        for name, one in network.state_dict().items():
            if "running_var" in name:
                one.uniform_(0.5, 2)
            elif one.dim() == 1 and one.is_floating_point():
                one.uniform_(-0.3, 0.3)
    return network.eval()


def spandrels(name: str, **options: Any) -> nn.Module:
    module = pytest.importorskip(f"spandrel.architectures.{name}", reason="spandrel is an extra")
    return getattr(module, name)(**options)


def renamed(network: nn.Module, *pairs: tuple[str, str]) -> dict[str, Tensor]:
    """A network's weights with parts of their names replaced."""
    found = {}
    for name, tensor in network.state_dict().items():
        for old, new in pairs:
            name = name.replace(old, new)
        found[name] = tensor
    assert len(found) == len(network.state_dict())
    return found


BSRGAN = (
    ("conv_body", "trunk_conv"),
    ("body.", "RRDB_trunk."),
    ("rdb", "RDB"),
    ("conv_up", "upconv"),
    ("conv_hr", "HRconv"),
)


def names_of_no_one(network: nn.Module) -> dict[str, Tensor]:
    """As a network of other names in the same order has them."""
    return {f"net.{n}.{name.rpartition('.')[2]}": one for n, (name, one) in enumerate(network.state_dict().items())}


def small(make: Callable[..., nn.Module], **options: Any) -> Callable[[], nn.Module]:
    return lambda: make(**options)


GENERATORS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], dict[str, Tensor]], int]] = {
    **{
        f"esrgan-old-x{scale}": (
            small(spandrels, name="ESRGAN", num_filters=6, num_blocks=2, scale=scale),
            nn.Module.state_dict,
            scale,
        )
        for scale in (1, 2, 4, 8)
    },
    "esrgan-old-unshuffled": (
        small(spandrels, name="ESRGAN", in_nc=12, num_filters=6, num_blocks=2, scale=4, shuffle_factor=2),
        nn.Module.state_dict,
        2,
    ),
    "esrgan-new": (small(Rrdb, scale=4, channels=6, blocks=2), lambda one: renamed(one, *BSRGAN), 4),
    "real-esrgan-x4": (small(Rrdb, scale=4, channels=6, blocks=2, growth=5), nn.Module.state_dict, 4),
    "real-esrgan-x2": (small(Rrdb, scale=2, channels=6, blocks=2), nn.Module.state_dict, 2),
    "real-esrgan-x1": (small(Rrdb, scale=1, channels=6, blocks=2), nn.Module.state_dict, 1),
    **{
        f"compact-x{scale}": (
            small(spandrels, name="Compact", num_feat=6, num_conv=3, upscale=scale),
            nn.Module.state_dict,
            scale,
        )
        for scale in (1, 2, 4)
    },
    "srresnet": (small(Srresnet, scale=4, channels=6, blocks=2), nn.Module.state_dict, 4),
    "srresnet-x3-plain": (small(Srresnet, scale=3, channels=6, blocks=2, norm="none"), nn.Module.state_dict, 3),
    "edsr": (small(Edsr, scale=4, channels=6, blocks=2), nn.Module.state_dict, 4),
    "espcn": (small(Espcn, scale=3, channels=(8, 6)), nn.Module.state_dict, 3),
    "notes-x2": (small(RrdbShuffle, scale=2, channels=6, blocks=2), nn.Module.state_dict, 2),
    "notes-x4-other-names": (small(RrdbShuffle, scale=4, channels=6, blocks=1), names_of_no_one, 4),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_every_layout_makes_the_pictures_it_made(name: str, srkit: Command) -> None:
    make, layout, scale = GENERATORS[name]
    network = seeded(make)
    torch.save({key: value.clone() for key, value in layout(network).items()}, "some.pth")
    said = srkit("import", "some.pth", "--out", "imported")
    assert said.code == 0, said.err
    loaded = load_model(Path("imported"), Registry.installed())
    assert loaded.scale == scale
    lr = LR if LR.shape[-1] % 2 == 0 else LR[..., :-1]
    with torch.no_grad():
        wanted = network(lr)
        torch.testing.assert_close(loaded.network(lr), wanted, rtol=1e-5, atol=1e-5)
    assert wanted.std() > 1e-3
    assert srkit("upscale", "photo.png", "--model", "imported", "--device", "cpu").code == 0
    width, height = Image.open("photo.png").size
    picture = np.asarray(Image.open("upscaled/photo.png")).astype(float)
    assert picture.shape == (height * scale, width * scale, 3)
    given = torch.from_numpy(np.asarray(Image.open("photo.png")).copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        expected = (network(given)[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    assert np.abs(picture - expected).max() < 0.51


def test_the_command_says_what_it_took_and_assumed(srkit: Command) -> None:
    network = seeded(small(Espcn, scale=2, channels=4))
    torch.save({"params": Espcn(2, 4).state_dict(), "params_ema": network.state_dict(), "epoch": 3}, "espcn.pth")
    said = srkit("import", "espcn.pth")
    assert said.code == 0
    assert (
        "espcn.pth: ESPCN of the project's notes\n  generator espcn: scale 2, channels 4 and 4; 896 param" in said.out
    )
    assert "not taken: params, epoch" in said.out
    assert "assumed: LeakyReLU 0.1" in said.out
    assert "srkit upscale photo.jpg --model runs/espcn" in said.out
    torch.testing.assert_close(load_model(Path("runs/espcn"), Registry.installed()).network(LR), network(LR))
    fact = json.loads(Path("runs/espcn/manifest.json").read_text())["imported"]["generator"]
    assert fact["layout"] == "ESPCN of the project's notes" and len(fact["sha256"]) == 64
    assert srkit("import", "espcn.pth").code == 0 and Path("runs/espcn-2/experiment.toml").is_file()
    assert srkit("import", "espcn.pth", "--out", "runs/espcn").code == 2


WRAPPINGS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "params": lambda weights: {"params": weights},
    "params_ema": lambda weights: {"params_ema": weights, "params": {key: one + 1 for key, one in weights.items()}},
    "state_dict": lambda weights: {"state_dict": weights, "epoch": 7},
    "module": lambda weights: {f"module.{key}": one for key, one in weights.items()},
    "compiled": lambda weights: {"state_dict": {f"module._orig_mod.{key}": one for key, one in weights.items()}},
    "model": lambda weights: {"model": weights, "epoch": 7},
    "net_g.": lambda weights: {f"net_g.{key}": one for key, one in weights.items()},
    "generator.": lambda weights: {"state_dict": {f"generator.{key}": one for key, one in weights.items()}},
    "model.": lambda weights: {f"model.{key}": one for key, one in weights.items()},
    "lightning": lambda weights: {
        "state_dict": {f"net.{key}": one for key, one in weights.items()},
        "pytorch-lightning_version": "2.4.0",
        "global_step": 5,
        "hyper_parameters": {"lr": 1e-4},
    },
    "net_g.module.": lambda weights: {f"net_g.module.{key}": one for key, one in weights.items()},
    "model._orig_mod.": lambda weights: {"state_dict": {f"model._orig_mod.{key}": w for key, w in weights.items()}},
    "swa": lambda weights: {"n_averaged": torch.tensor(3), **{f"module.{key}": one for key, one in weights.items()}},
    "net": lambda weights: {"net": weights},
    "netG": lambda weights: {"netG": weights, "netD": {"a.weight": torch.zeros(2)}, "epoch": 3},
    "weights": lambda weights: {"weights": weights, "step": torch.tensor(3)},
    "g_ema": lambda weights: {"g_ema": weights, "g": {"a": torch.zeros(2)}},
    "ema-beside-model": lambda weights: {"model": {key: one + 1 for key, one in weights.items()}, "ema": weights},
    "ema-within": lambda weights: {"state_dict": {"params": {"a": torch.zeros(2)}, "params_ema": weights}},
    "ema-of-no-weights": lambda weights: {"ema": {"decay": 0.999}, "state_dict": weights},
    "half": lambda weights: {key: one.half() for key, one in weights.items()},
}


@pytest.mark.parametrize("wrapping", [*WRAPPINGS, "safetensors"])
def test_wrappings(wrapping: str, srkit: Command) -> None:
    network = seeded(small(Compact, scale=2, channels=4, layers=1))
    weights = {key: one.clone() for key, one in network.state_dict().items()}
    name = f"some.{'safetensors' if wrapping == 'safetensors' else 'ckpt' if wrapping == 'lightning' else 'pth'}"
    if wrapping == "safetensors":
        save_file(weights, name)
    else:
        torch.save(WRAPPINGS[wrapping](weights), name)
    assert srkit("import", name, "--out", "imported").code == 0
    found = load_model(Path("imported"), Registry.installed()).network(LR)
    torch.testing.assert_close(found, network(LR), rtol=1e-5, atol=2e-3 if wrapping == "half" else 1e-5)


@pytest.mark.parametrize(
    ("taken", "others"),
    [
        ("net_g.", ("net_d.",)),
        ("generator.", ("discriminator.", "loss.vgg.")),
        ("net_g_ema.module.", ("net_g.module.", "net_d.module.")),
        ("model.net_g.", ("model.net_d.",)),
    ],
)
def test_of_several_networks_the_generator_is_taken_and_said(
    taken: str, others: tuple[str, ...], srkit: Command
) -> None:
    network = seeded(small(Compact, scale=2, channels=4, layers=1))
    tensors = {f"{other}{key}": one + 1 for other in others for key, one in network.state_dict().items()}
    tensors |= {f"{taken}{key}": one for key, one in network.state_dict().items()}
    torch.save({"state_dict": tensors}, "several.ckpt")
    said = srkit("import", "several.ckpt", "--out", "imported")
    assert said.code == 0, said.err
    torch.testing.assert_close(load_model(Path("imported"), Registry.installed()).network(LR), network(LR))
    head = next(part for part in taken.split(".") if part not in ("model", "module"))
    assert f"the names that begin with '{head}.' were taken" in said.out
    assert all(other.removeprefix("model.").partition(".")[0] in said.out for other in others)


def test_it_says_which_of_a_files_weights_it_took(srkit: Command) -> None:
    weights = seeded(small(Compact, scale=2, channels=4, layers=1)).state_dict()
    torch.save({"model": {"params": weights}, "ema": {key: one + 1 for key, one in weights.items()}}, "both.pth")
    said = srkit("import", "both.pth")
    assert said.code == 0 and "not taken: model" in said.out and "the weights are those under 'ema'" in said.out


DISCRIMINATORS: dict[str, tuple[nn.Module, Callable[[nn.Module], dict[str, Tensor]]]] = {
    "dilated": (Dilated(4), nn.Module.state_dict),
    "dilated-other-names": (Dilated(4), names_of_no_one),
    "dilated-strided": (Dilated(4, downsampling="stride", activation="prelu", norm="spectral"), nn.Module.state_dict),
    "patch": (Patch(4, levels=3, deep=True), nn.Module.state_dict),
    "patch-other-names": (Patch(4), names_of_no_one),
    "unet": (Unet(4), nn.Module.state_dict),
    "vgg128": (Vgg128(32, 4), nn.Module.state_dict),
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_join_a_run_and_begin_a_training(name: str, srkit: Command, here: Path) -> None:
    network, layout = DISCRIMINATORS[name]
    torch.save({key: value.clone() for key, value in layout(network).items()}, "d.pth")
    torch.save(seeded(small(Espcn, scale=2, channels=2)).state_dict(), "g.pth")
    assert srkit("import", "g.pth", "d.pth", "--out", "both").code == 0
    assert srkit("import", "d.pth", "--out", "alone").code == 0
    for folder in ("both", "alone"):
        saved = checkpoint.load(here / folder / "checkpoints" / "step-00000000").modules["discriminator"]
        assert all(torch.equal(saved[key], one) for key, one in network.state_dict().items())
    said = srkit("upscale", "photo.png", "--model", "alone")
    assert said.code == 2 and "holds a discriminator alone" in said.err


def test_a_file_nobody_knows_is_described_with_what_is_known(srkit: Command) -> None:
    torch.save({f"blocks.{n}.attention": torch.zeros(2, 3) for n in range(12)}, "odd.pth")
    said = srkit("import", "odd.pth")
    assert said.code == 2 and "Traceback" not in said.err
    assert "no network knows these weights: blocks.0.attention (2, 3), blocks.1.attention (2, 3)" in said.err
    assert "and 4 more" in said.err
    assert "rrdb: ESRGAN's old and new layout, Real-ESRGAN's\n" in said.err and "unet: Real-ESRGAN's" in said.err
    assert not Path("runs").exists()


def test_nothing_is_dropped_silently(srkit: Command) -> None:
    weights = seeded(small(Rrdb, scale=4, channels=4, blocks=1)).state_dict()
    torch.save(weights | {"body.0.rdb1.conv1x1.weight": torch.zeros(4, 4, 1, 1)}, "plus.pth")
    said = srkit("import", "plus.pth")
    assert said.code == 2
    assert "it looks like Real-ESRGAN's (BasicSR's) layout (generator 'rrdb'), but not everything fits: " in said.err
    assert "1 not in the network: body.0.rdb1.conv1x1.weight" in said.err
    weights.pop("conv_hr.bias")
    torch.save(weights, "less.pth")
    assert "1 not in the file: conv_hr.bias" in srkit("import", "less.pth").err
    torch.save(weights | {"conv_first.weight": torch.zeros(4, 1, 3, 3)}, "grey.pth")
    assert "conv_first.weight (4x1x3x3 in the file, 4x3x3x3 here)" in srkit("import", "grey.pth").err


def test_a_network_of_spandrels_is_named(srkit: Command) -> None:
    hat = pytest.importorskip("spandrel.architectures.SPAN", reason="spandrel is an extra")
    torch.save(hat.SPAN(num_in_ch=3, num_out_ch=3, feature_channels=4).state_dict(), "span.pth")
    assert "spandrel knows them as SPAN; `srkit bench` takes such a file as it is" in srkit("import", "span.pth").err


def test_files_that_are_none(srkit: Command, here: Path) -> None:
    (here / "text.pth").write_text("hello")
    (here / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    torch.save({"network": Compact(2, 4, 1)}, "pickled.pth")
    for name, words in (
        ("absent.pth", "there is no run or file absent.pth"),
        ("text.pth", "text.pth"),
        ("cut.safetensors", "cut.safetensors cannot be read"),
        ("pickled.pth", "holds more than weights"),
        (".", "is a folder"),
    ):
        said = srkit("import", name)
        assert (said.code, words in said.err, "Traceback" in said.err) == (2, True, False), said.err


def test_two_of_one_role_are_refused(srkit: Command) -> None:
    torch.save(Espcn(2, 2).state_dict(), "a.pth")
    said = srkit("import", "a.pth", "a.pth")
    assert said.code == 2 and "a run has one of each" in said.err
