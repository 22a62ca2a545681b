"""`srkit report` from the shell: runs and studies as a page, what is missing is said, what cannot be is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from srkit.studies.folder import Cell, Study, write_study
from tests.cli.conftest import Command, photo
from tests.execution.support import unbound


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def page(name: str = "report.html") -> str:
    return Path(name).read_text(encoding="utf-8")


def changed(run: Path, key: str, value: str) -> None:
    """A run's experiment with another value of a key at the top."""
    file = run / "experiment.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(rf"(?m)^{key} = .*$", lambda _: f"{key} = {value}", text, count=1), encoding="utf-8")


def test_a_run_becomes_a_page(workplace: Path, srkit: Command) -> None:
    said = srkit("report", "runs/espcn")
    assert said.code == 0, said.err
    assert said.out.startswith("report.html: 1 run, 1 photo, ") and said.err == ""
    text = page()
    assert text.count("data:image/webp") == 3  # original, bicubic, espcn
    assert "finished, 1 steps" in text and "a.png: espcn, " in text and "photos, x2, LR by torch-bilinear" in text
    scores = json.loads(Path("runs/espcn/scores.json").read_text(encoding="utf-8"))
    for row in scores["rows"]:
        assert f">{row['metrics']['psnr-y']['mean']:.2f}<" in text


def test_runs_that_were_trained_alike_share_a_table_and_others_do_not(workplace: Path, srkit: Command) -> None:
    settings = {"narrow": "generator.channels=2", "wide": "generator.channels=3", "shrunk": 'downscaler={use="box"}'}
    for name, setting in settings.items():
        done = srkit("run", "tiny.toml", "--set", setting, "--out", f"runs/{name}", "--quiet")
        assert done.code == 0, done.err
    said = srkit("report", "runs/narrow", "runs/wide", "runs/shrunk", "--out", "all.html")
    assert said.code == 0, said.err
    tables = re.findall(r"<caption class=\"unseen\">Scores on .*?</table>", page("all.html"), re.DOTALL)
    rows = [re.findall(r'<th scope="row">(.*?)</th>', one) for one in tables]
    assert rows == [["bicubic", "narrow †", "wide †"], ["bicubic", "shrunk †"]]
    assert "<mark>3</mark>" in page("all.html") and "<mark>box</mark>" in page("all.html")


def test_a_page_that_is_there_is_kept_unless_told(workplace: Path, srkit: Command) -> None:
    Path("report.html").write_text("mine", encoding="utf-8")
    said = srkit("report", "runs/espcn")
    assert said.code == 2 and said.err == "error: report.html is there already; --overwrite replaces it\n"
    assert page() == "mine"
    assert srkit("report", "runs/espcn", "--overwrite").code == 0 and "<!DOCTYPE html>" in page()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: there is no such run or study"),
        (["photos"], "photos: this is neither a run folder"),
        (["runs/espcn", "runs/../runs/espcn"], "is named twice"),
        (["runs/espcn", "--out", "no/where.html"], "there is no folder no"),
        (["runs/espcn", "--on", "empty"], "empty"),
        (["runs/espcn", "--device", "abacus"], "--device abacus"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], says: str, workplace: Path, srkit: Command) -> None:
    Path("empty").mkdir()
    said = srkit("report", *arguments)
    assert said.code == 2 and says in said.err and said.err.count("error:") == 1
    assert not list(Path().glob("*.html")) and not list(Path().glob(".*"))


def test_an_unfinished_run_is_shown_as_far_as_it_is(workplace: Path, srkit: Command) -> None:
    changed(Path("runs/espcn"), "steps", "5")
    Path("runs/espcn/scores.json").unlink()
    assert srkit("report", "runs/espcn").code == 0
    assert "not finished: step 1 of 5; shown as of step 1" in page() and page().count("data:image/webp") == 3


def test_a_run_without_a_checkpoint_has_its_file_and_says_so(workplace: Path, srkit: Command) -> None:
    shutil.rmtree("runs/espcn/checkpoints")
    said = srkit("report", "runs/espcn")
    assert said.code == 0 and "espcn has no pictures and no scores: runs/espcn has no checkpoint yet" in said.err
    assert "no checkpoint yet" in page() and "data:image" not in page() and "pixel_loss" in page()


def test_where_the_photos_have_gone_the_runs_own_table_stands(workplace: Path, srkit: Command) -> None:
    file = Path("runs/espcn/experiment.toml")
    file.write_text(re.sub('path = ".*/photos"', 'path = "gone"', file.read_text(encoding="utf-8")), encoding="utf-8")
    said = srkit("report", "runs/espcn")
    assert said.code == 0 and "scores and strips as the runs ended with" in said.err
    assert ">bicubic<" in page() and page().count("data:image") == 1 and 'alt="strip of espcn: a"' in page()
    shutil.rmtree("runs/espcn/strips")
    assert srkit("report", "runs/espcn", "--overwrite").code == 0
    assert ">bicubic<" in page() and "data:image" not in page()


def test_other_photos_can_be_named(workplace: Path, srkit: Command) -> None:
    for number in range(4):
        photo(Path("other") / f"{'x' * (number + 1)}.png", (48, 40))
    said = srkit("report", "runs/espcn", "--on", "other", "--on", "photos", "--photos", "2")
    assert said.code == 0, said.err
    assert said.out.startswith("report.html: 1 run, 3 photos, ")
    assert "2 of 4 photos, spread evenly over the set" in page() and "xxxx.png: original" in page()


def test_runs_of_one_name_are_told_apart(workplace: Path, srkit: Command) -> None:
    shutil.copytree("runs/espcn", "old/espcn")
    assert srkit("report", "runs/espcn", "old/espcn").code == 0
    assert "old/espcn" in page() and "All runs have the same settings." in page()


def test_a_study_is_its_runs(workplace: Path, srkit: Command) -> None:
    for seed in (1, 2):
        shutil.copytree("runs/espcn", f"study/seed{seed}")
        changed(Path(f"study/seed{seed}"), "seed", str(seed))
        unbound(Path(f"study/seed{seed}"))
        scores = Path(f"study/seed{seed}/scores.json")
        scores.write_text(scores.read_text(encoding="utf-8").replace('"espcn"', f'"seed{seed}"'), encoding="utf-8")
    cells = tuple(Cell(f"seed{seed}", "tiny", seed, state="done" if seed < 3 else "waiting") for seed in (1, 2, 3))
    write_study(Study(Path("study"), "study", "tiny.toml", {"use": "local"}, "", cells))
    said = srkit("report", "study")
    assert said.code == 0 and said.err == "warning: study: seed3 has not begun (waiting)\n"
    tables = re.findall(r"<caption class=\"unseen\">Scores on .*?</table>", page(), re.DOTALL)
    rows = [re.findall(r'<th scope="row">(.*?)</th>', one) for one in tables]
    assert rows == [["bicubic", "tiny"], ["bicubic", "seed1 †", "seed2 †"]]
    assert "±0.00" in tables[0] and ">seeds</th>" in tables[0]
    assert "not in the table: seed3" in page()
