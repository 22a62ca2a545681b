"""Models judged: against independent numbers, from the cache, whatever the number of workers, after an interrupt."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from srkit.contracts import Dataset
from srkit.data.decoding import decode
from srkit.errors import SrkitError
from srkit.evaluation.bench.benchmark import Contestant, benchmark
from srkit.evaluation.bench.costs import cost_of
from srkit.evaluation.bench.entries import compare
from srkit.evaluation.bench.fidelity import colour_drift, consistency
from srkit.evaluation.bench.judge import picture_of
from srkit.evaluation.bench.notes import notes
from srkit.evaluation.bench.timing import FEWEST_ROUNDS, ROUNDS, interleaved
from srkit.evaluation.bench.training_photos import TrainingSet
from srkit.evaluation.rows import Photo
from tests.evaluation.bench_support import interpolation, judge, network, quiet, set_of, write_pictures


def luma(image: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr, Y in 16..235, not rounded; (3, H, W) uint8."""
    return np.tensordot([65.481, 128.553, 24.966], image.astype(np.float64) / 255, 1) + 16


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_has_the_scores_that_scikit_image_gives_it(tmp_path: Path, scale: int) -> None:
    """Wang's settings: 11 x 11 Gaussian window of sigma 1.5, population covariance, the border left out."""
    photo_set = set_of(write_pictures(tmp_path / "made", 3, size=(61, 50)), scale)
    (found,) = benchmark([interpolation("bicubic", scale)], photo_set, judge(tmp_path / "cache"), machine=None)
    bicubic = interpolation("bicubic", scale).load()
    for index in range(3):
        photo = photo_set.photo(index)
        with torch.no_grad():
            sr = picture_of("bicubic", bicubic, photo, scale, torch.device("cpu")).numpy()
        assert photo.hr is not None
        hr = photo.hr.numpy()[:, : sr.shape[1], : sr.shape[2]]
        one, other = (luma(image)[scale:-scale, scale:-scale] for image in (sr, hr))
        scores = found.row.per_image[photo.name]
        assert scores["psnr-y"] == pytest.approx(10 * math.log10(255**2 / np.square(one - other).mean()), abs=1e-6)
        _, whole = structural_similarity(
            one,
            other,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            full=True,
        )
        assert scores["ssim-y"] == pytest.approx(whole[5:-5, 5:-5].mean(), abs=1e-6)
    assert found.row.downscaler == "matlab-bicubic" and found.row.border == scale


def test_scores_are_the_same_bit_for_bit_whatever_the_number_of_workers(tmp_path: Path) -> None:
    photo_set = set_of(write_pictures(tmp_path / "made", 7))
    models = [interpolation("bicubic"), Contestant("espcn", "e", network)]
    rows = []
    for workers in (1, 2, 5):
        torch.set_num_threads(workers)
        found = benchmark(models, photo_set, judge(tmp_path / f"cache{workers}", workers=workers), machine=None)
        assert torch.get_num_threads() == workers
        rows.append([(one.row, one.macs_per_megapixel, one.peak_memory) for one in found])
    torch.set_num_threads(1)
    assert rows[0] == rows[1] == rows[2]


def test_what_is_known_is_not_computed_again(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "made", 3)
    loads = []

    def load() -> torch.nn.Module:
        loads.append(1)
        return network()

    models = [Contestant("espcn", "e", load)]
    first = benchmark(models, set_of(folder), judge(tmp_path / "cache"), machine="here")
    assert len(loads) == 2  # for scores and costs together, and for times
    again = benchmark(models, set_of(folder), judge(tmp_path / "cache"), machine="here")
    assert len(loads) == 2 and again == first
    write_pictures(folder, 1, first=9)
    more = benchmark(models, set_of(folder), judge(tmp_path / "cache"), machine=None)
    assert len(loads) == 3 and more[0].row.images == 4
    assert {name: more[0].row.per_image[name] for name in first[0].row.per_image} == first[0].row.per_image
    for changed in (judge(tmp_path / "cache", ("psnr-rgb",)), judge(tmp_path / "other")):
        benchmark(models, set_of(folder), changed, machine=None)
    assert len(loads) == 5


