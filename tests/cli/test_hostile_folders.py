"""Run, study and set folders that a stranger may have made: nothing outside of them is written, read or shown."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import TINY, Command, Said, photo

CHECKPOINT = "checkpoints/step-00000001"
RUN = "runs/espcn"
RESUME = ("run", RUN, "--resume", "--set", "steps=2", "--quiet")

FILES = (
    ".lock",
    "data.json",
    "manifest.json",
    "metrics.jsonl",
    "validation.jsonl",
    "scores.json",
    "experiment.toml",
    ".manifest.json.part",
    ".srkit-0123456789abcdef.part",
    "code/net.py",
    f"{CHECKPOINT}/state.json",
    "strips/a.png",
)
FOLDERS = ("samples", "strips", "events", "checkpoints", "code", CHECKPOINT, "checkpoints/step-00000010", "other")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's that no command was given."""
    folder = tmp_path / "outside"
    (folder / "step-00000001").mkdir(parents=True)
    (folder / "private").write_text("as it was\n")
    photo(folder / "a.png")
    return folder


def pictured(folder: Path) -> dict[str, Any]:
    """Everything below a folder: links as links, files by content and time."""
    found: dict[str, Any] = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            status = path.lstat()
            content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = (
                status.st_mode,
                content,
                None if path.is_dir() else status.st_mtime_ns,
            )
    return found


def refused(said: Said, *words: str) -> None:
    assert said.code == 2, said
    assert "Traceback" not in said.err and "bug" not in said.err
    assert all(word in said.err for word in words), said.err


def linked(place: Path, target: Path) -> None:
    """Put a link in the place of what is there."""
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
@pytest.mark.parametrize("target", ["there", "new"])
def test_a_run_with_a_link_inside_is_not_resumed(
    workplace: Path, outside: Path, srkit: Command, name: str, target: str
) -> None:
    place = workplace / RUN / name
    if target == "new":
        where = outside / "new"
    elif name in FOLDERS:
        where = outside
    elif place.is_file():
        where = outside / Path(name).name  # what is read of it is as it was
        shutil.copy(place, where)
    else:
        where = outside / "private"
    linked(place, where)
    before = pictured(workplace), pictured(outside)
    said = srkit("run", "tiny.toml", "--resume", "--out", RUN, "--set", "steps=2", "--quiet")
    assert said.code == 2 and "Traceback" not in said.err
    if (workplace / RUN / "experiment.toml").is_file() and (workplace / RUN / "manifest.json").is_file():
        assert f"{Path(RUN, name)} is a link to {where}" in said.err
    assert (pictured(workplace), pictured(outside)) == before


@pytest.mark.parametrize("name", [".lock", "data.json", "manifest.json", ".manifest.json.part"])
def test_no_run_begins_in_a_folder_with_a_link(workplace: Path, outside: Path, srkit: Command, name: str) -> None:
    (workplace / "new").mkdir()
    (workplace / "new" / "manifest.json").touch()
    linked(workplace / "new" / name, outside / "new")
    before = pictured(workplace), pictured(outside)
    refused(srkit("run", "tiny.toml", "--out", "new", "--quiet"), f"{Path('new', name)} is a link to")
    assert (pictured(workplace), pictured(outside)) == before


def test_the_path_to_a_run_may_lead_through_links(workplace: Path, tmp_path: Path, srkit: Command) -> None:
    (workplace / "runs").rename(tmp_path / "disk")
    (workplace / "runs").symlink_to(tmp_path / "disk")
    (workplace / "direct").symlink_to(tmp_path / "disk" / "espcn")
    for steps, out in ((2, RUN), (3, "direct")):
        said = srkit("run", out, "--resume", "--set", f"steps={steps}", "--quiet")
        assert said.code == 0, said.err
    assert (tmp_path / "disk/espcn/checkpoints/step-00000003").is_dir()


def test_photos_are_read_through_links_as_ever(workplace: Path, tmp_path: Path, srkit: Command) -> None:
    (workplace / "photos").rename(tmp_path / "album")
    (workplace / "photos").mkdir()
    (workplace / "photos" / "a.png").symlink_to(tmp_path / "album" / "a.png")
    said = srkit("run", "tiny.toml", "--out", "new", "--quiet")
    assert said.code == 0, said.err


