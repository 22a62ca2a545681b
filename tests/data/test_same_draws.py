"""The LR pictures are a function of seed, step and sample: any number of workers, any validation, any record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from srkit.components.datasets.folder import Folder
from srkit.components.degradations.blur import Blur
from srkit.components.degradations.jpeg import Jpeg
from srkit.components.degradations.noise import Noise
from srkit.components.downscalers.pillow import Pillow
from srkit.data.decoding import save_png
from srkit.data.loader import Request, load
from srkit.data.lr_images import LrMaker, Step, to_float
from srkit.data.patches import PatchTaker
from srkit.data.recording import RecordedDraws
from srkit.draws import SampleDraws, StreamKey
from srkit.evaluation.judging import photos_of

MAKER = LrMaker(Pillow(2), (), (Step("blur", Blur()), Step("noise", Noise()), Step("jpeg", Jpeg())))


@pytest.fixture
def photos(tmp_path: Path) -> Folder:
    for index in range(6):
        noise = np.random.default_rng(index).integers(0, 256, (40, 44, 3), dtype=np.uint8)
        save_png(tmp_path / f"{index}.png", noise)
    return Folder(tmp_path)


def lr_images(photos: Folder, workers: int) -> list[Tensor]:
    requests = [Request(step, 0, (0, 1, 2), (step, (step + 1) % 6, 4)) for step in range(1, 5)]
    take = PatchTaker(32, 2, flip=True, rotate=True)
    found = []
    for batch in load(photos, requests, prepare=take, seed=3, attempt=0, workers=workers):
        key = StreamKey(3, 0, batch.request.step)
        hr = to_float(batch.hr, torch.device("cpu"))
        found.append(MAKER(hr, lambda name, key=key: SampleDraws(key, (0, 1, 2), name)))  # type: ignore[misc]
    return found


def test_any_number_of_workers_gives_the_same_lr_images(photos: Folder) -> None:
    alone = lr_images(photos, 0)
    for workers in (1, 3):
        assert all(torch.equal(one, other) for one, other in zip(alone, lr_images(photos, workers), strict=True))
    assert not torch.equal(alone[0], alone[1])


def test_validation_pictures_are_degraded_once_and_stay(photos: Folder) -> None:
    first = photos_of(photos, MAKER, 2, seed=5)
    again = photos_of(photos, MAKER, 2, seed=5, limit=3)
    assert [one.name for one in again] == [one.name for one in first[:3]]
    assert all(torch.equal(one.lr, other.lr) for one, other in zip(again, first, strict=False))
    assert not torch.equal(photos_of(photos, MAKER, 2, seed=6, limit=1)[0].lr, first[0].lr)


def test_a_record_names_what_each_sample_drew() -> None:
    key = StreamKey(1, 0, 2)
    records: list[dict[str, list[str]]] = [{}, {}]
    hr = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen = MAKER(hr, lambda name: RecordedDraws(key, (0, 1), name, records))
    assert torch.equal(seen, MAKER(hr, lambda name: SampleDraws(key, (0, 1), name)))
    assert all(set(record) == {"blur", "noise", "jpeg"} for record in records)
    quality = SampleDraws(key, (0, 1), "jpeg").integers(50, 95).tolist()
    assert [int(record["jpeg"][0]) for record in records] == quality


def test_a_degradation_of_anybodys_is_recorded_without_its_help() -> None:
    def theirs(batch: Tensor, draws: RecordedDraws) -> Tensor:
        draws.child("inner").choice(["soft", "hard"])
        return batch * draws.uniform(0.5, 2.0).view(-1, 1, 1, 1) + draws.uniform().view(-1, 1, 1, 1)

    records: list[dict[str, list[str]]] = [{}]
    theirs(torch.zeros(1, 3, 2, 2), RecordedDraws(StreamKey(0, 0, 1), (4,), "theirs", records))
    assert set(records[0]) == {"theirs", "theirs/inner"} and records[0]["theirs/inner"][0] in ("soft", "hard")
    assert len(records[0]["theirs"]) == 1 and 0.5 <= float(records[0]["theirs"][0]) <= 2
