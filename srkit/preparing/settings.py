"""What decides how a prepared set looks; two runs into one folder have to agree in all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from srkit.errors import UserError

Form = Literal["png", "webp", "packed"]


@dataclass(frozen=True)
class Settings:
    """Everything that patches depend on beside the photos themselves.

    Attributes:
        patch_size: side of a patch in pixels; None takes each photo whole.
        places: "grid" covers the photo from edge to edge, "random" draws places.
        overlap: the share of a patch's area that it may have in common with another one of the same shrink.
        shrinks: patches are cut from the photo made so many times smaller, 1 being the photo itself.
        downscaler: what shrinks, by its qualified name; a table where it has options.
        shrink_first: what stands in a camera's model or a file's ending (`.jpg`) -> how many times smaller the photo is
            made before anything else.
        flat: patches with less detail are dropped: the mean difference between neighbouring pixels' luma, in levels.
        near_duplicates: photos are dropped whose perceptual hash differs from an earlier one's in so many bits at most;
            -1 drops none.
        validate: the share of photos whose patches go to the validation side; 0 makes no sides.
        form: what patches are written as.
        seed: the seed of random places and of the choice of sides.
    """

    patch_size: int | None
    places: Literal["grid", "random"]
    overlap: float
    shrinks: tuple[int, ...]
    downscaler: str | dict[str, Any]
    shrink_first: dict[str, int]
    flat: float
    near_duplicates: int
    validate: float
    form: Form
    seed: int

    @property
    def scales(self) -> set[int]:
        """Every factor that something is shrunk by."""
        return {one for one in (*self.shrinks, *self.shrink_first.values()) if one > 1}

    def as_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return {**asdict(self), "shrinks": list(self.shrinks)}


def parse_shrink_first(given: tuple[str, ...]) -> dict[str, int]:
    """`("Pixel 7=2", ".jpg=2")` as a mapping; endings in lower case.

    Raises:
        UserError: no `=`, or no whole number from 1 behind it.
    """
    found: dict[str, int] = {}
    for one in given:
        key, _, number = one.rpartition("=")
        key = key.strip()
        if not key or not number.strip().isdecimal() or int(number) < 1:
            raise UserError(
                f"--shrink-first {one}: expected MODEL=N or .ENDING=N with a whole number, "
                'such as "Pixel 7=2" or .jpg=2'
            )
        found[key.lower() if key.startswith(".") else key] = int(number)
    return found


def parse_shrinks(text: str) -> tuple[int, ...]:
    """`1,2,4` as numbers, sorted, each once.

    Raises:
        UserError: something else than whole numbers from 1.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() and int(word) >= 1 for word in words):
        raise UserError(f"--shrinks {text}: expected whole numbers from 1 with commas between them, such as 1,2,4")
    return tuple(sorted({int(word) for word in words}))
