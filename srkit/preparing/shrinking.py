"""Making whole photos smaller with a downscaler of the registry, whichever form it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from srkit.errors import OptionError, UserError
from srkit.experiment import Pick
from srkit.experiment.single import pick_one
from srkit.registry import KINDS, Registry
from srkit.seeds import derived_seed

SHOWN_AS = "--downscaler"


class Shrinker:
    """Downscalers of one kind, one for each scale that is needed.

    Args:
        table: `use` and the options, or the mere name.
        scales: from 2.
        registry: where to look.

    Raises:
        UserError: there is none, its options are wrong or missing, or it cannot do one of the scales.
    """

    def __init__(self, table: str | Mapping[str, Any], scales: Iterable[int], registry: Registry) -> None:
        pick = _picked(table, registry)
        self._built = {scale: _built(pick, scale) for scale in sorted(scales)}

    def __call__(self, photo: np.ndarray, scale: int, key: tuple[int | str, ...]) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (H // scale, W // scale, 3); `key` is what a downscaler that draws draws from."""
        if scale == 1:
            return photo
        downscaler = self._built[scale]
        if downscaler.works_on == "image":
            seen = photo.view()
            seen.flags.writeable = False  # the next patches are cut out of the same photo
            return np.ascontiguousarray(downscaler(seen))
        return _on_tensors(downscaler, photo, derived_seed(*key))


def qualified(table: Mapping[str, Any], registry: Registry) -> str | dict[str, Any]:
    """The downscaler as the manifest holds it: by its qualified name, in a table where it has options.

    Raises:
        UserError: there is none, or more than one; an option is wrong.
    """
    return _spelled(_picked(table, registry))


def _picked(table: str | Mapping[str, Any], registry: Registry) -> Pick:
    table = {"use": table} if isinstance(table, str) else table
    return pick_one(KINDS["downscalers"], table, registry, shown_as=SHOWN_AS, folder=None)


def _spelled(value: Any) -> Any:
    """As JSON has it, with nested downscalers by their qualified names too."""
    if isinstance(value, Pick):
        options = {key: _spelled(one) for key, one in value.options.items()}
        return {"use": value.component.use, **options} if options else value.component.use
    if isinstance(value, (list, tuple)):
        return [_spelled(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _built(pick: Pick, scale: int) -> Any:
    try:
        return pick.build(scale=scale)
    except OptionError as error:
        raise UserError(f"{SHOWN_AS} {pick.component.name}: {error}") from error


def _on_tensors(downscaler: Any, photo: np.ndarray, seed: int) -> np.ndarray:
    # Imported here: a second for each worker that most runs do without.
    import torch

    from srkit.data.lr_images import LrMaker, to_8_bit
    from srkit.draws import SampleDraws, StreamKey

    torch.set_num_threads(1)  # the processes are the parallelism, and results do not depend on their number
    with torch.no_grad():
        hr = torch.from_numpy(photo).permute(2, 0, 1)[None].to(torch.float32) / 255
        draws = SampleDraws(StreamKey(seed, attempt=0, step=0), [0], "downscaler")
        small = to_8_bit(LrMaker(downscaler).shrink(hr, draws))[0]
        return (small * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
