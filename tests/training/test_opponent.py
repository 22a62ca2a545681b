"""The discriminator as losses see it: both images shifted alike by 0..7 pixels, the original judged once, without graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput
from srkit.draws import SampleDraws, StreamKey
from srkit.training.opponent import Opponent, draw_offset

ROOM = 7  # shift_crop = 8
LR = torch.zeros(2, 3, 10, 10)


class Seen(nn.Module):
    """Gives each pixel of the first channel as a logit, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.images: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.images.append(image)
        return self.gain * image[:, :1]


def offset_of(step: int, substep: int = 0) -> tuple[int, int]:
    return draw_offset(SampleDraws(StreamKey(5, 0, step, substep), (0,), "discriminator/shift"), ROOM)


def test_the_shifts_are_all_of_0_to_7_on_each_axis_and_a_function_of_the_step() -> None:
    offsets = [offset_of(step) for step in range(1, 400)]
    assert set(offsets) == {(down, right) for down in range(8) for right in range(8)}
    assert offsets == [offset_of(step) for step in range(1, 400)]
    assert [offset_of(step, 1) for step in range(1, 20)] != offsets[:19]  # a further step of D on the same pictures
    assert draw_offset(SampleDraws(StreamKey(5, 0, 1), (0,), "discriminator/shift"), 0) == (0, 0)


def test_fake_and_original_are_shifted_alike_and_keep_their_size_less_seven() -> None:
    hr = torch.arange(2 * 3 * 20 * 20.0).view(2, 3, 20, 20)
    sr = hr + 0.25
    for offset in ((0, 0), (7, 7), (3, 6)):
        network = Seen()
        opponent = Opponent(network, LR, offset, ROOM, [hr])
        fake, real = opponent(sr).logits[0], opponent(hr).logits[0]
        assert fake.shape == real.shape == (2, 1, 13, 13)
        assert torch.equal(fake - real, torch.full_like(fake, 0.25))
        assert real[0, 0, 0, 0] == hr[0, 0, offset[0], offset[1]]


def test_without_a_shift_the_whole_picture_is_seen() -> None:
    network = Seen()
    Opponent(network, LR, (0, 0), 0)(LR)
    assert network.images[0] is LR


def test_in_the_generators_step_the_original_is_judged_once_and_without_graph() -> None:
    network, hr = Seen(), torch.rand(2, 3, 20, 20)
    sr = hr.clone().requires_grad_()
    opponent = Opponent(network, LR, (1, 2), ROOM, [hr])
    first, again = opponent(hr).logits[0], opponent(hr).logits[0]
    assert first is again and not first.requires_grad and len(network.images) == 1
    opponent(sr).logits[0].sum().backward()
    assert sr.grad is not None
    outside = sr.grad[:, :1].clone()
    outside[..., 1:14, 2:15] = 0
    assert not outside.any() and bool((sr.grad[:, 0, 1:14, 2:15] == 1).all())


def test_in_its_own_step_it_learns_from_both() -> None:
    network, hr = Seen(), torch.rand(2, 3, 20, 20)
    opponent = Opponent(network, LR, (0, 0), ROOM)
    assert opponent(hr).logits[0].requires_grad
    opponent(hr)
    assert len(network.images) == 2


def test_one_that_asks_for_the_lr_is_handed_it_and_half_precision_becomes_whole() -> None:
    class ByLr(nn.Module):
        def forward(self, image: Tensor, lr: Tensor) -> DiscriminatorOutput:
            assert lr is LR
            return DiscriminatorOutput([image[:, :1].bfloat16()], [image])

    output = Opponent(ByLr(), LR, (0, 0), 0)(LR)
    assert output.logits[0].dtype == torch.float32 and len(output.features) == 1
