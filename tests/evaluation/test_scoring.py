"""The scoring protocol against plain numpy: 8 bit, borders, means, infinities, modes, order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from srkit.contracts import GeneratorOutput, Views
from srkit.errors import SrkitError
from srkit.evaluation.scoring import Model, Photo, score, score_all


class Measure:
    """A metric out of a function of two images."""

    def __init__(
        self, function: Callable[[Tensor, Tensor], Any], unit: str = "", higher_is_better: bool = True
    ) -> None:
        self.function, self.unit, self.higher_is_better = function, unit, higher_is_better

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        return torch.as_tensor(self.function(sr, hr))


def psnr(sr: Tensor, hr: Tensor) -> Tensor:
    return -10 * torch.log10((sr - hr).double().square().mean(dim=(1, 2, 3)))


PSNR = Measure(psnr, "dB")
ERROR = Measure(lambda sr, hr: (sr - hr).abs().mean(dim=(1, 2, 3)), higher_is_better=False)


class Noisy(nn.Module):
    """Nearest-neighbour magnification plus a fixed error that leaves [0, 1]."""

    def __init__(self, scale: int = 2, amount: float = 0.3) -> None:
        super().__init__()
        self.scale, self.amount = scale, amount

    def forward(self, lr: Tensor) -> Tensor:
        sr = lr.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)
        wave = torch.linspace(-1, 1, sr[0].numel()).view_as(sr[0])
        return sr + self.amount * torch.sin(50 * wave)


def photo(name: str = "a.png", height: int = 24, width: int = 18, scale: int = 2, seed: int = 0) -> Photo:
    numbers = np.random.default_rng(seed)
    hr = torch.from_numpy(numbers.integers(0, 256, (3, height, width), dtype=np.uint8))
    return Photo(name, hr, hr[:, ::scale, ::scale].contiguous())


def numpy_psnr(module: nn.Module, one: Photo, border: int) -> float:
    with torch.no_grad():
        raw = module(one.lr[None].float() / 255)[0].numpy().astype(np.float64)
    sr = np.floor(np.clip(raw, 0, 1) * 255 + 0.5)
    assert one.hr is not None
    hr = one.hr.numpy().astype(np.float64)
    gap = (sr - hr)[:, border:-border, border:-border]
    return float(10 * np.log10(255**2 / np.mean(gap**2)))


@pytest.mark.parametrize("scale", [2, 3])
def test_score_is_that_of_the_formula_on_8_bit_pictures_less_their_border(scale: int) -> None:
    photos = [photo(f"{seed}.png", 24, 30, scale, seed) for seed in range(3)]
    module = Noisy(scale)
    row = score(Model("noisy", module), photos, {"psnr-rgb": PSNR}, scale=scale)
    expected = {one.name: numpy_psnr(module, one, scale) for one in photos}
    for name, value in expected.items():
        assert row.per_image[name]["psnr-rgb"] == pytest.approx(value, abs=1e-4)
    mean = row.metrics["psnr-rgb"]
    assert (mean.unit, mean.higher_is_better) == ("dB", True)
    assert mean.mean == pytest.approx(sum(expected.values()) / 3, abs=1e-4)
    assert (row.images, row.border, row.scale) == (3, scale, scale)
    # The test has teeth: neither another border nor the unrounded picture gives the same.
    assert abs(numpy_psnr(module, photos[0], scale + 1) - expected["0.png"]) > 1e-3


def test_error_in_the_border_alone_counts_for_nothing() -> None:
    one = photo(height=16, width=16)
    assert one.hr is not None
    frame = one.hr.float().div(255).clone()
    frame[:, 2:-2, 2:-2] = -1
    spoilt = torch.where(frame < 0, one.hr.float().div(255), 1 - frame)[None]
    row = score(Model("spoilt", lambda lr: spoilt), [one], {"error": ERROR}, scale=2)
    assert row.per_image["a.png"]["error"] == 0


def test_photo_without_original_is_upscaled_and_does_not_count() -> None:
    whole = photo("whole.png")
    bare = Photo("bare.png", None, photo(seed=5).lr)
    seen = []
    row = score(
        Model("noisy", Noisy()), [bare, whole], {"error": ERROR}, scale=2, on_photo=lambda one, *rest: seen.append(rest)
    )
    assert row.images == 1 and list(row.per_image) == ["whole.png"]
    assert row.metrics["error"].mean == row.per_image["whole.png"]["error"]
    (bare_pictures, bare_scores), (_, whole_scores) = seen
    assert bare_pictures["noisy"].shape == (3, 24, 18) and bare_pictures["noisy"].dtype == torch.uint8
    assert bare_scores == {"noisy": {}} and whole_scores["noisy"] == row.per_image["whole.png"]


def test_no_original_at_all_gives_a_row_without_metrics() -> None:
    row = score(Model("noisy", Noisy()), [Photo("bare.png", None, photo().lr)], {"error": ERROR}, scale=2)
    assert (row.images, row.metrics, row.per_image) == (0, {}, {})
    assert row.seconds_per_megapixel is not None and row.seconds_per_megapixel > 0


def test_infinite_psnr_is_none_and_makes_the_mean_none() -> None:
    good, other = photo("equal.png"), photo("other.png", seed=1)
    assert good.hr is not None
    assert other.hr is not None
    pictures = iter([good.hr, good.hr, 255 - other.hr])
    row = score(Model("m", lambda lr: next(pictures)[None] / 255), [good, other], {"psnr": PSNR}, scale=2)
    assert row.per_image["equal.png"]["psnr"] is None
    assert row.per_image["other.png"]["psnr"] is not None
    assert row.metrics["psnr"].mean is None


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_metric_that_is_no_score_is_refused_by_name(bad: float) -> None:
    with pytest.raises(SrkitError, match=r"noisy, a\.png: metric 'broken': gave"):
        score(Model("noisy", Noisy()), [photo()], {"broken": Measure(lambda sr, hr: bad)}, scale=2)


def test_picture_that_is_not_finite_is_refused() -> None:
    with pytest.raises(SrkitError, match=r"m: the picture of a\.png is not finite"):
        score(Model("m", lambda lr: Noisy()(lr) * math.nan), [photo()], {}, scale=2)


def test_every_submodule_gets_its_mode_back_and_is_in_eval_mode_meanwhile() -> None:
    network: Any = nn.Sequential(Noisy(), nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3)), nn.Dropout())
    network.train()
    network[1].eval()
    network[1][0].train()
    before = [part.training for part in network.modules()]
    statistics = network[1][1].running_mean.clone()
    meanwhile: list[bool] = []
    handle = network.register_forward_hook(lambda module, *_: meanwhile.extend(p.training for p in module.modules()))
    row = score(Model("mixed", network), [photo()], {"error": ERROR}, scale=2)
    handle.remove()
    assert [part.training for part in network.modules()] == before
    assert torch.equal(network[1][1].running_mean, statistics)
    assert meanwhile and not any(meanwhile)
    assert row.metrics["error"].mean is not None


def test_modes_come_back_after_an_error() -> None:
    network: Any = nn.Sequential(Noisy(), nn.Dropout()).train()
    network[1].eval()
    with pytest.raises(SrkitError):
        score(Model("m", network), [photo()], {"bad": Measure(lambda sr, hr: math.nan)}, scale=2)
    assert [part.training for part in network.modules()] == [True, True, False]
    assert torch.is_grad_enabled()


def test_what_a_module_caches_while_scored_can_be_trained_with_afterwards() -> None:
    class Caching(Noisy):
        kept: Tensor | None = None

        def forward(self, lr: Tensor) -> Tensor:
            if self.kept is None:
                self.kept = torch.ones(1)
            return super().forward(lr) * self.kept

    network = Caching()
    score(Model("m", network), [photo()], {}, scale=2)
    lr = torch.rand(1, 3, 4, 4, requires_grad=True)
    network(lr).sum().backward()
    assert lr.grad is not None


def test_each_photo_goes_through_each_model_in_turn_after_one_warm_up() -> None:
    order = []

    def model(name: str) -> Model:
        def module(lr: Tensor) -> Tensor:
            order.append((name, lr.shape[-1]))
            return Noisy()(lr)

        return Model(name, module)

    photos = [photo(f"{width}", width=width) for width in (10, 12, 14)]
    rows = score_all([model("a"), model("b")], photos, {"error": ERROR}, scale=2)
    assert order == [("a", 5), ("a", 5), ("b", 5), ("b", 5), ("a", 6), ("b", 6), ("a", 7), ("b", 7)]
    assert [row.model for row in rows] == ["a", "b"]
    assert rows[0].per_image == rows[1].per_image


def test_photos_are_read_one_at_a_time_and_pictures_not_kept() -> None:
    import weakref

    earlier: list[weakref.ref[Any]] = []

    def photos() -> Any:
        for seed in range(4):
            yield photo(f"{seed}", seed=seed)

    def look(one: Photo, pictures: Any, scores: Any) -> None:
        # Of what was handed over earlier only the picture before may still live, in the caller's frame.
        assert sum(ref() is not None for ref in earlier) <= 1
        earlier.append(weakref.ref(pictures["noisy"]))

    score(Model("noisy", Noisy()), photos(), {"error": ERROR}, scale=2, on_photo=look)
    assert len(earlier) == 4


def test_all_three_signatures_of_metrics_are_served() -> None:
    seen: dict[str, Any] = {}

    class Module(nn.Module):
        unit, higher_is_better = "", True

        def forward(self, views: Views) -> Tensor:
            seen["views"] = views
            return views.sr.mean() + views.draws.uniform()[0] * 0

    class Lonely:
        unit, higher_is_better = "", False

        def __call__(self, sr: Tensor) -> Tensor:
            seen["sr"] = sr
            return sr.mean(dim=(1, 2, 3))

    metrics: dict[str, Any] = {"views": Module(), "lonely": Lonely(), "pair": ERROR}
    row = score(Model("noisy", Noisy()), [photo()], metrics, scale=2)
    assert row.metrics["views"].mean == pytest.approx(row.metrics["lonely"].mean)
    views = seen["views"]
    assert views.sr.shape == views.hr.shape == (1, 3, 20, 14) and views.lr.shape == (1, 3, 10, 7)
    assert torch.equal(views.sr, seen["sr"])
    # The LR picture is cropped by as much as the others, so that the three lie on each other.
    assert torch.equal(views.hr[..., ::2, ::2], views.lr)
    assert torch.equal((views.sr * 255).round() / 255, views.sr)


def test_metric_that_draws_gets_the_same_whoever_stands_beside_it() -> None:
    class Drawing:
        unit, higher_is_better = "", True

        def __call__(self, views: Views) -> Tensor:
            return views.draws.uniform()

    def drawn(metrics: dict[str, Any]) -> Any:
        return score(Model("noisy", Noisy()), [photo("a"), photo("b")], metrics, scale=2).per_image

    alone, beside = drawn({"x": Drawing()}), drawn({"w": Drawing(), "x": Drawing()})
    assert [alone[name]["x"] for name in "ab"] == [beside[name]["x"] for name in "ab"]
    assert beside["a"]["w"] != beside["a"]["x"] != beside["b"]["x"]


def test_metric_of_another_signature_is_refused_before_anything_is_computed() -> None:
    def three(sr: Tensor, hr: Tensor, lr: Tensor) -> Tensor:
        raise AssertionError("not called")

    with pytest.raises(SrkitError, match=r"metric 'three': takes .*; write \(sr, hr\), \(sr\) or \(views\)"):
        score(Model("m", Noisy()), [photo()], {"three": three}, scale=2)  # type: ignore[dict-item]  # the point of it


class Fixed:
    """A metric that gives one and the same thing, whatever it is."""

    unit, higher_is_better = "", True

    def __init__(self, gives: object) -> None:
        self.gives = gives

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        return self.gives  # type: ignore[return-value]  # that is the fault


def test_metric_that_gives_several_numbers_for_one_image_is_refused() -> None:
    with pytest.raises(SrkitError, match="one number an image"):
        score(Model("m", Noisy()), [photo()], {"map": Measure(lambda sr, hr: sr - hr)}, scale=2)
    for odd in ("good", None, {"a": 1}):
        with pytest.raises(SrkitError, match=f"metric 'odd': gave a {type(odd).__name__}; a metric gives one number"):
            score(Model("m", Noisy()), [photo()], {"odd": Fixed(odd)}, scale=2)


def test_generator_output_is_unwrapped() -> None:
    plain = score(Model("m", Noisy()), [photo()], {"error": ERROR}, scale=2)
    wrapped = score(Model("m", lambda lr: GeneratorOutput(Noisy()(lr), {"x": 1})), [photo()], {"error": ERROR}, scale=2)
    assert plain.metrics == wrapped.metrics


def test_original_larger_by_less_than_the_scale_is_cut_at_bottom_and_right() -> None:
    exact = photo(height=24, width=18, scale=3)
    assert exact.hr is not None
    larger = Photo("a.png", nn.functional.pad(exact.hr, (0, 2, 0, 1), value=200), exact.lr)
    model = Model("m", Noisy(3))
    assert (
        score(model, [exact], {"e": ERROR}, scale=3).per_image
        == score(model, [larger], {"e": ERROR}, scale=3).per_image
    )


@pytest.mark.parametrize(
    ("hr", "lr", "message"),
    [
        ((3, 24, 24), (3, 8, 8), "an original of 24 x 24 does not belong to a LR picture of 8 x 8 at scale 2"),
        ((3, 14, 16), (3, 8, 8), "does not belong"),
        ((3, 4, 40), (3, 2, 20), "leaves nothing to score"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(hr: tuple[int, ...], lr: tuple[int, ...], message: str) -> None:
    one = Photo("odd.png", torch.zeros(hr, dtype=torch.uint8), torch.zeros(lr, dtype=torch.uint8))
    with pytest.raises(SrkitError, match=message):
        score(Model("m", Noisy()), [one], {"e": ERROR}, scale=2)


def test_model_of_another_scale_is_refused() -> None:
    with pytest.raises(SrkitError, match=r"m: made 27 x 36 out of 9 x 12 \(a\.png\); at scale 2 it is 18 x 24"):
        score(Model("m", Noisy(3)), [photo()], {"e": ERROR}, scale=2)


def test_a_name_used_twice_is_refused() -> None:
    with pytest.raises(SrkitError, match="two photos"):
        score(Model("m", Noisy()), [photo(), photo(seed=1)], {"e": ERROR}, scale=2)
    with pytest.raises(SrkitError, match="two models"):
        score_all([Model("m", Noisy()), Model("m", Noisy())], [photo()], {"e": ERROR}, scale=2)


class Large(nn.Module):
    """Overflows half precision on the way, and says in which dtypes it was computed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.dirac_(self.conv.weight)
        self.conv.weight.data *= 1e6
        self.dtypes: list[torch.dtype] = []

    def forward(self, lr: Tensor) -> Tensor:
        large = self.conv(lr)
        self.dtypes.append(large.dtype)
        return Noisy(amount=0)(large.float() / 1e6)


