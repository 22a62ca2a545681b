"""Whether an LR and an HR picture belong together: the same scene, at the same place, as large and as bright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["pair_problems", "scale_of"]

SHIFT = 0.2
"""LR pixels from which a shift is named. Taking every second pixel shifts by 0.25, every fourth by 0.375."""

STRETCH = 0.5
"""LR pixels at the border from which a difference in scale is named."""

LEVELS = 3.0
"""Levels of 255 from which a difference in brightness is named; rounding and compression make less than one."""

CONTRAST = 0.1
"""Share from which a difference in contrast is named; a blur of 1.5 pixels makes 0.08 at most."""

CERTAIN = 5.0
"""How many times its own uncertainty a shift or stretch has to be: noise alone looks like a small one."""

ALIKE = 0.75
"""Correlation of the pictures without their finest detail below which they are not of one scene."""

ROUNDS = 25
"""Refinements at most: one or two do for a pair that fits, six to eight where the scale differs by 4%."""

SETTLED = 0.005
"""LR pixels at the border: a refinement that changes less was the last one."""

_FLAT = 2.0  # levels of deviation under which there is nothing to compare but the brightness
_LARGEST = 768  # LR pixels of a side that are looked at, from the middle: more tell nothing more
_LUMA = np.array([0.299, 0.587, 0.114])


def scale_of(lr: np.ndarray, hr: np.ndarray) -> int:
    """The whole number that leads from one size to the other, rows and columns that were cropped aside; 0 for none."""
    for scale in range(max(1, hr.shape[0] // lr.shape[0]), 0, -1):
        if all(hr.shape[axis] // scale == lr.shape[axis] for axis in (0, 1)):
            return scale
    return 0


def pair_problems(lr: np.ndarray, hr: np.ndarray) -> list[str]:
    """What speaks against two pictures being one pair; empty where nothing does.

    HR is shrunk by averages to the size of LR. The shift is found by correlation, then refined together with the
    stretch, gain and offset by least squares (Lucas and Kanade 1981), on luma without its finest detail, so that blur,
    noise and compression in LR are no faults.

    Args:
        lr: uint8 RGB (h, w, 3).
        hr: uint8 RGB (H, W, 3), larger by the same whole number on both sides, but for cropped rows and columns.
    """
    scale = scale_of(lr, hr)
    if not scale:
        return [f"LR {lr.shape[1]}x{lr.shape[0]} and HR {hr.shape[1]}x{hr.shape[0]} pixels are no whole number apart"]
    small, shrunk = _central(lr, _shrunk(hr, scale))
    found = _brightness(small, shrunk)
    one, other = _smooth(small @ _LUMA), _smooth(shrunk @ _LUMA)
    if min(one.shape) < 16 or min(one.std(), other.std()) < _FLAT:
        return found
    down, right = _whole_shift(one, other)
    if _correlation(one, other, down, right) < ALIKE:
        return [_turned(one, other)]
    if _channels_exchanged(small, shrunk):
        found = ["red and blue are exchanged in LR"]
    return _position(_Fit.of(one, other, (down, right))) + found


def _shrunk(hr: np.ndarray, scale: int) -> np.ndarray:
    """float (h, w, 3): averages of scale x scale pixels."""
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    rows = hr[: height * scale, : width * scale].reshape(height, scale, width * scale, 3).sum(1, dtype=np.uint32)
    return rows.reshape(height, width, scale, 3).sum(2) / (scale * scale)


def _central(lr: np.ndarray, shrunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    top, left = (max(0, (side - _LARGEST) // 2) for side in lr.shape[:2])
    cut = slice(top, top + _LARGEST), slice(left, left + _LARGEST)
    return lr[cut].astype(np.float64), shrunk[cut]


def _smooth(luma: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(luma, 1.0)


def _brightness(small: np.ndarray, shrunk: np.ndarray) -> list[str]:
    """Contrast, else level, else tint; in patches of eight pixels, which neither blur nor noise changes much."""
    one, other = (_in_patches(image @ _LUMA) for image in (small, shrunk))
    if other.size >= 16 and other.std() >= 2 * _FLAT:
        gain = one.std() / other.std()
        if abs(gain - 1) >= CONTRAST:
            return [f"LR has {abs(gain - 1):.0%} {'more' if gain > 1 else 'less'} contrast than HR"]
    difference = (small - shrunk).mean((0, 1))
    level = float(difference @ _LUMA)
    if abs(level) >= LEVELS:
        return [f"LR is {abs(level):.0f} levels {'brighter' if level > 0 else 'darker'} than HR"]
    if np.abs(difference).max() < 2 * LEVELS:
        return []
    names = zip(("red", "green", "blue"), difference, strict=True)
    casts = [f"{value:+.0f} in {name}" for name, value in names if abs(value) >= LEVELS]
    return [f"LR has another tint than HR: {', '.join(casts)} levels"]


def _in_patches(luma: np.ndarray, side: int = 8) -> np.ndarray:
    rows, columns = (length // side for length in luma.shape)
    return luma[: rows * side, : columns * side].reshape(rows, side, columns, side).mean((1, 3))


def _channels_exchanged(small: np.ndarray, shrunk: np.ndarray) -> bool:
    as_they_are, exchanged = (np.abs(image - shrunk).mean() for image in (small, small[..., ::-1]))
    return bool(exchanged < as_they_are / 2 and as_they_are > LEVELS)


def _whole_shift(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """(down, right): by how many pixels `one` is shifted, where their middle frequencies correlate best.

    Half a side is the most that is found.
    """
    spectra = [np.fft.rfft2(image - ndimage.gaussian_filter(image, 4.0)) for image in (one, other)]
    surface = np.fft.irfft2(spectra[0] * spectra[1].conj(), s=one.shape)
    place = np.unravel_index(surface.argmax(), surface.shape)
    down, right = (
        int(at) if at <= side // 2 else int(at) - side for at, side in zip(place, surface.shape, strict=True)
    )
    return down, right


def _correlation(one: np.ndarray, other: np.ndarray, down: int, right: int) -> float:
    mine, theirs = (image.ravel() for image in _overlap(one, other, down, right))
    mine, theirs = mine - mine.mean(), theirs - theirs.mean()
    norm = float(np.sqrt((mine @ mine) * (theirs @ theirs)))
    return float(mine @ theirs) / norm if norm else 0.0


def _overlap(one: np.ndarray, other: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """What both show where `one` is shifted down and right."""
    height, width = one.shape
    mine = one[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    theirs = other[max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
    return mine, theirs


def _turned(one: np.ndarray, other: np.ndarray) -> str:
    """Two pictures that are not alike may be so after a turn or mirroring."""
    changes = {
        "LR is mirrored left to right": one[:, ::-1],
        "LR is mirrored top to bottom": one[::-1],
        "LR is turned by 180 degrees": one[::-1, ::-1],
    }
    if one.shape[0] == one.shape[1]:
        changes["LR is turned by 90 degrees to the left"] = np.rot90(one, -1)
        changes["LR is turned by 90 degrees to the right"] = np.rot90(one)
    for said, changed in changes.items():
        if _correlation(changed, other, *_whole_shift(changed, other)) >= ALIKE:
            return said
    return "LR shows something else than HR"


@dataclass(frozen=True)
class _Fit:
    """How `one` lies over `other`: values and their uncertainties (standard errors).

    Attributes:
        shift: (down, right) in pixels, at the middle.
        stretch: how much larger, as a share, down and right.
        shift_error, stretch_error: their uncertainties.
        shape: of the pictures.
    """

    shift: tuple[float, float]
    stretch: tuple[float, float]
    shift_error: tuple[float, float]
    stretch_error: tuple[float, float]
    shape: tuple[int, int]

    @staticmethod
    def of(one: np.ndarray, other: np.ndarray, start: tuple[int, int]) -> _Fit:
        """By Gauss-Newton from a shift that is right to about a pixel."""
        middle = [(side - 1) / 2 for side in one.shape]
        y, x = (np.arange(side) - half for side, half in zip(one.shape, middle, strict=True))
        values = np.array([*start, 0.0, 0.0])
        errors = np.full(4, np.inf)
        for _ in range(ROUNDS):
            places = [
                half + (axis - shift) / (1 + stretch)
                for half, axis, shift, stretch in zip(middle, (y, x), values[:2], values[2:], strict=True)
            ]
            warped = ndimage.map_coordinates(other, np.meshgrid(*places, indexing="ij"), order=1, mode="reflect")
            # Only what lies inside of both, a border of smoothing aside.
            inside = [(place > 3) & (place < side - 4) for place, side in zip(places, one.shape, strict=True)]
            rows, columns = (np.flatnonzero(some) for some in inside)
            if min(len(rows), len(columns)) < 8:
                break
            cut = np.ix_(rows, columns)
            slopes = [slope[cut] for slope in np.gradient(warped)]
            model = [-slopes[0], -slopes[1], -slopes[0] * y[rows][:, None], -slopes[1] * x[columns][None]]
            model += [warped[cut], np.ones_like(warped[cut])]
            step, errors = _least_squares(np.stack([part.ravel() for part in model], 1), one[cut].ravel())
            gain = step[4] if abs(step[4]) > 0.1 else 1.0
            change = np.clip(step[:4] / gain, [-2, -2, -0.05, -0.05], [2, 2, 0.05, 0.05])
            values = values + change
            errors = errors[:4] / abs(gain)
            if np.abs(change * [1, 1, *middle]).max() < SETTLED:
                break
        down, right, taller, wider = (float(value) for value in values)
        return _Fit((down, right), (taller, wider), tuple(errors[:2]), tuple(errors[2:4]), one.shape)


def _least_squares(model: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The solution and its standard errors. Neighbours are smoothed, so that a tenth of the values is independent."""
    products = model.T @ model
    inverse = np.linalg.pinv(products, hermitian=True)
    solution = inverse @ (model.T @ values)
    spread = ((values - model @ solution) ** 2).mean()
    return solution, np.sqrt(np.maximum(np.diag(inverse), 0) * spread * 10)


def _position(fit: _Fit) -> list[str]:
    found = []
    ways = (("up", "down"), ("to the left", "to the right"))
    parts = [
        f"{abs(shift):.2g} px {names[shift > 0]}"
        for shift, error, names in zip(fit.shift, fit.shift_error, ways, strict=True)
        if abs(shift) >= max(SHIFT, CERTAIN * error)
    ]
    if parts:
        found.append(f"LR is shifted by about {' and '.join(parts)} (in LR pixels)")
    pixels = [stretch * side / 2 for stretch, side in zip(fit.stretch, fit.shape, strict=True)]
    stretched = [
        f"{stretch:+.1%} {name}"
        for stretch, error, reach, name in zip(
            fit.stretch, fit.stretch_error, pixels, ("vertically", "horizontally"), strict=True
        )
        if abs(reach) >= STRETCH and abs(stretch) >= CERTAIN * error
    ]
    if stretched:
        found.append(f"LR shows the scene at another scale: {', '.join(stretched)}")
    return found
