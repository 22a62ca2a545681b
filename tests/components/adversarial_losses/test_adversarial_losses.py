"""All adversarial losses against their formulas in numpy; cap, penalties, label smoothing, several processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from srkit.components.adversarial_losses.averages import averages
from srkit.components.adversarial_losses.game import Game
from srkit.components.adversarial_losses.hinge import Hinge
from srkit.components.adversarial_losses.lsgan import Lsgan
from srkit.components.adversarial_losses.relativistic import Relativistic
from srkit.components.adversarial_losses.relativistic_average import RelativisticAverage
from srkit.components.adversarial_losses.vanilla import Vanilla
from srkit.components.adversarial_losses.wgan_gp import WganGp
from srkit.contracts import DiscriminatorOutput, Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import OptionError, UserError

Places = Callable[[np.ndarray, np.ndarray], np.ndarray]


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.log1p(np.exp(-x))


def no_wgan_penalty(capped: bool = False) -> WganGp:
    return WganGp(capped, penalty=0.0)


# loss, the generator's value at each place, the discriminator's
FORMULAS: list[tuple[Callable[..., Game], Places, Places]] = [
    (Vanilla, lambda r, f: -log_sigmoid(f), lambda r, f: -log_sigmoid(r) - log_sigmoid(-f)),
    (Lsgan, lambda r, f: (f - 1) ** 2 / 2, lambda r, f: ((r - 1) ** 2 + f**2) / 2),
    (Hinge, lambda r, f: -f, lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f)),
    (no_wgan_penalty, lambda r, f: -f, lambda r, f: f - r),
    (Relativistic, lambda r, f: -log_sigmoid(f - r), lambda r, f: -log_sigmoid(r - f)),
    (
        RelativisticAverage,
        lambda r, f: (-log_sigmoid(f.mean() - r) - log_sigmoid(f - r.mean())) / 2,
        lambda r, f: (-log_sigmoid(r - f.mean()) - log_sigmoid(r.mean() - f)) / 2,
    ),
]
SR, HR = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)


def logits(seed: int) -> Tensor:
    return torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def views(real: Tensor, fake: Tensor) -> Views:
    return Views(
        sr=SR,
        hr=HR,
        lr=SR,
        step=1,
        draws=SampleDraws(StreamKey(0, 0, 1), range(2), "adversarial"),
        discriminator=lambda image: DiscriminatorOutput([real if image.mean() > 0.5 else fake]),
    )


def total(value: Tensor | dict[str, Tensor]) -> Tensor:
    return torch.stack(list(value.values())).sum() if isinstance(value, dict) else value


@pytest.mark.parametrize(("make", "generator", "discriminator"), FORMULAS)
def test_equals_its_formula(make: Callable[..., Game], generator: Places, discriminator: Places) -> None:
    real, fake = logits(1), logits(2)
    seen = views(real, fake)
    assert make().generator_term(seen).item() == pytest.approx(generator(real.numpy(), fake.numpy()).mean(), rel=1e-9)
    value = total(make().discriminator_term(seen)).item()
    assert value == pytest.approx(discriminator(real.numpy(), fake.numpy()).mean(), rel=1e-9)
    assert seen.notes["real_above_fake"].item() == pytest.approx((real > fake).double().mean().item())


@pytest.mark.parametrize(("make", "generator", "discriminator"), FORMULAS)
def test_gradients_are_the_finite_differences(
    make: Callable[..., Game], generator: Places, discriminator: Places
) -> None:
    real, fake = logits(1).requires_grad_(), logits(2).requires_grad_()
    assert torch.autograd.gradcheck(lambda r, f: total(make().discriminator_term(views(r, f))), (real, fake))
    assert torch.autograd.gradcheck(lambda f: make().generator_term(views(real, f)), (fake,))
    make().generator_term(views(real, fake)).backward()
    assert real.grad is None


@pytest.mark.parametrize(("make", "generator", "discriminator"), FORMULAS)
def test_capped_places_count_with_zero_and_give_no_gradient(
    make: Callable[..., Game], generator: Places, discriminator: Places
) -> None:
    real, fake = logits(1), logits(2).requires_grad_()
    seen = views(real, fake)
    term = make(capped=True).generator_term(seen)
    term.backward()
    capped = (fake > real).detach()
    assert 0 < capped.float().mean() < 1
    expected = np.where(capped.numpy(), 0, generator(real.numpy(), fake.detach().numpy())).mean()
    assert term.item() == pytest.approx(expected, rel=1e-9)
    assert fake.grad is not None and not fake.grad[capped].any() and fake.grad[~capped].all()
    assert seen.notes["capped"] == capped.float().mean()


@pytest.mark.parametrize("make", [Vanilla, Lsgan, Hinge, no_wgan_penalty])
def test_the_original_is_judged_in_the_generators_term_only_for_the_cap(make: Callable[..., Game]) -> None:
    asked: list[bool] = []
    seen = views(logits(1), logits(2))
    inner = seen.discriminator
    assert inner is not None
    seen.discriminator = lambda image: asked.append(image is HR) or inner(image)  # type: ignore[func-returns-value]
    make().generator_term(seen)
    assert asked == [False]
    make(capped=True).generator_term(seen)
    assert asked == [False, False, True]


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (Vanilla, lambda r, f: -0.9 * log_sigmoid(r) - 0.1 * log_sigmoid(-r) - log_sigmoid(-f)),
        (Lsgan, lambda r, f: ((r - 0.9) ** 2 + f**2) / 2),
        (Relativistic, lambda r, f: -0.9 * log_sigmoid(r - f) - 0.1 * log_sigmoid(f - r)),
        (
            RelativisticAverage,
            lambda r, f: (
                (-0.9 * log_sigmoid(r - f.mean()) - 0.1 * log_sigmoid(f.mean() - r) - log_sigmoid(r.mean() - f)) / 2
            ),
        ),
    ],
)
def test_label_smoothing_moves_the_originals_target_only(loss: Callable[..., Game], formula: Places) -> None:
    real, fake = logits(1), logits(2)
    smoothed = loss(label_smoothing=0.1)
    expected = formula(real.numpy(), fake.numpy()).mean()
    assert total(smoothed.discriminator_term(views(real, fake))).item() == pytest.approx(expected, rel=1e-9)
    assert torch.equal(smoothed.generator_term(views(real, fake)), loss().generator_term(views(real, fake)))


# --- penalties --------------------------------------------------------------------------------------------------------


class Quadratic(nn.Module):
    """Logits a * x^2 at each pixel of the red channel, so gradients are known."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(3.0))

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput([self.a * image[:, :1].square()])