def test_an_interrupted_benchmark_goes_on(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "made", 4)
    seen: list[int] = []

    class Stops(torch.nn.Module):
        def __init__(self, after: int) -> None:
            super().__init__()
            self.after = after

        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            if lr.device.type == "cpu":
                seen.append(1)
                if len(seen) > self.after:
                    raise KeyboardInterrupt
            return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)

    with pytest.raises(KeyboardInterrupt):
        benchmark([Contestant("m", "m", lambda: Stops(2))], set_of(folder), judge(tmp_path / "c"), machine=None)
    seen.clear()
    (found,) = benchmark([Contestant("m", "m", lambda: Stops(99))], set_of(folder), judge(tmp_path / "c"), machine=None)
    assert len(seen) == 2 and found.row.images == 4


def test_a_model_that_cannot_be_judged_ends_it_or_is_left_out(tmp_path: Path) -> None:
    photo_set = set_of(write_pictures(tmp_path / "made", 2))
    broken = network()
    torch.nn.init.constant_(next(broken.parameters()), math.nan)
    models = [interpolation("bicubic"), Contestant("broken", "b", lambda: broken)]
    with pytest.raises(SrkitError, match=r"broken: the picture of 00\.png is not finite"):
        benchmark(models, photo_set, judge(tmp_path / "cache"), machine=None)
    said: list[str] = []
    found = benchmark(models, photo_set, judge(tmp_path / "cache"), machine="here", leave_out=said.append)
    assert [one.row.model for one in found] == ["bicubic"] and "broken is left out" in said[0]
    with pytest.raises(SrkitError, match="not finite"):
        benchmark(models[1:], photo_set, judge(tmp_path / "cache"), machine="here", leave_out=said.append)
    wrong = Contestant("x3", "x", lambda: network(scale=3))
    with pytest.raises(SrkitError, match="at scale 2 it is"):
        benchmark([wrong], photo_set, judge(tmp_path / "cache"), machine=None)


def test_a_metric_that_photos_are_too_small_for_is_left_out_with_all_of_them_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "made", 2, size=(12, 12))
    write_pictures(tmp_path / "made", 3, first=2)
    for _ in ("computed", "from the cache"):
        entries = benchmark(
            [interpolation("bicubic"), interpolation("lanczos")],
            set_of(tmp_path / "made"),
            judge(tmp_path / "c"),
            machine=None,
        )
        for one in entries:
            assert list(one.row.metrics) == ["psnr-y", "consistency", "colour-drift"] and one.row.images == 5
            assert one.left_out["ssim-y"].images == ("00.png (12x12)", "01.png (12x12)")
        said = "warning: SSIM-Y is left out, because 2 images are too small for it: 00.png (12x12), 01.png (12x12)"
        assert said in notes(compare(entries))


class Pictures:
    """A training set without files."""

    def __init__(self, *files: Path) -> None:
        self.files_of = files

    def __len__(self) -> int:
        return len(self.files_of)

    def __getitem__(self, index: int) -> np.ndarray:
        return decode(self.files_of[index])

    def name(self, index: int) -> str:
        return self.files_of[index].name


