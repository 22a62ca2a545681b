"""A set's photos looked at once: content hashes, sizes, and the pictures themselves as far as memory allows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from srkit.data.cache import files_of_each
from srkit.data.decoding import room_to_decode
from srkit.data.likeness import Hash, perceptual_hash
from srkit.errors import BadImage, UserError
from srkit.evaluation.bench.sets import PhotoSet
from srkit.evaluation.bench.workers import spread
from srkit.evaluation.rows import Photo

__all__ = ["Gallery", "Progress", "Seen", "content_key", "look"]

KEPT_BYTES = 1_000_000_000

Progress = Callable[[str, int, int], None]
"""Told what is done, how many are done and of how many."""


@dataclass(frozen=True)
class Seen:
    """One photo as the cache knows it.

    Attributes:
        name: in the set.
        key: a hash of both pictures' pixels.
        lr_size: (h, w).
        likeness: the original's perceptual hash.
    """

    name: str
    key: str
    lr_size: tuple[int, int]
    likeness: Hash


@dataclass
class Gallery:
    """A set that was looked at.

    Attributes:
        photos: what is known of each, in the set's order.
    """

    photo_set: PhotoSet
    photos: Sequence[Seen]
    _kept: dict[int, Photo] = field(default_factory=dict)

    def photo(self, index: int) -> Photo:
        """A photo, from memory or from its file."""
        return self._kept[index] if index in self._kept else self.photo_set.photo(index)

    @property
    def median(self) -> int:
        """The number of a photo of middling size: what times are measured on."""
        order = sorted(range(len(self.photos)), key=lambda one: self.photos[one].lr_size)
        return order[len(order) // 2]

    @property
    def largest(self) -> tuple[int, int]:
        """The LR size (h, w) of the largest photo."""
        return max((one.lr_size for one in self.photos), key=lambda size: size[0] * size[1])


def look(photo_set: PhotoSet, workers: int, progress: Progress) -> Gallery:
    """Decode a set once and make its LR pictures, several photos at a time.

    Raises:
        UserError: listing every photo that cannot be used.
    """
    gallery = Gallery(photo_set, ())
    room = [KEPT_BYTES]

    files = files_of_each(photo_set.dataset)

    def one(index: int) -> Seen | BadImage:
        with room_to_decode(*files(index)):
            return seen(index)

    def seen(index: int) -> Seen | BadImage:
        try:
            photo = photo_set.photo(index)
        except BadImage as error:
            return error
        assert photo.hr is not None  # a set is made of originals
        size = photo.hr.numel() + photo.lr.numel()
        if room[0] >= size:
            room[0] -= size
            gallery._kept[index] = photo
        likeness = perceptual_hash(photo.hr.permute(1, 2, 0).numpy())
        height, width = photo.lr.shape[-2:]
        return Seen(photo.name, content_key(photo), (height, width), likeness)

    found: list[Seen] = []
    broken: list[BadImage] = []
    for number, answer in enumerate(spread(one, range(len(photo_set)), workers)):
        if isinstance(answer, BadImage):
            broken.append(answer)
        else:
            found.append(answer)
        progress(f"looking at {photo_set.name}", number + 1, len(photo_set))
    if broken:
        shown = [f"  {error}" for error in broken[:20]]
        more = [f"  and {len(broken) - 20} more"] if len(broken) > 20 else []
        raise UserError(f"set {photo_set.name}: {len(broken)} photos cannot be used:", *shown, *more)
    gallery.photos = tuple(found)
    return gallery


def content_key(photo: Photo) -> str:
    """A hash of the pixels of both pictures."""
    whole = hashlib.sha256()
    for picture in (photo.lr, photo.hr):
        assert picture is not None
        whole.update(str(tuple(picture.shape)).encode() + _bytes(picture))
    return whole.hexdigest()


def _bytes(picture: Tensor) -> bytes:
    return picture.contiguous().numpy().tobytes()
