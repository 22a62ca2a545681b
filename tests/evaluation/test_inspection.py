"""Memory of a training step, where the answer is known."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput
from srkit.evaluation.inspection.memory import kept, largest_batch, measured, predicted
from srkit.evaluation.inspection.players import Players, players_of, run_step
from srkit.experiment import complete, read_experiment
from srkit.registry import Registry

MSE = nn.MSELoss()


def generator(width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.Tanh(), nn.Conv2d(width, 12, 1), nn.PixelShuffle(2))


def weights(*networks: nn.Module) -> int:
    return sum(one.numel() for network in networks for one in network.parameters())


class Fixed(nn.Module):
    """A discriminator for pictures of 28 x 28 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 28 * 28, 1)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput([self.layer(image.flatten(1))])


def test_what_is_kept_is_weights_twice_more_for_adam_and_frozen_ones_once() -> None:
    made, critic, frozen = generator(), nn.Conv2d(3, 1, 3), nn.Conv2d(3, 4, 3).requires_grad_(False)
    players = Players(made, critic, {"features": frozen}, None, 2)
    assert kept(players) == 4 * (3 * weights(made, critic) + weights(frozen))
    averaged = Players(made, critic, {"features": frozen}, None, 2, averaged=True)
    assert kept(averaged) == kept(players) + 4 * weights(made)


def test_activations_are_those_of_the_tensors_that_are_needed_at_once() -> None:
    width, side = 64, 16
    found = predicted(Players(generator(width), None, {"mse": MSE}, None, 2), side)
    # kept for the way back: Tanh's result and the picture; the gradient that travels is as large as Tanh's result
    least = 4 * side * side * (width + 12)
    assert least <= found.per_sample <= 3 * least
    wide = predicted(Players(generator(2 * width), None, {"mse": MSE}, None, 2), side)
    large = predicted(Players(generator(width), None, {"mse": MSE}, None, 2), 2 * side)
    assert 1.6 < wide.per_sample / found.per_sample < 2.1
    assert large.per_sample == pytest.approx(4 * found.per_sample, rel=0.01)
    assert largest_batch(found, found.of(7)) == 7 and largest_batch(found, 1) == 0


def test_losses_with_networks_and_the_other_player_count() -> None:
    plain = predicted(Players(generator(), None, {"mse": MSE}, None, 2), 16)

    class Features(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Tanh()).requires_grad_(False)

        def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
            return (self.network(sr) - self.network(hr)).square().mean()

    seen = predicted(Players(generator(), None, {"features": Features()}, None, 2), 16)
    assert seen.per_sample > plain.per_sample + 4 * 64 * 32 * 32
    critic = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Tanh(), nn.Conv2d(64, 1, 1))
    gan = predicted(Players(generator(), critic, {"mse": MSE}, None, 2), 16)
    # the discriminator's own step looks at the original and at the fake
    assert gan.per_sample > plain.per_sample + 2 * 4 * 64 * 32 * 32


def measured_and_predicted() -> tuple[float | None, float]:
    layers = [one for _ in range(4) for one in (nn.Conv2d(64, 64, 1), nn.Tanh())]
    network = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), *layers, nn.Conv2d(64, 12, 1), nn.PixelShuffle(2))
    players = Players(network, None, {"mse": MSE}, None, 2)
    return measured(players, 8, 64, torch.device("cpu")), predicted(players, 64).of(8)


def test_measured_and_predicted_agree_where_activations_are_nearly_all() -> None:
    """In a process of its own, as the command is: what other tests left with malloc would be measured too."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        found, expected = fresh.submit(measured_and_predicted).result()
    if found is None:
        pytest.skip("this system does not tell how much memory a process takes")
    assert found == pytest.approx(expected, rel=0.3)


def test_a_discriminator_of_one_size_sees_the_shifted_patch() -> None:
    players = Players(generator(), Fixed(), {"mse": MSE}, None, 2, shift=4)
    assert predicted(players, 16).per_sample > 0
    with pytest.raises(RuntimeError):
        predicted(players, 20)


def test_the_real_losses_of_a_file_are_in_and_what_cannot_be_counted_is_named(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(
        '"""Losses."""\n'
        "from torch import nn\n"
        "class Asks(nn.Module):\n    def forward(self, sr, hr):\n"
        "        return (sr - hr).abs().mean() * (1.0 if float(sr.detach().mean()) > 0 else 2.0)\n"
        "class Seen(nn.Module):\n    def forward(self, views):\n"
        "        return (views.sr - views.hr).abs().mean() + views.downscale(views.sr).mean()\n",
        encoding="utf-8",
    )
    (tmp_path / "gan.toml").write_text(
        'scale = 2\nsteps = 2\n[data]\ntrain = "photos"\npatch_size = 32\nbatch_size = 2\n'
        '[generator]\nuse = "espcn"\nchannels = 2\n'
        '[[pixel_loss]]\nuse = "./parts.py:Asks"\nname = "asks"\n'
        '[[pixel_loss]]\nuse = "./parts.py:Seen"\nname = "views"\n'
        '[discriminator]\nuse = "dilated"\nchannels = 2\n'
        '[adversarial_loss]\nuse = "relativistic"\nshift_crop = 4\n',
        encoding="utf-8",
    )
    plan = complete(read_experiment(tmp_path / "gan.toml", ()), Registry.installed())
    made, critic = (plan.picks[(role,)] for role in ("generator", "discriminator"))
    players = players_of(plan, made.build(scale=2), critic.build())
    assert list(players.losses) == ["views"] and players.adversarial is not None and players.shift == 3
    assert set(players.left_out) == {"asks"}
    assert predicted(players, 16).per_sample > 0
    run_step(players.copied("cpu"), torch.rand(2, 3, 16, 16))
