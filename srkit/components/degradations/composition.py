"""Degradations made of others: one after another, one of several, all in a drawn order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from srkit.components.ranges import check_probability, check_shares
from srkit.components.single_draws import one_by_one, say
from srkit.contracts import Degradation, Draws, Factory
from srkit.errors import OptionError, UserError

__all__ = ["RandomChoice", "Chain", "Shuffle"]


def built(key: str, parts: list[Factory[Degradation]]) -> list[Degradation]:
    """The parts, or an `OptionError` where there is none."""
    if not parts:
        raise OptionError(key, "an empty list; name at least one degradation.")
    return [part() for part in parts]


def joined(pictures: Sequence[Tensor]) -> Tensor:
    """One batch of single pictures.

    Raises:
        UserError: they differ in size.
    """
    sizes = sorted({(picture.shape[-1], picture.shape[-2]) for picture in pictures})
    if len(sizes) > 1:
        found = " and ".join(f"{width} x {height}" for width, height in sizes[:2])
        raise UserError(f"degradations drawn for each picture must leave a batch at one size, they made {found} pixels")
    return torch.cat(list(pictures))


class Chain:
    """Several degradations one after another, as one.

    Float (B, 3, h, w) -> what the last one makes. Each part has random streams of its own.

    Args:
        parts: the degradations, in order.
    """

    def __init__(self, parts: list[Factory[Degradation]]) -> None:
        self.parts = built("parts", parts)

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> (B, 3, h', w')."""
        for number, part in enumerate(self.parts):
            batch = part(batch, draws.child(str(number)))
        return batch


class RandomChoice:
    """One of several degradations for each picture, or none.

    Float (B, 3, h, w) -> the same batch; whatever is drawn must leave the pictures at one size.

    Args:
        choices: the degradations to draw from.
        shares: how often each of them is drawn, in any unit; left out, each alike.
        probability: that a picture is spoiled at all.
    """

    def __init__(
        self, choices: list[Factory[Degradation]], shares: list[float] | None = None, probability: float = 1.0
    ) -> None:
        self.choices = built("choices", choices)
        if shares is not None:
            check_shares("shares", shares, len(choices))
        self.shares = shares
        self.probability = check_probability("probability", probability)

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> (B, 3, h', w')."""
        applied = (draws.uniform() < self.probability).tolist()
        picks = draws.choice(range(len(self.choices)), self.shares)
        say(draws, [f"#{pick + 1}" if wanted else "none" for wanted, pick in zip(applied, picks, strict=True)])
        inner = [one_by_one(draws.child(str(number))) for number in range(len(self.choices))]
        return joined(
            [
                self.choices[pick](batch[place : place + 1], inner[pick][place]) if wanted else batch[place : place + 1]
                for place, (wanted, pick) in enumerate(zip(applied, picks, strict=True))
            ]
        )


class Shuffle:
    """Several degradations in an order drawn for each picture, every order alike.

    The idea is BSRGAN's (Zhang et al. 2021, arXiv 2103.14006). Float
    (B, 3, h, w) -> the same batch; the pictures must end at one size.

    Args:
        parts: the degradations.
    """

    def __init__(self, parts: list[Factory[Degradation]]) -> None:
        self.parts = built("parts", parts)

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> (B, 3, h', w')."""
        inner = [one_by_one(draws.child(str(number))) for number in range(len(self.parts))]
        pictures = []
        orders = self.orders(draws)
        say(draws, [", ".join(f"#{number + 1}" for number in order) for order in orders])
        for place, order in enumerate(orders):
            picture = batch[place : place + 1]
            for number in order:
                picture = self.parts[number](picture, inner[number][place])
            pictures.append(picture)
        return joined(pictures)

    def orders(self, draws: Draws) -> list[list[int]]:
        """A permutation of the parts for each sample."""
        return [
            torch.randperm(len(self.parts), generator=stream, device="cpu").tolist() for stream in draws.generators()
        ]