def test_a_set_with_a_link_inside_is_not_gone_on_with(
    workplace: Path, outside: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(workplace / "large/a.png", (64, 48))
    for name in (".prepare", "0", "train"):
        out = workplace / f"set{name}"
        out.mkdir()
        if name != ".prepare":  # a run that was begun
            shutil.copytree(begun(workplace, srkit, monkeypatch), out, dirs_exist_ok=True)
        linked(out / name, outside)
        before = pictured(outside)
        refused(srkit("prepare", "large", "--out", str(out), "--patch-size", "16"), "is a link to")
        assert pictured(outside) == before


def begun(workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set whose run was interrupted before its first patch."""
    out = workplace / "begun"
    if not out.exists():
        with monkeypatch.context() as patch:
            patch.setattr("srkit.preparing.work._cut", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            assert srkit("prepare", "large", "--out", str(out), "--patch-size", "16").code == 130
    return out


def test_upscaled_images_are_not_written_through_a_link(workplace: Path, outside: Path, srkit: Command) -> None:
    photo(workplace / "in/sub/b.png")
    (workplace / "large").mkdir()
    (workplace / "large" / "sub").symlink_to(outside)
    before = pictured(outside)
    said = srkit("upscale", "in", "--model", RUN, "--out", "large")
    refused(said, "is a link to")
    assert pictured(outside) == before
    (workplace / "small").symlink_to(workplace / "disk")
    (workplace / "disk").mkdir()
    assert srkit("upscale", "in", "--model", RUN, "--out", "small").code == 0
    assert (workplace / "disk/sub/b.png").is_file()


def test_a_report_shows_no_image_that_a_link_leads_to(workplace: Path, outside: Path, srkit: Command) -> None:
    file = workplace / RUN / "experiment.toml"  # its photos gone, the strips that it ended with are shown
    file.write_text(file.read_text().replace("photos", "nowhere"))
    strips = sorted((workplace / RUN / "strips").glob("*.png"))
    said = srkit("report", RUN, "--out", "with.html")
    assert said.code == 0 and "strips as the runs ended with" in said.err
    for one in strips:
        linked(one, outside / "a.png")
    said = srkit("report", RUN, "--out", "without.html")
    assert said.code == 0 and "strips" not in said.err
    linked(workplace / RUN / "strips", outside)
    assert "strips" not in srkit("report", RUN, "--out", "neither.html").err


def written_study(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cells = [{"name": name, "alternative": "row", "seed": 1} for name in names]
    content = {"name": "s", "file": "s.toml", "launcher": {"use": "local"}, "device": "", "cells": cells}
    (folder / "study.json").write_text(json.dumps(content))


HOSTILE_NAMES = (
    "../../outside",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "/etc",
    "C:x",
    "study",
    "bicubic",
    "NUL",
    "com1",
    "con.txt",
    "a\nb",
    "a\0b",
    "ä",
    "a b",
    "-a",
    "a.",
    "a" * 300,
)


@pytest.mark.parametrize("command", [("run", "s", "--resume"), ("table", "s"), ("report", "s")])
def test_a_study_s_cells_have_names_that_srkit_gives(workplace: Path, srkit: Command, command: tuple[str, ...]) -> None:
    for name in HOSTILE_NAMES:
        written_study(workplace / "s", "espcn", name)
        refused(srkit(*command), "study.json", "is no name that srkit gives")


def test_two_cells_do_not_share_a_folder(workplace: Path, srkit: Command) -> None:
    written_study(workplace / "s", "espcn", "ESPCN")
    refused(srkit("table", "s"), "study.json", "two runs are called")


def test_a_study_with_a_link_inside_is_not_gone_on_with(workplace: Path, outside: Path, srkit: Command) -> None:
    (workplace / "study.toml").write_text(TINY + "[log]\ntensorboard = false\n[matrix]\nseed = [1, 2]\n")
    assert srkit("run", "study.toml", "--out", "s", "--quiet").code == 0
    for name in (
        "study",
        "study/lock",
        "study/seed1",
        "study/seed1/log.txt",
        "study.json",
        "seed1/metrics.jsonl",
        "seed2",
    ):
        shutil.copytree(workplace / "s", workplace / "copy", symlinks=True)
        place = workplace / "copy" / name
        kept = workplace / "kept"
        shutil.move(place, kept)
        place.symlink_to(kept)
        before = pictured(workplace)
        for command in (("run", "copy"), ("run", "study.toml", "--out", "copy")):
            refused(srkit(*command, "--resume", "--set", "steps=2"), f"{Path('copy', name)} is a link to")
        assert pictured(workplace) == before
        shutil.rmtree(workplace / "copy")
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()


def rewritten_state(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """A checkpoint's state changed, with the checksum that fits it."""
    file = run / CHECKPOINT / "state.json"
    content = json.loads(file.read_text())
    content.pop("sha256")
    change(content)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps({"sha256": digest, **content}))


STATES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a path upwards": lambda state: state["files"].update({"../../../outside/x.safetensors": state["files"]["generator.safetensors"]}),
    "an absolute path": lambda state: state["files"].update({"/etc/x.safetensors": state["files"]["generator.safetensors"]}),
    "a drive": lambda state: state["files"].update({"C:x.safetensors": state["files"]["generator.safetensors"]}),
    "another ending": lambda state: state["files"].update({"x.pth": state["files"]["generator.safetensors"]}),
    "a list of files": lambda state: state.update(files=list(state["files"])),
    "no files": lambda state: state.pop("files"),
    "texts in place of sizes": lambda state: state["files"]["generator.safetensors"].update(size="10"),
    "no state": lambda state: state.update(state=5),
}  # fmt: skip


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_a_checkpoint_s_files_have_names_that_srkit_gives(
    workplace: Path, srkit: Command, change: Callable[[dict[str, Any]], object]
) -> None:
    rewritten_state(workplace / RUN, change)
    for command in (
        RESUME,
        ("bench", RUN, "--on", "photos"),
        ("export", RUN, "--format", "safetensors", "--out", "x.safetensors"),
        ("upscale", "photos", "--model", RUN, "--out", "large"),
    ):
        refused(srkit(*command), "state.json")


