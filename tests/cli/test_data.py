"""`srkit data`: the sheet, the numbers, and what it says of broken pictures and of wrong input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.conftest import Command, photo

SPOILED = '[[degradation]]\nuse = "jpeg"\nquality = [40, 60]\n'


def test_the_sheet_and_the_numbers(workplace: Path, srkit: Command) -> None:
    before = set((workplace / "runs").rglob("*"))
    said = srkit("data", "tiny.toml", "--out", "sheet.png")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    for words in ("1 to train with, 1 to validate with", "32x24", "broken      none", "sharpness", "it waits for data"):
        assert words in said.out
    assert Image.open("sheet.png").size[0] > 300
    assert set((workplace / "runs").rglob("*")) == before


def test_json_says_what_was_drawn_and_step_and_seed_decide_it(workplace: Path, srkit: Command) -> None:
    (workplace / "spoiled.toml").write_text((workplace / "tiny.toml").read_text().replace("steps = 1", "steps = 3"))
    with (workplace / "spoiled.toml").open("a") as file:
        file.write(SPOILED)

    def drawn(*options: str) -> tuple[str, bytes]:
        said = srkit("data", "spoiled.toml", "--json", *options)
        assert said.code == 0, said.err
        found = json.loads(said.out)
        (line,) = found["samples"][0]["drawn"]
        assert line.startswith("jpeg: ") and 40 <= int(line.split()[1]) <= 60
        return line, Path(found["sheet"]).read_bytes()

    first = drawn()
    assert drawn() == first and (workplace / "spoiled-data.png").is_file()
    assert len({first, drawn("--step", "2"), drawn("--set", "seed=9")}) == 3


NESTED = """
[downscaler]
use = "random"
choices = ["box", { use = "lanczos", lobes = 2 }]
[[degradation]]
use = "random-choice"
choices = ["jpeg", { use = "sequence", parts = ["webp", "jpeg", { use = "jpeg", quality = [10, 20] }] }]
probability = 0.7
[[degradation]]
use = "shuffle"
parts = ["noise", "jpeg"]
[augment]
mixup = 0.4
cutmix = 0.3
cutblur = 0.2
"""


def test_parts_are_called_by_their_names_and_what_is_not_done_is_said_to_be(workplace: Path, srkit: Command) -> None:
    text = (workplace / "tiny.toml").read_text().replace('[downscaler]\nuse = "torch-bilinear"\n', NESTED)
    (workplace / "nested.toml").write_text(text.replace("batch_size = 1", "batch_size = 24"))
    said = srkit("data", "nested.toml", "--json")
    assert said.code == 0, said.err
    drawn = [dict(line.split(": ", 1) for line in one["drawn"]) for one in json.loads(said.out)["samples"]]
    assert {one["downscaler"] for one in drawn} == {"box", "lanczos"}
    assert {one["random-choice"] for one in drawn} == {"none", "jpeg", "sequence"}
    assert {one["shuffle"] for one in drawn} == {"noise, jpeg", "jpeg, noise"}
    parts = {f"random-choice/sequence/{name}" for name in ("webp", "jpeg #2", "jpeg #3")}
    for one in drawn:
        chosen = {key for key in one if key.startswith("random-choice/")}
        assert chosen == {"none": set(), "jpeg": {"random-choice/jpeg"}, "sequence": parts}[one["random-choice"]]
        assert "shuffle/noise" in one and one["shuffle/jpeg"].isdecimal()
    mixed = {" ".join(one["mixing"].split()[:1]) for one in drawn}
    assert mixed == {"mixup,", "cutmix,", "cutblur,", "none"}
    assert any(re.fullmatch(r"mixup, [\d.]+ of sample \d+", one["mixing"]) for one in drawn)
    assert any(re.fullmatch(r"cutmix, \dx\d of sample \d+", one["mixing"]) for one in drawn)


def test_broken_pictures_are_listed_and_the_rest_is_shown(workplace: Path, srkit: Command) -> None:
    (workplace / "photos" / "torn.png").write_bytes(photo(workplace / "photos" / "bb.png").read_bytes()[:90])
    said = srkit("data", "tiny.toml", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["pictures"] == 2 and any("torn.png" in one for one in found["broken"])
    assert found["sizes"] == [{"width": 32, "height": 24, "count": 2}] and len(found["sharpness"]) == 2


def test_what_cannot_be_is_said_in_one_line(workplace: Path, srkit: Command) -> None:
    for options, words in (
        (["--step", "2"], "there is no step 2; the run has 1"),
        (["--out", "nowhere/sheet.png"], "cannot be written"),
        (["--set", "generator.chanels=3"], "Did you mean 'channels'?"),
    ):
        said = srkit("data", "tiny.toml", *options)
        assert said.code == 2 and words in said.err and "Traceback" not in said.err


def test_sharpness_tells_blur_from_texture() -> None:
    from srkit.preview import sharpness_of

    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert sharpness_of(np.full((9, 9, 3), 7, np.uint8)) == 0 < sharpness_of(noise // 8) < sharpness_of(noise) / 7
    assert sharpness_of(noise[:1]) == 0
