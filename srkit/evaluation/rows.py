"""What is scored and what comes out: photos, models, and a table's rows. Nothing here imports torch when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from srkit.contracts import GeneratorOutput


GIVEN = "given"
"""What stands in the place of a downscaler's name where LR pictures came as files."""

BASELINES = ("bicubic", "input")
"""What the row is called that models are measured from: at scale 1 the input itself."""


def lr_origin(downscaler: str, degradations: Sequence[str], *, names_alone: bool = False) -> str:
    """How LR images came about, in words to put behind "LR images"; empty where nobody said.

    Args:
        names_alone: leave the components' options, in brackets, out.
    """
    given = downscaler == GIVEN or downscaler.endswith(f", {GIVEN}")
    by = downscaler.removesuffix(GIVEN).removesuffix(", ") if given else downscaler
    parts = [part.partition(" (")[0] if names_alone else part for part in (by, *degradations) if part]
    made = ", then ".join(parts)
    if given:
        return "given as files" + (f", made by {made}" if made else "")
    return f"by {made}" if made else ""


@dataclass(frozen=True)
class Photo:
    """One picture of a benchmark.

    Attributes:
        name: what to call it in `per_image`; unique in its set.
        hr: the original, uint8 (3, H, W), or None where there is none: then the photo is upscaled and not scored. Up to
            `scale - 1` rows and columns more than the SR picture has are cut off at bottom and right.
        lr: the generators' input, uint8 (3, h, w).
    """

    name: str
    hr: Tensor | None
    lr: Tensor


@dataclass(frozen=True)
class Model:
    """One row's generator.

    Attributes:
        name: the row's name; unique in its table.
        module: LR float (1, 3, h, w) in [0, 1] -> SR (1, 3, h * scale, w * scale), unclamped, or a `GeneratorOutput`;
            already on the device it is scored on.
        parameters: how many numbers were learned. A model that has none (bicubic) is computed in fp32 whatever the
            precision, because a baseline that autocast rounds would make the others look better.
        warnings: what a reader of the table must know, such as "vgg16: random features in place of ImageNet's".
    """

    name: str
    module: Callable[[Tensor], Tensor | GeneratorOutput]
    parameters: int = 0
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class MetricMean:
    """A metric over a set.

    Attributes:
        mean: over the scored images; None where it is infinite (one image equal to its original is enough).
        unit: such as "dB"; empty for none.
        higher_is_better: which way is better.
        finite: where images are left out, the mean over the others; None for a row that is infinite on all.
        left_out: the images on which a row of the same table is infinite (`finite.with_finite_means` fills them in).
    """

    mean: float | None
    unit: str
    higher_is_better: bool
    finite: float | None = None
    left_out: tuple[str, ...] = ()

    @property
    def shown(self) -> float | None:
        """What a table shows: the mean, over the images on which all its rows are finite; None where infinite."""
        return self.finite if self.left_out else self.mean


@dataclass(frozen=True)
class Row:
    """A model's scores on a set, and how they were measured.

    Attributes:
        model: the model's name.
        set: the set's name.
        scale: SR pixels a LR pixel, along one side.
        downscaler: what made the LR images.
        images: how many photos were scored; photos without an original are not counted.
        metrics: the means by the metric's name; empty if no photo was scored.
        per_image: values by photo and metric; None where infinite.
        degradations: what else was done to the LR images, in order.
        border: SR pixels cropped on every side before scoring.
        parameters: of the model.
        seconds_per_megapixel: of SR, the forward pass alone, median over the photos; None if not measured.
        warnings: what a reader must know.
    """

    model: str
    set: str
    scale: int
    downscaler: str
    images: int
    metrics: Mapping[str, MetricMean]
    per_image: Mapping[str, Mapping[str, float | None]]
    degradations: Sequence[str] = ()
    border: int = 0
    parameters: int = 0
    seconds_per_megapixel: float | None = None
    warnings: Sequence[str] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether it is what models are measured from, and nobody's model."""
        return self.model in BASELINES and not self.parameters

    def protocol(self) -> tuple[object, ...]:
        """What must be equal for two rows to stand in one table."""
        photos = tuple(sorted(self.per_image))
        return (self.set, self.scale, self.downscaler, tuple(self.degradations), self.border, self.images, photos)


def by_protocol(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that may be compared with each other, together; groups and rows in the order they came."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.protocol(), []).append(row)
    return list(groups.values())