def test_a_model_that_trained_on_a_photo_of_the_set_is_found_out(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    for number in range(4):  # clouds: as little alike as photos are, and as stable under shrinking
        clouds = np.random.default_rng(number).integers(0, 255, (14, 18, 3), dtype=np.uint8)
        Image.fromarray(clouds).resize((120, 90), Image.Resampling.BICUBIC).save(folder / f"{number:02}.png")
    copy, other = tmp_path / "copy.jpg", tmp_path / "03.png"
    Image.open(folder / "01.png").resize((80, 60), Image.Resampling.BICUBIC).save(copy, quality=80)
    (folder / "03.png").rename(other)
    opened = []

    def dataset() -> Dataset:
        opened.append(1)
        return Pictures(other, copy)

    def gone() -> Dataset:
        raise SrkitError("no such folder: photos")

    models = [
        Contestant("knows", "k", network, trained_on="x", training=TrainingSet("x", "print", dataset)),
        Contestant("twin", "t", network, trained_on="x", training=TrainingSet("x", "print", dataset)),
        Contestant("moved", "m", network, trained_on="y", training=TrainingSet("y", "else", gone)),
        Contestant("foreign", "f", network, trained_on="unknown"),
        interpolation("bicubic"),
    ]
    found = benchmark(models, set_of(folder), judge(tmp_path / "cache"), machine=None)
    seen = [dict(one.acquaintance.photos) for one in found]
    assert seen == [{"01.png": "copy.jpg"}, {"01.png": "copy.jpg"}, {}, {}, {}]
    assert len(opened) == 1
    assert [one.acquaintance.unknown for one in found] == [
        "",
        "",
        "no such folder: photos",
        "nobody knows what it was trained on",
        "",
    ]


def test_costs_are_what_a_hand_counts() -> None:
    """Two convolutions and a shuffle: at the shuffle LR, its input and its output are alive."""
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 12, 3, padding=1),
        torch.nn.PixelShuffle(2),
    )
    cost = cost_of(layers.eval(), (10, 12))
    weights = 3 * 8 * 9 + 8 + 8 * 12 * 9 + 12
    assert cost.parameters == weights
    assert cost.macs_per_megapixel == pytest.approx((3 * 8 * 9 + 8 * 12 * 9) / 4 * 1e6)
    assert cost.peak_memory == 4 * (weights + 120 * (3 + 12 + 12))
    assert cost_of(layers, (10, 12), counted=False).macs_per_megapixel is None

    class NeedsNumbers(torch.nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return layers(lr) * float(lr.mean() + 1)

    assert cost_of(NeedsNumbers(), (10, 12)).macs_per_megapixel == cost.macs_per_megapixel


def test_times_are_taken_in_turn() -> None:
    order: list[str] = []
    now = [0.0]

    class Slow(torch.nn.Module):
        def __init__(self, name: str, seconds: float) -> None:
            super().__init__()
            self.name, self.seconds = name, seconds

        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            order.append(self.name)
            now[0] += self.seconds * (5 if len(order) <= 2 else 1)
            return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)

    photo = Photo("a", None, torch.zeros(3, 250, 250, dtype=torch.uint8))
    pair = [Slow("a", 0.5), Slow("b", 1.0)]
    found = interleaved(pair, photo, torch.device("cpu"), quiet, lambda: now[0])
    assert order == ["a", "b"] * (ROUNDS + 1)
    assert [one.seconds_per_megapixel for one in found] == pytest.approx([2.0, 4.0])  # the warm-up does not count
    assert [one.spread for one in found] == pytest.approx([0.0, 0.0])
    order.clear()
    interleaved([Slow("a", 30.0)], photo, torch.device("cpu"), quiet, lambda: now[0])
    assert len(order) == FEWEST_ROUNDS + 1


def test_consistency_and_colour_drift_by_hand() -> None:
    rng = np.random.default_rng(0)
    hr = torch.from_numpy(rng.integers(0, 200, (3, 32, 40), dtype=np.uint8))

    def mean(image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(image, 2)

    small = hr.double().reshape(3, 16, 2, 20, 2).mean((2, 4))
    lr = small.round().to(torch.uint8)
    expected = 10 * math.log10(255**2 / float((small - lr.double()).square().mean()))
    assert consistency(hr, lr, mean) == pytest.approx(expected, rel=1e-6)
    assert consistency(torch.zeros_like(hr), torch.zeros_like(lr), mean) == math.inf
    moved = hr.clone()
    moved[1] += 6
    assert colour_drift(moved, hr) == pytest.approx(math.sqrt(36 / 3))
    assert colour_drift(hr, hr) == 0
    swapped = hr.reshape(3, 16, 2, 40).flip(2).reshape(3, 32, 40)  # texture moves within the squares
    assert colour_drift(swapped, hr) == 0
