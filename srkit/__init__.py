"""srkit: experiments with image super-resolution out of interchangeable parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srkit.inference.ready import ReadyModel

__version__ = "0.1.0"


def load(model: str | Path) -> ReadyModel:
    """A trained model as a torch module with its `scale`.

    Args:
        model: a run folder, one of its checkpoints, or a file that `--model` takes.

    Returns:
        On the CPU, in eval mode: LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped.

    Raises:
        UserError: there is no such model, or it cannot be used.
    """
    # Here, so that `import srkit` needs no torch.
    from srkit.inference.ready import ready_model

    return ready_model(str(model))


contract = 1
"""The version of what components are called with and give: what a plugin may declare that it was written for."""
