"""The table of a study against plain recomputation, and what it says beneath: what is missing, unequal, in doubt."""

from __future__ import annotations

import csv
import io
import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from srkit.errors import UserError
from srkit.evaluation.bench import formats
from srkit.evaluation.bench.entries import Comparison
from srkit.evaluation.bench.notes import how_measured, notes
from srkit.evaluation.bench.table import comparison_table
from srkit.evaluation.report.tables import comparison_html
from srkit.evaluation.statistics import intervals
from srkit.locks import held
from srkit.studies.folder import Cell, Study, write_study
from srkit.studies.members import members
from srkit.studies.table import study_tables
from tests.studies.support import a_study, begin_run, finish_run, scores_of


def test_means_spread_and_differences_are_those_of_a_plain_recomputation(tmp_path: Path) -> None:
    a_study(tmp_path / "s")
    (table,) = study_tables(members([tmp_path / "s"]), "r0")
    assert [one.row.model for one in table.entries] == ["bicubic", "r0", "r1"] and table.against == "r0"
    scores = {
        row: np.array([list(scores_of(row, seed).values()) for seed in (1, 2, 3)]) for row in (0, 1)
    }  # (seeds, images)
    for row, entry in enumerate(table.entries[1:]):
        assert entry.row.metrics["psnr-y"].mean == pytest.approx(scores[row].mean())
        assert entry.repetition is not None and entry.repetition.seeds == (1, 2, 3)
        assert entry.repetition.means["psnr-y"] == pytest.approx(scores[row].mean(1).tolist())
        assert entry.repetition.spreads["psnr-y"] == pytest.approx(statistics.stdev(scores[row].mean(1).tolist()))
        assert list(entry.row.per_image) == sorted(entry.row.per_image)
        assert entry.row.per_image["03.png"]["psnr-y"] == pytest.approx(scores[row][:, 3].mean())
        assert entry.repetition.training_seconds == pytest.approx(10 * 4 / 8)
    gap = table.entries[2].differences["psnr-y"]
    assert gap is not None and gap.low is not None and gap.high is not None
    paired = scores[1] - scores[0]
    (mean,), (low,), (high,) = intervals(paired.mean(0)[:, None])
    seeds = stats.t.interval(0.95, 2, paired.mean(), stats.sem(paired.mean(1)))
    assert gap.mean == pytest.approx(paired.mean()) == mean
    assert gap.low == pytest.approx(mean - ((mean - low) ** 2 + (mean - seeds[0]) ** 2) ** 0.5)
    assert gap.high == pytest.approx(mean + ((high - mean) ** 2 + (seeds[1] - mean) ** 2) ** 0.5)
    assert table.best == {"psnr-y": "r1"} and "best beyond doubt: r1 (PSNR-Y)" in notes(table)
    assert "images (paired bootstrap-t on the seeds' mean) and seeds (paired Student's t)" in how_measured(table)


@pytest.mark.parametrize(
    ("seeds", "images", "said"),
    [
        (1, 12, "no best is marked among rows of one seed: with another one it might be another"),
        (3, 9, "no best is marked on fewer than 10 images"),
    ],
)
def test_nobody_is_best_on_one_seed_or_few_images(seeds: int, images: int, said: str, tmp_path: Path) -> None:
    a_study(tmp_path / "s", seeds=seeds, images=images)
    (table,) = study_tables(members([tmp_path / "s"]))
    assert not table.best and said in notes(table)


def test_seeds_alone_are_held_against_bicubic(tmp_path: Path) -> None:
    a_study(tmp_path / "s", rows=1)
    (table,) = study_tables(members([tmp_path / "s"]))
    assert table.against == "bicubic" and table.best == {"psnr-y": "r0"}
    gap = table.entries[1].differences["psnr-y"]
    assert gap is not None and gap.mean == pytest.approx(table.entries[1].row.metrics["psnr-y"].mean - 20)


def printed(table: Comparison) -> str:
    """As a terminal with colours shows it."""
    console = Console(width=120, file=io.StringIO(), force_terminal=True, color_system="standard", record=True)
    console.print(comparison_table(table, 120))
    return console.export_text(styles=True)


def test_a_study_is_measured_from_bicubic_which_is_grey(tmp_path: Path) -> None:
    a_study(tmp_path / "s")
    (table,) = study_tables(members([tmp_path / "s"]))
    assert table.against == "bicubic" and not table.entries[0].differences
    for entry in table.entries[1:]:
        gap, mean = entry.differences["psnr-y"], entry.row.metrics["psnr-y"].mean
        assert gap is not None and mean is not None and gap.mean == pytest.approx(mean - 20)
    assert table.best == {"psnr-y": "r1"}
    text = printed(table)
    assert "\x1b[2mbicubic" in text and "\x1b[2m20.00" in text and "differences from bicubic" in text
    assert '<span class="baseline">20.00</span>' in comparison_html(table)


