"""The table at 80 columns: everything there, nothing cut, differences with the right sign, no best on few images."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import pytest
from rich.console import Console

from srkit.evaluation.figures import count_figure, difference_figure, time_figure
from srkit.evaluation.rows import MetricMean, Row, by_protocol, lr_origin
from srkit.evaluation.statistics import BEST_NEEDS_IMAGES
from srkit.evaluation.table import scores_table

ALL = ("psnr-y", "ssim-y", "psnr-rgb", "ssim-rgb", "ms-ssim", "lpips", "dists", "niqe")


def means(names: tuple[str, ...], gain: float = 0.0) -> dict[str, MetricMean]:
    made = {}
    for name in names:
        if name.startswith("psnr"):
            made[name] = MetricMean(28.31 + gain, "dB", True)
        else:
            made[name] = MetricMean(0.8123 + gain / 100, "", "ssim" in name)
    return made


def row(model: str, names: tuple[str, ...] = ALL[:2], gain: float = 0.0, images: int = 6, **other: object) -> Row:
    base = Row(
        model=model,
        set="sample-photos",
        scale=2,
        downscaler="torch-bilinear",
        images=images,
        metrics=means(names, gain),
        per_image={},
        degradations=("jpeg (quality 50..95)",),
        border=2,
    )
    return replace(base, **other)  # type: ignore[arg-type]  # keywords of Row


BICUBIC = row("bicubic", seconds_per_megapixel=0.0123)
MINE = row(
    "espcn_vgg",
    gain=1.92,
    parameters=162_432,
    seconds_per_megapixel=1.234,
    warnings=("vgg16: random features in place of ImageNet's",),
)


def shown(*rows: Row, width: int = 80, colour: bool = False) -> str:
    console = Console(
        width=width,
        file=io.StringIO(),
        record=True,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    console.print(scores_table(rows))
    return "\n".join(line.rstrip() for line in console.export_text(styles=colour).splitlines())


def test_the_table_of_a_run() -> None:
    assert (
        shown(BICUBIC, MINE)
        == """\
sample-photos, x2, 6 images

model       PSNR-Y (dB)   SSIM-Y           params   time/MP
───────────────────────────────────────────────────────────
bicubic     28.31         0.8123                -   12.3 ms
espcn_vgg   30.23 +1.92   0.8315 +0.0192     162k    1.23 s

scores measured here; LR images by torch-bilinear, then jpeg (quality 50..95);
border of 2 px cropped; differences from bicubic
warning: espcn_vgg: vgg16: random features in place of ImageNet's"""
    )


@pytest.mark.parametrize("count", range(1, len(ALL) + 1))
def test_any_number_of_metrics_fits_into_80_columns(count: int) -> None:
    long = "espcn_vgg_gan,seed=3,channels=128,loss=charbonnier"
    names = ALL[:count]
    text = shown(
        row("bicubic", names, seconds_per_megapixel=0.01),
        row(long, names, gain=-1.5, parameters=16_697_987, seconds_per_megapixel=123.4),
    )
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    heads = text.partition("less is better")[0].split()
    assert sorted(word for word in heads if word.lower() in ALL) == sorted(name.upper() for name in names)
    assert text.count("params") == text.count("time/MP") == text.count("16.7M") == text.count("123 s") == 1
    assert text.count("-1.50") == sum(name.startswith("psnr") for name in names)
    assert text.count("-0.0150") == sum(not name.startswith("psnr") for name in names)
    # Folded over some lines perhaps, but all of it is there.
    firsts = "".join(line.split(" ")[0] for line in text.splitlines())
    assert long in firsts
    assert ("less is better: LPIPS" in text) == ("lpips" in names)


def test_plain_where_it_is_no_terminal_and_the_same_words_where_it_is_one() -> None:
    plain, colourful = shown(BICUBIC, MINE), shown(BICUBIC, MINE, colour=True)
    assert "\x1b" not in plain and "\x1b[32m +1.92" in colourful
    assert plain == shown(BICUBIC, MINE)


def test_worse_is_red_and_for_less_is_better_the_other_way_round() -> None:
    names = ("psnr-y", "lpips")
    text = shown(row("bicubic", names), row("mine", names, gain=-1.0), colour=True)
    assert "\x1b[31m -1.00" in text and "\x1b[32m -0.0100" in text


def photographed(one: Row, *spread: float) -> Row:
    """The row with scores photo by photo: its mean, and as far from it as the spread says, over and over."""
    photos = {
        f"{number:03}.png": {
            name: (metric.mean or 0) + spread[number % len(spread)] for name, metric in one.metrics.items()
        }
        for number in range(one.images)
    }
    return replace(one, per_image=photos)


def test_best_is_marked_only_from_enough_images_on() -> None:
    def bold(images: int) -> bool:
        rows = [row("bicubic", images=images), row("mine", gain=1.0, images=images)]
        text = shown(*(photographed(one, 0.0) for one in rows), colour=True)
        assert "\x1b[1m28.31" not in text
        return "\x1b[1m29.31" in text

    assert not bold(BEST_NEEDS_IMAGES - 1) and bold(BEST_NEEDS_IMAGES)


