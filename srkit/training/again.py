"""A step's loss once more, for optimizers that ask for it: same batch, same streams, the weights of that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from srkit.training.distributed import Processes

__all__ = ["Again"]


class Again:
    """Computes loss and gradients of one step as often as an optimizer likes; nothing else of the step is changed.

    What a forward pass moves on (running means, the vectors of spectral norm, torch's global streams) is put back to
    where the step's own pass began, and afterwards to where that pass left it.

    Args:
        losses: the weighted losses of the step's parts, one after another.
        parts: how many.
        device: where they are computed.
        processes: those that share the batch.
        modules: all that take part.
    """

    def __init__(
        self,
        losses: Callable[[], Iterator[Tensor]],
        parts: int,
        device: torch.device,
        processes: Processes,
        modules: Sequence[nn.Module],
    ) -> None:
        self.losses, self.parts, self.device, self.processes = losses, parts, device, processes
        self._buffers = list({id(one): one for module in modules for one in module.buffers()}.values())
        self._begun = self._state()

    def __call__(self, weights: list[Tensor]) -> Tensor:
        """Put the gradients at the weights of now in the place of theirs; gives the loss, without graph."""
        learning = [one for one in weights if one.requires_grad]
        for weight in learning:
            weight.grad = None
        loss = torch.zeros((), device=self.device)
        with self._from_the_beginning(), torch.enable_grad():
            for total in self.losses():
                share = total / self.parts
                loss = loss + share.detach().float()
                for weight, gradient in zip(
                    learning, torch.autograd.grad(share, learning, allow_unused=True), strict=True
                ):
                    if gradient is not None:
                        # LBFGS lays gradients out flat, which channels_last ones do not allow
                        weight.grad = gradient.contiguous() if weight.grad is None else weight.grad + gradient
        self.processes.mean_gradients(weights)
        return self.processes.mean_terms({"loss": loss})["loss"]

    def _state(self) -> tuple[list[Tensor], Tensor, Tensor | None]:
        on_card = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return [one.clone() for one in self._buffers], torch.get_rng_state(), on_card

    def _put(self, state: tuple[list[Tensor], Tensor, Tensor | None]) -> None:
        values, stream, on_card = state
        with torch.no_grad():
            for buffer, value in zip(self._buffers, values, strict=True):
                buffer.copy_(value)
        torch.set_rng_state(stream)
        if on_card is not None:
            torch.cuda.set_rng_state(on_card, self.device)

    @contextmanager
    def _from_the_beginning(self) -> Iterator[None]:
        after = self._state()
        self._put(self._begun)
        try:
            yield
        finally:
            self._put(after)
