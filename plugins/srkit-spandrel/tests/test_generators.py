"""Each architecture: its picture, its gradients, its scales, and that spandrel knows what was saved for its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from spandrel import ImageModelDescriptor, ModelLoader
from torch import nn

from srkit.errors import OptionError
from srkit.registry import KINDS, Registry
from srkit_spandrel.source import STEPS

GENERATORS = [
    one.name for one in Registry.installed().entries(KINDS["generators"]) if one.distribution == "srkit-spandrel"
]
IN_STEPS = ("drct", "fdat", "hat", "moesr", "rcan", "rgt")

Factory = Callable[..., nn.Module]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(params=GENERATORS)
def factory(request: pytest.FixtureRequest) -> Factory:
    return named(request.param)


def named(name: str) -> Factory:
    factory: Factory = Registry.installed().find(KINDS["generators"], name, Path.cwd()).factory
    return factory


def small(factory: Factory, scale: int, **options: Any) -> nn.Module:
    """A small form of the network, drawn from a seed."""
    torch.manual_seed(0)
    return factory(scale=scale, **factory.claims.options, **options)  # type: ignore[attr-defined]  # see `generator`


def loaded(network: nn.Module, file: Path) -> ImageModelDescriptor[Any]:
    """What spandrel makes of a file of its weights."""
    save_file({key: value.clone().contiguous() for key, value in network.state_dict().items()}, file)
    descriptor = ModelLoader().load_from_file(file)
    assert isinstance(descriptor, ImageModelDescriptor)
    return descriptor.eval()


def test_all_of_them_are_listed() -> None:
    assert len(GENERATORS) == 18


def test_a_saved_network_is_recognised_by_spandrel_with_the_same_picture(factory: Factory, tmp_path: Path) -> None:
    network = small(factory, 2).eval()
    lr = torch.rand(1, 3, 21, 19)
    descriptor = loaded(network, tmp_path / "net.safetensors")
    assert (descriptor.scale, descriptor.input_channels, descriptor.output_channels) == (2, 3, 3)
    with torch.no_grad():
        sr = network(lr)
        assert sr.shape == (1, 3, 42, 38)
        # spandrel clips
        assert torch.allclose(descriptor(lr), sr.clamp(0, 1), atol=1e-5)


def test_its_own_file_is_recognised_and_restored(factory: Factory) -> None:
    network = small(factory, 3).eval()
    foreign = factory.recognize(network.state_dict(), True)  # type: ignore[attr-defined]  # see `generator`
    assert foreign is not None and foreign.options["scale"] == 3
    again = factory(**foreign.options).eval()
    again.load_state_dict(foreign.weights)
    lr = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(again(lr), network(lr))
    assert factory.recognize(nn.Conv2d(3, 3, 3).state_dict(), True) is None  # type: ignore[attr-defined]  # as above


def test_it_trains(factory: Factory) -> None:
    """A step of Adam towards the target lowers the loss; every weight that trains has a gradient."""
    network = small(factory, 2).train()
    lr = torch.rand(2, 3, 16, 16)
    hr = nn.functional.interpolate(lr, scale_factor=2, mode="bicubic")
    weights = {name: one for name, one in network.named_parameters() if one.requires_grad}
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = (network(lr) - hr).abs().mean()
        loss.backward()
        losses.append(loss.item())
        assert not [name for name, one in weights.items() if one.grad is None]
        optimizer.step()
    assert min(losses[4:]) < losses[0]


def test_a_scale_it_cannot_do_is_refused(factory: Factory) -> None:
    for scale in (0, 17):
        with pytest.raises(OptionError, match="scale") as raised:
            small(factory, scale)
        assert raised.value.key == "scale"


@pytest.mark.parametrize("name", IN_STEPS)
def test_networks_that_enlarge_in_steps_say_which(name: str) -> None:
    assert STEPS == (2, 3, 4, 8)
    with pytest.raises(OptionError, match="scale 2, 3, 4, 8, got 5"):
        small(named(name), 5)


@pytest.mark.parametrize("scale", [1, 4, 5])
@pytest.mark.parametrize("name", sorted(set(GENERATORS) - set(IN_STEPS)))
def test_the_others_do_any(name: str, scale: int) -> None:
    with torch.no_grad():
        assert small(named(name), scale).eval()(torch.rand(1, 3, 16, 17)).shape == (1, 3, 16 * scale, 17 * scale)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("swinir", {"upsampler": "nearest+conv", "resi_connection": "3conv"}),
        ("swinir", {"upsampler": "pixelshuffle"}),
        ("swin2sr", {"upsampler": "pixelshuffle", "resi_connection": "3conv"}),
        ("atd", {"upsampler": "nearest+conv"}),
        ("dat", {"upsampler": "pixelshuffle", "resi_connection": "1conv"}),
        ("fdat", {"upsampler_type": "pa_up"}),
        ("plksr", {"ccm_type": "ICCM", "use_ea": False}),
        ("realplksr", {"dysample": True, "layer_norm": True}),
        ("mosr", {"upsampler": "gps"}),
        ("mosr", {"upsampler": "dys"}),
        ("moesr", {"upsampler": "nearest+conv"}),
        ("seemore", {"lr_space": "linear"}),
        ("span", {"norm": True}),
        ("rcan", {"norm": False}),
        ("omnisr", {"bias": False}),
    ],
)
def test_other_forms_survive_the_way_through_a_file_too(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    network = small(named(name), 4, **options).eval()
    lr = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        wanted = network(lr).clamp(0, 1)
        assert torch.allclose(loaded(network, tmp_path / "net.safetensors")(lr), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("swinir", {"embed_dim": 10, "num_heads": [4, 4, 4, 4]}, "num_heads: embed_dim = 10 is no multiple of 4"),
        ("hat", {"num_heads": [6]}, r"num_heads: as many as there are groups, 6, got \[6\]"),
        ("fdat", {"embed_dim": 8, "num_heads": 3}, "num_heads: embed_dim = 8 is no multiple of 3"),
        ("fdat", {"scale": 8}, r"FDAT cannot be built with .*transpose\+conv"),
    ],
)
def test_options_that_contradict_each_other_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        named(name)(**{"scale": 2, **options})


def test_names_are_listed_without_importing_torch_or_spandrel(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['srkit', 'list', 'generators', '--json']\n"
        "from srkit.cli.main import main\n"
        "try: main()\n"
        "finally: print([one for one in ('torch', 'spandrel') if one in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0 and done.stderr.strip() == "[]"
    own = [row for row in json.loads(done.stdout) if row["distribution"] == "srkit-spandrel"]
    assert {row["state"] for row in own} == {"ok"} and all(row["summary"] for row in own)