def test_no_best_is_marked_where_chance_may_have_made_it() -> None:
    base = photographed(row("bicubic", images=20), 0.0)
    sure = photographed(row("mine", gain=1.0, images=20), 0.5, -0.5)
    unsure = photographed(row("mine", gain=1.0, images=20), 9.0, -9.0)
    assert "\x1b[1m29.31" in shown(base, sure, colour=True)
    assert "\x1b[1m29.31" not in shown(base, unsure, colour=True)
    twin = replace(sure, model="twin")
    assert "\x1b[1m29.31" not in shown(base, sure, twin, colour=True)


def test_a_difference_that_may_be_chance_has_no_colour_and_few_images_are_said() -> None:
    for images, spread, colour, said in ((20, 0.1, "32", False), (20, 9.0, "2", False), (5, 9.0, "2", True)):
        base = photographed(row("bicubic", images=images), 0.0)
        mine = photographed(row("mine", gain=1.0, images=images), spread, -spread)
        text = shown(base, mine, colour=True)
        assert f"\x1b[{colour}m +1.00" in text, (images, spread)
        assert ("too few images to say how sure they are" in " ".join(shown(base, mine).split())) == said


def test_the_baseline_is_grey_wherever_it_stands() -> None:
    for rows in ((BICUBIC, MINE), (MINE, BICUBIC)):
        text = shown(*rows, colour=True)
        assert "\x1b[2mbicubic" in text and "\x1b[2m28.31" in text
        assert "\x1b[31m -1.92" not in text
    assert "\x1b[2m -1.92" in shown(MINE, BICUBIC, colour=True)


def test_infinite_mean_is_inf_and_has_no_difference() -> None:
    equal = replace(BICUBIC, model="equal", metrics={**BICUBIC.metrics, "psnr-y": MetricMean(None, "dB", True)})
    for rows in ([BICUBIC, equal], [equal, BICUBIC]):
        text = shown(*rows)
        assert " inf" in text and "+inf" not in text and "nan" not in text


def test_metric_that_one_row_lacks_and_rows_without_any() -> None:
    text = shown(BICUBIC, row("mine", ("psnr-y",), gain=1))
    assert "mine" in text and "+1.00" in text
    bare = shown(replace(BICUBIC, metrics={}, images=0))
    assert "0 images" in bare and "12.3 ms" in bare


def test_names_are_no_markup() -> None:
    assert "[red]x" in shown(replace(BICUBIC, model="[red]x", set="[b]set", degradations=("blur [1]",)))
    assert "blur [1]" in shown(replace(BICUBIC, degradations=("blur [1]",)))


def test_rows_measured_otherwise_cannot_stand_beside_each_other() -> None:
    others = [replace(BICUBIC, scale=3), replace(BICUBIC, downscaler="pillow"), replace(BICUBIC, degradations=())]
    for other in others:
        with pytest.raises(ValueError, match="by_protocol"):
            scores_table([BICUBIC, other])
    with pytest.raises(ValueError):
        scores_table([])
    groups = by_protocol([BICUBIC, others[0], MINE, *others[1:]])
    assert [[one.model for one in group] for group in groups] == [["bicubic", "espcn_vgg"], *[["bicubic"]] * 3]


@pytest.mark.parametrize(
    ("count", "figure"),
    [
        (0, "-"),
        (812, "812"),
        (1000, "1.00k"),
        (24_312, "24.3k"),
        (99_960, "100k"),
        (162_432, "162k"),
        (999_400, "999k"),
        (999_500, "1.00M"),
        (16_697_987, "16.7M"),
        (2_500_000_000, "2.50G"),
    ],
)
def test_counts(count: int, figure: str) -> None:
    assert count_figure(count) == figure


def test_times_have_three_digits() -> None:
    times = [None, 0.00012, 0.0123, 0.0999, 0.84, 0.9996, 1.234, 12.34, 123.4]
    expected = ["-", "0.12 ms", "12.3 ms", "99.9 ms", "840 ms", "1.00 s", "1.23 s", "12.3 s", "123 s"]
    assert [time_figure(seconds) for seconds in times] == expected


def test_difference_that_rounds_to_zero_has_no_minus() -> None:
    for gap in (-0.001, 0.0, 0.001):
        assert difference_figure(MetricMean(30 + gap, "dB", True), MetricMean(30, "dB", True)) == "+0.00"


def test_module_of_the_table_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, srkit.evaluation.table, srkit.evaluation.scores_file; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_differences_stand_under_each_other() -> None:
    lines = shown(BICUBIC, MINE, row("third", gain=-10.0)).splitlines()[4:7]
    dots = [[index for index, sign in enumerate(line) if sign == "."] for line in lines]
    assert dots[0][0] == dots[1][0] == dots[2][0]
    assert len(set(itertools.chain.from_iterable(dots))) >= 4


@pytest.mark.parametrize(
    ("downscaler", "degradations", "said"),
    [
        ("box", [], "by box"),
        ("box", ["jpeg (quality 50)", "noise"], "by box, then jpeg (quality 50), then noise"),
        ("given", [], "given as files"),
        ("pillow (filter bicubic), given", ["jpeg"], "given as files, made by pillow (filter bicubic), then jpeg"),
        ("", [], ""),
    ],
)
def test_where_lr_images_come_from(downscaler: str, degradations: list[str], said: str) -> None:
    assert lr_origin(downscaler, degradations) == said
    without = said.replace(" (filter bicubic)", "").replace(" (quality 50)", "")
    assert lr_origin(downscaler, degradations, names_alone=True) == without