def quadratic_views(net: Quadratic, step: int = 1) -> Views:
    stream = torch.Generator().manual_seed(7)
    sr, hr = torch.rand(2, 3, 4, 5, generator=stream), torch.rand(2, 3, 4, 5, generator=stream)
    draws = SampleDraws(StreamKey(0, 0, step), range(2), "adversarial")
    return Views(sr=sr, hr=hr, lr=sr, step=step, draws=draws, discriminator=net)


@pytest.mark.parametrize("loss", [Vanilla, Lsgan, Hinge, Relativistic, RelativisticAverage])
def test_r1_is_the_squared_gradient_of_the_summed_logits(loss: Callable[..., Game]) -> None:
    net = Quadratic()
    seen = quadratic_views(net)
    plain = loss().discriminator_term(seen)
    parts = loss(r1=10.0).discriminator_term(seen)
    assert isinstance(plain, Tensor) and isinstance(parts, dict) and torch.equal(parts["logits"], plain)
    red = seen.hr[:, 0].double().numpy()
    expected = 10 / 2 * ((2 * 3 * red) ** 2).sum((1, 2)).mean()
    assert parts["r1"].item() == pytest.approx(expected, rel=1e-5)
    (slope,) = torch.autograd.grad(parts["r1"], net.a)
    assert slope.item() == pytest.approx(2 * expected / 3, rel=1e-5)


