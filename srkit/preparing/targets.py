"""Where patches are written: numbered files in folders of a thousand, or their place in a packed set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srkit.data.packed import HEADER_BYTES, check_of
from srkit.data.placing import renamed_into
from srkit.links import folder_inside, open_no_follow
from srkit.preparing.cutting import encoded
from srkit.preparing.settings import Form

WORK = ".prepare"
"""The folder inside of the results for what is not finished; datasets skip it for its dot."""

PER_FOLDER = 1000


@dataclass(frozen=True)
class Slot:
    """Where the patches of one photo begin.

    Attributes:
        side: "", "train" or "validate".
        number: of the first patch on its side.
        offset: bytes of pictures before it on its side.
    """

    side: str
    number: int
    offset: int


@dataclass(frozen=True)
class Target:
    """Writes patches; any number of processes may, each the patches of other photos.

    Attributes:
        out: the folder of the results.
        form: "png", "webp" or "packed".
    """

    out: Path
    form: Form

    def write(self, slot: Slot, patches: Iterable[np.ndarray]) -> tuple[str, ...]:
        """Write patches one after another; gives `check_of` each as it was written.

        Raises:
            OSError: the disk is full or the folder read-only.
        """
        return self._pack(slot, patches) if self.form == "packed" else self._files(slot, patches)

    def file(self, side: str, number: int) -> Path:
        """The file of a patch: `12/12678.png`."""
        return self.out / side / str(number // PER_FOLDER) / f"{number}.{self.form}"

    def packing(self, side: str) -> Path:
        """The file that a side's patches are packed into until all are."""
        return self.out / WORK / f"{side or 'all'}.npy"

    def _files(self, slot: Slot, patches: Iterable[np.ndarray]) -> tuple[str, ...]:
        checks = []
        # kept out of the results' folders, which a kill then leaves as they are
        work = self.out / WORK
        for number, patch in enumerate(patches, slot.number):
            content = encoded(patch, self.form)
            checks.append(check_of(content))
            target = self.file(slot.side, number)
            if number == slot.number or number % PER_FOLDER == 0:
                folder_inside(self.out, *target.parent.relative_to(self.out).parts)
            with renamed_into(target, work) as aside:
                aside.write_bytes(content)
        return tuple(checks)

    def _pack(self, slot: Slot, patches: Iterable[np.ndarray]) -> tuple[str, ...]:
        checks = []
        with open_no_follow(self.packing(slot.side), "r+b", buffering=0) as file:
            file.seek(HEADER_BYTES + slot.offset)
            for patch in patches:
                left = encoded(patch, self.form)
                checks.append(check_of(left))
                while left:  # one call may write less than it was given
                    left = left[file.write(left) :]
        return tuple(checks)
