"""The relativistic loss against the notes' own way of writing it, and its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.adversarial_losses.relativistic import Relativistic
from srkit.contracts import DiscriminatorOutput, Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import UserError

SR, HR = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)


def views(real: list[Tensor], fake: list[Tensor]) -> Views:
    """Views whose discriminator answers the original (ones) and the fake (zeros) with these logits."""
    return Views(
        sr=SR,
        hr=HR,
        lr=SR,
        step=1,
        draws=SampleDraws(StreamKey(0, 0, 1), range(2), "relativistic"),
        discriminator=lambda image: DiscriminatorOutput(real if image.mean() > 0.5 else fake),
    )


def logits(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or (2, 1, 5, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_gradient(value: Tensor) -> Tensor:
    return value.clone().requires_grad_()


def notes_generator_term(real: Tensor, fake: Tensor, capped: bool) -> Tensor:
    """As the notes write it: the difference replaced by 9000 where the fake is ahead, then cross entropy with 1."""
    ahead = fake - real.detach()
    if capped:
        ahead = torch.where(ahead > 0, torch.full_like(ahead, 9000.0), ahead)
    return F.binary_cross_entropy_with_logits(ahead, torch.ones_like(ahead))


@pytest.mark.parametrize("capped", [False, True])
def test_generator_term_and_gradient_are_the_notes(capped: bool) -> None:
    fake, other = with_gradient(logits(1)), with_gradient(logits(1))
    real = with_gradient(logits(2))
    term = Relativistic(capped).generator_term(views([real], [fake]))
    expected = notes_generator_term(real, other, capped)
    torch.testing.assert_close(term.double(), expected, rtol=1e-6, atol=1e-7)
    term.backward()
    expected.backward()
    torch.testing.assert_close(fake.grad, other.grad, rtol=1e-5, atol=1e-8)
    assert real.grad is None


def test_capped_places_have_no_gradient_and_their_fraction_is_noted() -> None:
    real, fake = logits(2), with_gradient(logits(1))
    seen = views([real], [fake])
    Relativistic(capped=True).generator_term(seen).backward()
    capped = fake.detach().float() > real.float()
    assert 0 < capped.float().mean() < 1
    assert fake.grad is not None and torch.equal(fake.grad == 0, capped)
    assert seen.notes["capped"] == capped.float().mean()


def test_equal_logits_are_not_capped() -> None:
    fake = with_gradient(torch.zeros(1, 1, 2, 2))
    term = Relativistic(capped=True).generator_term(views([torch.zeros(1, 1, 2, 2)], [fake]))
    assert term.item() == pytest.approx(0.6931472)


@pytest.mark.parametrize("capped", [False, True])
def test_discriminator_term_against_finite_differences(capped: bool) -> None:
    real, fake = with_gradient(logits(3)), with_gradient(logits(4))
    seen = views([real], [fake])
    term = Relativistic(capped).discriminator_term(seen)
    term.backward()
    expected = -torch.log(torch.sigmoid(real - fake)).mean()
    assert term.item() == pytest.approx(expected.item(), rel=1e-6)
    assert seen.notes["real_above_fake"] == (real > fake).float().mean()

    def formula(real: Tensor, fake: Tensor) -> Tensor:
        return -torch.log(torch.sigmoid(real - fake)).mean()

    for place in [(0, 0, 0, 0), (1, 0, 4, 3)]:
        for image in (real, fake):
            step = torch.zeros_like(image)
            step[place] = 1e-5
            sides = [(real + s * step, fake) if image is real else (real, fake + s * step) for s in (1, -1)]
            moved = [formula(*side) for side in sides]
            assert image.grad is not None
            assert image.grad[place].item() == pytest.approx((moved[0] - moved[1]).item() / 2e-5, rel=1e-4)


def test_scales_count_alike() -> None:
    small, large = logits(5, 2, 1, 2, 2), logits(6, 2, 1, 8, 8)
    reals, fakes = [small, large], [small - 1, large + 2]
    loss = Relativistic()
    parts = [loss.generator_term(views([r], [f])) for r, f in zip(reals, fakes, strict=True)]
    torch.testing.assert_close(loss.generator_term(views(reals, fakes)), sum(parts) / 2)
    parts = [loss.discriminator_term(views([r], [f])) for r, f in zip(reals, fakes, strict=True)]
    torch.testing.assert_close(loss.discriminator_term(views(reals, fakes)), sum(parts) / 2)


def test_far_apart_logits_stay_finite() -> None:
    real, fake = torch.full((1, 1, 2, 2), 500.0), with_gradient(torch.full((1, 1, 2, 2), -500.0))
    term = Relativistic(capped=True).generator_term(views([real], [fake]))
    term.backward()
    assert term.item() == 1000 and fake.grad is not None and fake.grad.isfinite().all()


def test_the_gradient_reaches_the_generator_in_its_own_term_only() -> None:
    sr = (SR + 0.1).requires_grad_()
    seen = views([], [])
    seen.sr = sr
    seen.discriminator = lambda image: DiscriminatorOutput([image.mean(1, keepdim=True)])
    Relativistic().discriminator_term(seen)  # all of it is detached here: nothing to call backward on
    assert not Relativistic().discriminator_term(seen).requires_grad
    Relativistic().generator_term(seen).backward()
    assert sr.grad is not None and sr.grad.abs().sum() > 0


def test_no_discriminator_is_the_users_error() -> None:
    seen = views([], [])
    seen.discriminator = None
    with pytest.raises(UserError, match=r"\[discriminator\]"):
        Relativistic().generator_term(seen)