def test_r1_is_its_formula_by_finite_differences_of_a_network_with_many_places() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 1, 3, stride=2)).double()

    def judge(image: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput([net(image)])

    hr = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    seen = replace(quadratic_views(Quadratic()), sr=torch.zeros_like(hr), hr=hr, discriminator=judge)
    parts = Hinge(r1=3.0).discriminator_term(seen)
    assert isinstance(parts, dict)
    squares, step = np.zeros(2), 1e-5
    with torch.no_grad():
        for place in np.ndindex(3, 6, 5):
            moved = torch.zeros(3, 6, 5, dtype=torch.float64)
            moved[place] = step
            slopes = (net(hr + moved) - net(hr - moved)).sum((1, 2, 3)) / (2 * step)
            squares += slopes.square().numpy()
    assert parts["r1"].item() == pytest.approx(3 / 2 * squares.mean(), rel=1e-6)


def test_r1_can_be_applied_now_and_then_and_stronger() -> None:
    net = Quadratic()
    every = [Vanilla(r1=1.0, r1_every=4).discriminator_term(quadratic_views(net, step)) for step in (1, 2, 3, 4)]
    always = Vanilla(r1=1.0).discriminator_term(quadratic_views(net, 4))
    assert [float(parts["r1"]) for parts in every[:3]] == [0, 0, 0]  # type: ignore[index]
    torch.testing.assert_close(every[3]["r1"], 4 * always["r1"])  # type: ignore[index]


def test_wgans_penalty_is_its_formula_out_of_the_samples_own_streams() -> None:
    net = Quadratic()
    seen = quadratic_views(net)
    stream = torch.get_rng_state()
    parts = WganGp(penalty=5.0).discriminator_term(seen)
    assert isinstance(parts, dict) and torch.equal(stream, torch.get_rng_state())
    share = SampleDraws(StreamKey(0, 0, 1), range(2), "adversarial").uniform().view(2, 1, 1)
    red = (seen.sr[:, 0] + share * (seen.hr[:, 0] - seen.sr[:, 0])).numpy()
    norm = np.sqrt(((2 * 3 * red) ** 2).sum((1, 2)))
    assert parts["gradient"].item() == pytest.approx(5 * ((norm - 1) ** 2).mean(), rel=1e-5)
    parts["gradient"].backward()
    assert net.a.grad is not None and net.a.grad.isfinite()


def test_scales_count_alike() -> None:
    a, b = (logits(1), logits(2)), (logits(3)[..., :2], logits(4)[..., :2])
    both = replace(
        views(*a),
        discriminator=lambda image: DiscriminatorOutput([a[0], b[0]] if image is HR else [a[1], b[1]]),
    )
    for loss in (Vanilla(), RelativisticAverage(capped=True)):
        for term in ("generator_term", "discriminator_term"):
            parts = [getattr(loss, term)(views(*pair)) for pair in (a, b)]
            torch.testing.assert_close(getattr(loss, term)(both), (parts[0] + parts[1]) / 2)


@pytest.mark.parametrize("loss", [Vanilla, Hinge, Lsgan, WganGp, Relativistic, RelativisticAverage])
def test_no_gradient_crosses_over_and_half_precision_stays_finite(loss: Callable[..., Game]) -> None:
    net = nn.Conv2d(3, 1, 3)
    stream = torch.Generator().manual_seed(7)
    sr = torch.rand(2, 3, 6, 6, generator=stream).requires_grad_()
    hr = torch.rand(2, 3, 6, 6, generator=stream)
    draws = SampleDraws(StreamKey(0, 0, 1), range(2), "adversarial")
    seen = Views(sr=sr, hr=hr, lr=hr, step=1, draws=draws, discriminator=lambda x: DiscriminatorOutput([net(x)]))
    with torch.autocast("cpu", torch.bfloat16):
        term = total(loss(r1=1.0).discriminator_term(seen))
    term.backward()
    assert sr.grad is None and net.weight.grad is not None and net.weight.grad.isfinite().all()
    net.requires_grad_(False).zero_grad()
    loss(capped=True).generator_term(seen).backward()
    assert sr.grad is not None and net.weight.grad is None


def test_no_discriminator_is_the_users_error() -> None:
    seen = replace(views(logits(1), logits(2)), discriminator=None)
    with pytest.raises(UserError, match=r"'hinge' asks a discriminator: add a \[discriminator\]"):
        Hinge().generator_term(seen)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("label_smoothing", lambda: Vanilla(label_smoothing=0.5)),
        ("r1", lambda: Hinge(r1=-1)),
        ("r1_every", lambda: Lsgan(r1_every=0)),
        ("penalty", lambda: WganGp(penalty=-1)),
    ],
)
def test_refuses_what_has_no_sense(key: str, make: Callable[[], Game]) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key


# --- several processes ------------------------------------------------------------------------------------------------


def average_term(weight: Tensor, part: slice) -> Tensor:
    """ESRGAN's discriminator term of the samples in `part`, with logits that depend on one weight."""
    real, fake = weight * logits(1)[part], weight.square() * logits(2)[part]
    return total(RelativisticAverage().discriminator_term(views(real, fake)))


def worker(rank: int, meeting: str, out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    weight = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    term = average_term(weight, slice(rank, rank + 1))
    term.backward()
    assert weight.grad is not None
    both = torch.stack([term.detach(), weight.grad])
    dist.all_reduce(both)
    if rank == 0:
        torch.save(both / 2, out)
    dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="this torch has no gloo")
def test_averages_span_all_processes_with_their_gradient(tmp_path: Path) -> None:
    out = tmp_path / "term.pt"
    mp.spawn(worker, args=((tmp_path / "meeting").as_uri(), str(out)), nprocs=2)
    weight = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    term = average_term(weight, slice(0, 2))
    term.backward()
    assert weight.grad is not None
    torch.testing.assert_close(torch.load(out, weights_only=True), torch.stack([term.detach(), weight.grad]))


def test_averages_of_one_process_are_plain_means() -> None:
    real, fake = logits(1), logits(2)
    assert [one.item() for one in averages(real, fake)] == [real.mean().item(), fake.mean().item()]


@pytest.mark.parametrize(
    ("make", "right"),
    [
        (Vanilla, lambda r, f: (r > 0, f < 0)),
        (Hinge, lambda r, f: (r > 0, f < 0)),
        (Lsgan, lambda r, f: (r > 0.5, f < 0.5)),
        (Relativistic, lambda r, f: (r > f, f < r)),
        (RelativisticAverage, lambda r, f: (r > f.mean(), f < r.mean())),
        (no_wgan_penalty, lambda r, f: (r > f.mean(), f < r.mean())),
    ],
)
def test_the_discriminators_accuracy_is_noted(make: Callable[..., Game], right: Any) -> None:
    real, fake = logits(5), logits(6)
    seen = views(real, fake)
    make().discriminator_term(seen)
    for name, places in zip(("accuracy_real", "accuracy_fake"), right(real.numpy(), fake.numpy()), strict=True):
        assert seen.notes[name].item() == pytest.approx(places.mean())