def test_a_state_of_another_form_is_told_in_a_sentence(workplace: Path, srkit: Command) -> None:
    rewritten_state(workplace / RUN, lambda content: content.update(state={"step": [], "losses": 1, "updaters": {}}))
    refused(srkit(*RESUME), "checkpoint")


def test_what_is_not_named_like_a_checkpoint_is_none(workplace: Path, srkit: Command) -> None:
    for name in (
        "step-1",
        "step-00000005abc",
        "step-\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0665",
        ".step-x.old",
        "step-" + "9" * 200,
    ):
        (workplace / RUN / "checkpoints" / name).mkdir()
    said = srkit(*RESUME)
    assert said.code == 0, said.err
    assert srkit("table", RUN).code == 0


USES = ("./code/../net.py", "./net.py", "../net.py", "/tmp/net.py", "./code/deep/net.py", "./code/.py", "code/net.py")


@pytest.mark.parametrize("use", USES)
def test_a_run_s_code_lies_in_its_own_folder(workplace: Path, srkit: Command, use: str) -> None:
    ran = workplace / "net.py-ran"
    for folder in (workplace, workplace / "runs", workplace / RUN, workplace / RUN / "code" / "deep"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "net.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n")
    file = workplace / RUN / "experiment.toml"
    file.write_text(
        file.read_text()
        .replace('use = "srkit:espcn"', f'use = "{use}:Net"')
        .replace('use = "espcn"', f'use = "{use}:Net"')
    )
    assert use in file.read_text()
    commands = [
        ("check", RUN),
        ("run", RUN, "--resume"),
        ("inspect", RUN),
        ("bench", RUN, "--on", "photos"),
        ("upscale", "photos", "--model", RUN, "--out", "large"),
        ("table", RUN),
    ]
    for command in commands:
        refused(srkit(*command), "experiment.toml", use)
    assert not ran.exists()


DEEP = "[" * 100_000
TEXTS = {"a list": "[]", "1e400": '{"data": 1e400}', "deep": DEEP, "no text": "\udcff"}
COMMANDS = (
    RESUME,
    ("bench", RUN, "--on", "photos"),
    ("report", RUN, "--out", "page.html", "--overwrite"),
    ("table", RUN),
    ("curves", RUN, "--out", "curves.svg"),
)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", ["manifest.json", "scores.json", "metrics.jsonl", "validation.jsonl", "data.json"])
def test_json_of_another_form_is_told_in_a_sentence(workplace: Path, srkit: Command, name: str, text: str) -> None:
    (workplace / RUN / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    for command in COMMANDS:
        said = srkit(*command)
        assert said.code in (0, 2) and "Traceback" not in said.err and "bug" not in said.err, (command, said)
        assert said.code == 0 or name in said.err, (command, said)


MANIFESTS: dict[str, Any] = {
    "sessions": [5],
    "data": [1],
    "warnings": {"a": 1},
    "warnings of numbers": [1],
}


@pytest.mark.parametrize("key", MANIFESTS)
def test_a_manifest_of_other_types_is_told_in_a_sentence(workplace: Path, srkit: Command, key: str) -> None:
    file = workplace / RUN / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key.partition(" ")[0]: MANIFESTS[key]}))
    for command in COMMANDS[:4]:
        refused(srkit(*command), "manifest.json", key.partition(" ")[0])