def test_that_bicubic_is_better_than_a_run_is_nobody_s_merit(tmp_path: Path) -> None:
    scores = {f"{number:02}.png": 11.0 + number / 10 for number in range(12)}
    finish_run(tmp_path / "a", scores, seed=1)
    finish_run(tmp_path / "b", {name: one + 1 for name, one in scores.items()}, seed=1, lr=0.1)
    (table,) = study_tables(members([tmp_path / "a", tmp_path / "b"]), "a")
    gap = table.entries[0].differences["psnr-y"]
    assert gap is not None and gap.is_certain and gap.mean == pytest.approx(8.45)
    text, page = printed(table), comparison_html(table)
    assert "\x1b[2m +8.45" in text and "\x1b[32m +8.45" not in text and "\x1b[32m +1.00" in text
    assert '<span class="unsure">+8.45</span>' in page and '<span class="better">+1.00</span>' in page


def test_two_seeds_that_disagree_are_too_few_to_say_and_three_have_their_interval(tmp_path: Path) -> None:
    for seeds, said in ((2, "(too few seeds to say)"), (3, "(-")):
        for seed in range(1, seeds + 1):
            for row, shift in (("a", 0.0), ("b", 0.3 * (-1) ** seed)):
                scores = {f"{number:02}.png": 25.0 + number / 7 + shift for number in range(12)}
                finish_run(tmp_path / f"{seeds}{row}{seed}", scores, seed=seed, lr=0.1 if row == "a" else 0.2)
        runs = members([tmp_path / f"{seeds}{row}{seed}" for row in "ab" for seed in range(1, seeds + 1)])
        (table,) = study_tables(runs, f"{seeds}a1")
        line = next(one for one in formats.as_markdown([table]).splitlines() if one.startswith(f"| {seeds}b1"))
        assert said in line, line


def test_any_row_may_be_the_reference(tmp_path: Path) -> None:
    a_study(tmp_path / "s")
    (table,) = study_tables(members([tmp_path / "s"]), "r1")
    assert table.against == "r1" and not table.entries[2].differences
    with pytest.raises(UserError, match="--against r2: no row is called that. Rows: bicubic, r0, r1"):
        study_tables(members([tmp_path / "s"]), "r2")


def test_what_is_not_finished_is_named_and_the_seeds_that_are_there_are_compared(tmp_path: Path) -> None:
    study = a_study(tmp_path / "s")
    states = {"r1-seed3": "running", "r0-seed2": "failed", "r1-seed2": "waiting"}
    for name in states:
        for file in (study.folder / name).iterdir():
            file.unlink()
        (study.folder / name).rmdir()
    begin_run(study.folder / "r1-seed3", steps=40, step=30)
    cells = tuple(
        Cell(one.name, one.alternative, one.seed, state=states.get(one.name, one.state), message="nan" * (one.name == "r0-seed2"))  # type: ignore[arg-type]
        for one in study.cells
    )  # fmt: skip
    write_study(Study(study.folder, "s", "s.toml", {}, "", cells))
    study.lock_file.parent.mkdir()
    with held(study.lock_file, "held"):
        (table,) = study_tables(members([study.folder]), "r0")
    said = notes(table)
    assert "warning: not in the table: r1-seed3 (running, step 30 of 40)" in said
    assert members([study.folder])[5].state == "interrupted, step 30 of 40"  # nobody looks after it any more
    assert "warning: not in the table: r0-seed2 (failed: nan)" in said
    assert "warning: not in the table: r1-seed2 (waiting)" in said
    assert "differences are over the seeds that both rows have; not all have these: r0 3" in said
    gap, one = table.entries[2].differences["psnr-y"], [scores_of(row, 1) for row in (0, 1)]
    assert gap is not None
    assert gap.mean == pytest.approx(statistics.fmean(one[1].values()) - statistics.fmean(one[0].values()))


def test_a_run_that_was_made_longer_is_not_finished_though_it_has_scores(tmp_path: Path) -> None:
    study = a_study(tmp_path / "s")
    text = (study.folder / "r0-seed1" / "experiment.toml").read_text()
    (study.folder / "r0-seed1" / "experiment.toml").write_text(text.replace("steps = 10", "steps = 99"))
    states = [one.state for one in members([study.folder]) if one.state]
    assert states == ["done, step 10 of 99"]


def test_unequal_budgets_are_said(tmp_path: Path) -> None:
    a_study(tmp_path / "s", rows=3)
    for row, changed in ((1, {"data": {"batch_size": 8}}), (2, {"steps": 12})):
        for seed in (1, 2, 3):
            finish_run(tmp_path / "s" / f"r{row}-seed{seed}", scores_of(row, seed), seed=seed, **changed)
    (table,) = study_tables(members([tmp_path / "s"]))
    assert [one for one in notes(table) if "unequal" in one] == [
        "warning: unequal budgets, steps: r0 10; r1 10; r2 12",
        "warning: unequal budgets, samples seen: r0 40; r1 80; r2 48",
        "unequal budgets, time: a run took 0:05 (r0) to 0:10 (r1)",
    ]
    a_study(tmp_path / "equal")
    (table,) = study_tables(members([tmp_path / "equal"]))
    assert not [one for one in notes(table) if "unequal" in one or "warning" in one]


