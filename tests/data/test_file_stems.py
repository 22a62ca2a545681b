"""File names made of images' names: they stay in their folder and are short enough."""

from __future__ import annotations

import pytest

from srkit.data.decoding import FileStems, file_stem


@pytest.mark.parametrize(
    "name",
    [
        "../../x.png",
        "..",
        "",
        "/etc/passwd",
        "a\\..\\b.png",
        "C:x.png",
        "a\0b.png",
        "a\nb.png",
        "ä" * 300,
        "\udcff.png",
    ],
)
def test_a_name_leads_nowhere_else(name: str) -> None:
    stem = file_stem(name)
    assert stem and not set(stem) & set("/\\:\0\n") and stem not in ("..",)
    assert len(f"{stem}-2.webp".encode("utf-8", "surrogateescape")) <= 255


def test_two_long_names_stay_two_files() -> None:
    stem = FileStems()
    assert stem("n" * 300 + "1.png") != stem("n" * 300 + "2.png")


def test_what_cameras_and_people_write_stays_as_it_is() -> None:
    for name in ("IMG_0001", "a b (1)", "日本　語", "photo@2+256+0"):
        assert file_stem(f"{name}.jpg") == name
