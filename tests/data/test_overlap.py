"""Which sets are the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from srkit.data.overlap import same_files


class InOneFile:
    """Some samples of a file that holds many, as a packed set's."""

    def __init__(self, file: str, names: list[str]) -> None:
        self.file, self.names = Path(file), names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        raise AssertionError("nothing is decoded")

    def name(self, index: int) -> str:
        return self.names[index]

    def files(self) -> list[Path]:
        return [self.file] * len(self)


def test_samples_of_one_file_are_told_apart_by_their_names() -> None:
    whole = InOneFile("set.bin", ["a", "b", "c"])
    assert same_files(whole, InOneFile("./set.bin", ["c", "b", "a"]))
    assert not same_files(whole, InOneFile("set.bin", ["a", "b"]))
    assert not same_files(whole, InOneFile("other.bin", ["a", "b", "c"]))