def test_other_devices_and_pictures_are_said(tmp_path: Path) -> None:
    study = a_study(tmp_path / "s")
    path = study.folder / "r1-seed2" / "manifest.json"
    path.write_text(path.read_text().replace("1 threads", "2 threads").replace("abc", "abd"))
    (table,) = study_tables(members([study.folder]))
    assert "warning: the runs were trained on different pictures" in notes(table)
    device = "warning: the runs were trained on different devices (cpu (x86, 1 threads), cpu (x86, 2 threads))"
    assert device in notes(table)


def test_warnings_of_the_runs_stand_below_once_a_row(tmp_path: Path) -> None:
    a_study(tmp_path / "s", rows=1)
    random = "vgg16: random features in place of ImageNet's"
    for seed in (1, 2, 3):
        finish_run(tmp_path / "s" / f"r0-seed{seed}", scores_of(0, seed), warnings=[random], seed=seed)
    (table,) = study_tables(members([tmp_path / "s"]))
    assert [one for one in notes(table) if "random" in one] == [f"warning: r0: {random}"]


def test_single_runs_that_differ_in_the_seed_alone_share_a_row(tmp_path: Path) -> None:
    for name, seed, lr in (("a", 1, 0.1), ("b", 2, 0.1), ("c", 1, 0.2)):
        finish_run(tmp_path / name, scores_of(0, seed), seed=seed, lr=lr, log={"every": seed})
    (table,) = study_tables(members([tmp_path / name for name in "abc"]))
    assert [(one.row.model, one.repetition.seeds) for one in table.entries[1:] if one.repetition] == [
        ("a", (1, 2)), ("c", (1,)),
    ]  # fmt: skip
    with pytest.raises(UserError, match="neither a study's folder nor a run's"):
        members([tmp_path])
    finish_run(tmp_path / "d", scores_of(0, 2), seed=2, lr=0.1)
    with pytest.raises(UserError, match="d: a has a run with seed 2 already"):
        study_tables(members([tmp_path / name for name in "abd"]))


def test_a_run_is_called_what_its_folder_is_called_today(tmp_path: Path) -> None:
    finish_run(tmp_path / "before", scores_of(0, 1))
    (tmp_path / "before").rename(tmp_path / "after")
    (table,) = study_tables(members([tmp_path / "after"]))
    assert [one.row.model for one in table.entries] == ["bicubic", "after"]


def test_runs_judged_on_other_images_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    finish_run(tmp_path / "a", scores_of(0, 1))
    finish_run(tmp_path / "b", scores_of(0, 1, images=11), lr=0.1)
    tables = study_tables(members([tmp_path / "a", tmp_path / "b"]))
    assert [[one.row.model for one in table.entries] for table in tables] == [["bicubic", "a"], ["bicubic", "b"]]


def test_an_infinite_score_is_left_out_of_all_rows_and_named(tmp_path: Path) -> None:
    a_study(tmp_path / "s")
    finish_run(tmp_path / "s" / "r1-seed2", scores_of(1, 2) | {"04.png": None}, seed=2)  # type: ignore[arg-type]
    (table,) = study_tables(members([tmp_path / "s"]))
    entry = table.entries[2]
    assert entry.row.metrics["psnr-y"].mean is None
    rest = [{name: value for name, value in scores_of(1, seed).items() if name != "04.png"} for seed in (1, 2, 3)]
    means = [np.mean(list(one.values())) for one in rest]
    assert entry.row.metrics["psnr-y"].shown == pytest.approx(np.mean(means))
    assert entry.repetition is not None and entry.repetition.means["psnr-y"][1] is None
    assert entry.repetition.spreads["psnr-y"] == pytest.approx(np.std(means, ddof=1))
    gap = entry.differences["psnr-y"]
    assert gap is not None and gap.mean == pytest.approx(np.mean(means) - 20)  # bicubic's
    assert "PSNR-Y is infinite on 04.png (" in formats.as_markdown([table])


def test_all_formats_hold_spread_and_seeds(tmp_path: Path) -> None:
    a_study(tmp_path / "s")
    tables = study_tables(members([tmp_path / "s"]))
    repetition = tables[0].entries[2].repetition
    assert repetition is not None
    row = json.loads(formats.as_json(tables, {}))["rows"][2]
    assert row["seeds"] == [1, 2, 3] and row["spread"] == repetition.spreads
    assert row["per_seed"]["psnr-y"] == list(repetition.means["psnr-y"])
    line = list(csv.DictReader(io.StringIO(formats.as_csv(tables))))[2]
    assert line["seeds"] == "3" and float(line["psnr-y spread"]) == repetition.spreads["psnr-y"]
    shown = f"±{repetition.spreads['psnr-y']:.2f}"
    assert shown in formats.as_markdown(tables) and "| seeds |" in formats.as_markdown(tables)
    assert shown.replace("±", "$\\pm$") in formats.as_latex(tables)