def test_picture_that_overflows_half_precision_is_computed_in_fp32_and_told_of() -> None:
    half, full = Large(), Large()
    row = score(Model("m", half, parameters=9), [photo()], {"e": ERROR}, scale=2, autocast=torch.float16)
    assert half.dtypes == [torch.float16, torch.float16, torch.float32]
    assert row.warnings == ("1 of 1 pictures overflowed float16 and were computed in float32",)
    assert row.metrics == score(Model("m", full, parameters=9), [photo()], {"e": ERROR}, scale=2).metrics


def test_model_without_parameters_keeps_full_precision() -> None:
    baseline = Large()
    score(Model("bicubic", baseline, parameters=0), [photo()], {"e": ERROR}, scale=2, autocast=torch.bfloat16)
    assert set(baseline.dtypes) == {torch.float32}


def test_channels_last_reaches_the_model() -> None:
    layouts = []

    def module(lr: Tensor) -> Tensor:
        layouts.append(lr.is_contiguous(memory_format=torch.channels_last))
        return Noisy()(lr)

    score(Model("m", module), [photo()], {}, scale=2, channels_last=True)
    assert all(layouts)


def test_row_carries_what_the_table_must_say() -> None:
    model = Model("m", Noisy(), parameters=7, warnings=("vgg16: random features",))
    row = score(model, [photo()], {"e": ERROR}, scale=2, set_name="s", downscaler="pillow", degradations=["jpeg"])
    assert (row.set, row.downscaler, row.degradations) == ("s", "pillow", ("jpeg",))
    assert (row.parameters, row.warnings) == (7, ("vgg16: random features",))