@pytest.mark.parametrize(
    ("key", "value"),
    [("scale", "2"), ("data", 5), ("generator", {}), ("generator", []), ("stage", {}), ("validation", {"photos": 3})],
)
def test_an_experiment_of_other_types_is_told_in_a_sentence(
    workplace: Path, srkit: Command, key: str, value: object
) -> None:
    import tomli
    import tomli_w

    file = workplace / RUN / "experiment.toml"
    file.write_text(tomli_w.dumps(tomli.loads(file.read_text()) | {key: value}))
    for command in COMMANDS[:4]:
        refused(srkit(*command), "experiment.toml", key)


def test_a_study_of_another_form_is_told_in_a_sentence(workplace: Path, srkit: Command) -> None:
    for text in (
        *TEXTS.values(),
        '{"cells": 5}',
        '{"name": "s", "file": "", "launcher": {}, "device": "", "cells": [[]]}',
    ):
        written_study(workplace / "s")
        (workplace / "s" / "study.json").write_text(text, encoding="utf-8", errors="surrogateescape")
        for command in (("run", "s", "--resume"), ("table", "s"), ("report", "s")):
            refused(srkit(*command), "study.json")


def test_nothing_is_left_and_a_long_name_is_no_hindrance(workplace: Path, srkit: Command) -> None:
    name = "n" * 245 + ".html"
    said = srkit("report", RUN, "--out", name)
    assert said.code == 0 and (workplace / name).is_file(), said.err
    assert not list(workplace.rglob("*.part"))


@pytest.mark.parametrize(
    "group", ["match = [50, 95]", "match = 3", "match = { a = 1 }", "lr_scale = [1]", 'match = ["*", 2]']
)
def test_a_parameter_group_of_another_form_is_told_and_nothing_else_fails(
    group: str, workplace: Path, srkit: Command
) -> None:
    match = "" if group.startswith("match") else 'match = "*"\n'
    Path("odd.toml").write_text(f"{Path('tiny.toml').read_text()}[[optimizer.group]]\n{match}{group}\n")
    said = srkit("check", "odd.toml")
    assert said.code == 2, said.out + said.err
    assert f"optimizer.group.1.{group.partition(' ')[0]}: found" in said.out and "bug" not in said.out + said.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are UTF-8, or nearly")
def test_names_that_are_not_utf_8_are_taken_or_refused_by_name(workplace: Path, srkit: Command) -> None:
    odd = Path(os.fsdecode(b"odd\xff"))
    shutil.copytree("photos", odd)
    shutil.copytree("photos", "within")
    Path("within", os.fsdecode(b"b\xff.png")).write_bytes(next(Path("photos").glob("*.png")).read_bytes())
    run = ("run", "tiny.toml", "--device", "cpu", "--quiet")
    for words in (
        ("check", "tiny.toml", "--set", "data.train=within"),
        (*run, "--set", "data.train=within", "--out", "runs/within"),
        ("verify", "runs/within"),
        ("data", "tiny.toml", "--set", "data.train=within", "--out", "sheet.png"),
        ("upscale", "within", "--model", "runs/espcn", "--out", "large"),
        ("bench", "bicubic", "--on", "within", "--scale", "2", "--per-image", "--format", "csv"),
    ):
        said = srkit(*words)
        assert said.code == 0, (words, said.out + said.err)
    said = srkit(*run, "--set", f"data.train={odd}", "--out", "runs/next")
    assert (said.code, said.err.count("not UTF-8")) == (2, 1) and "odd\\udcff" in said.err
    said = srkit(*run, "--out", f"runs/{odd}")
    assert (said.code, said.err.count("has to be UTF-8")) == (2, 1) and "odd\\udcff" in said.err
