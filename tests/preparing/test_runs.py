"""Whole runs: the patches are the photos' pixels, what is dropped is named, and nothing depends on time or processes."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit.components.downscalers.imresize import MatlabBicubic
from srkit.data.packed import PackedPictures
from srkit.errors import SrkitError, UserError
from srkit.preparing import crew
from srkit.preparing.crew import _failed, _written
from srkit.preparing.cutting import Cutter, Job
from srkit.preparing.folder import State, state_of
from srkit.preparing.journal import Journal, Written, locked
from srkit.preparing.photos import find_photos
from srkit.preparing.shrinking import Shrinker, qualified
from srkit.preparing.targets import WORK, Slot, Target
from srkit.registry import Registry
from tests.preparing.support import PLAIN, Silent, contents, photo, planned, prepare


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Eight photos of several kinds, one of them twice, a flat one and two broken ones."""
    folder = tmp_path_factory.mktemp("album")
    for number in range(8):
        photo(folder / f"{number}.png", number, 40 + 5 * number, 36)
    photo(folder / "copy of 3.jpg", 3, 55, 36, quality=90)
    Image.new("RGB", (64, 64), (10, 200, 30)).save(folder / "flat.png")
    torn = photo(folder / "torn.png", 20, 64, 64)
    torn.write_bytes(torn.read_bytes()[:2000])
    (folder / "empty.jpg").write_bytes(b"")
    photo(folder / "tiny.png", 21, 10, 60)
    return folder


@pytest.fixture(scope="module")
def whole(album, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    prepare(album, out, 2)
    return out


def manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def opened(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_every_patch_is_a_part_of_its_photo_or_of_its_shrink(album, whole):
    seen = set()
    for entry in manifest(whole)["photos"]:
        for number, (shrink, left, top) in enumerate(entry.get("patches", ()), entry.get("first", 0)):
            picture = Image.open(album / entry["name"]).convert("RGB")
            size = picture.width // shrink, picture.height // shrink
            picture = picture.crop((0, 0, size[0] * shrink, size[1] * shrink)).resize(size, Image.Resampling.BICUBIC)
            part = np.asarray(picture)[top : top + 16, left : left + 16]
            assert (opened(whole / f"{number // 1000}" / f"{number}.png") == part).all()
            seen.add(number)
    count = manifest(whole)["counts"]["patches"]
    assert seen == set(range(count)) and count == len(list(whole.rglob("*.png"))) > 30


def test_what_is_dropped_is_counted_and_named(whole):
    found = manifest(whole)
    assert found["counts"] | {"patches": 0} == {
        "photos": 13,
        "cut": 8,
        "broken": 2,
        "too_small": 1,
        "near_duplicates": 1,
        "flat_photos": 1,
        "patches": 0,
        "flat_patches": 16 + 4,
    }
    photos = {one["name"]: one for one in found["photos"]}
    # the larger file of the two is the original, whatever their names
    assert photos["copy of 3.jpg"]["outcome"] == "duplicate" and photos["copy of 3.jpg"]["like"] == "3.png"
    assert photos["torn.png"]["outcome"] == "broken" and "truncated" in photos["torn.png"]["why"]
    assert photos["empty.jpg"]["why"] == "is empty (zero bytes)"
    assert photos["tiny.png"]["outcome"] == "too small" and photos["flat.png"]["outcome"] == "flat"
    assert photos["3.png"]["sha256"] and Counter(one["outcome"] for one in found["photos"])["cut"] == 8


def test_nothing_but_patches_and_the_manifest_is_left(whole):
    assert {one.name for one in whole.iterdir()} == {"0", "manifest.json"}


def test_the_number_of_processes_changes_nothing(album, whole, tmp_path):
    prepare(album, tmp_path / "out", 3)
    assert contents(tmp_path / "out") == contents(whole)


def test_a_packed_set_holds_the_same_patches_by_side(album, whole, tmp_path):
    prepare(album, tmp_path / "out", 2, form="packed", validate=0.3)
    found = manifest(tmp_path / "out")
    files = {}
    for entry in manifest(whole)["photos"]:
        for number, (shrink, left, top) in enumerate(entry.get("patches", ()), entry.get("first", 0)):
            files[f"{entry['name']}@{shrink}+{left}+{top}"] = number
    photos: dict[str, set[str]] = {}
    for side in ("train", "validate"):
        packed = PackedPictures(tmp_path / "out" / side)
        packed.verify()
        assert len(packed) == found["counts"][side]
        photos[side] = {packed.name(index).partition("@")[0] for index in range(len(packed))}
        for index in range(len(packed)):
            number = files.pop(packed.name(index))
            assert (packed[index] == opened(whole / "0" / f"{number}.png")).all()
    assert not files and photos["train"] and photos["validate"] and not photos["train"] & photos["validate"]
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"manifest.json", "train", "validate"}


def test_whole_pictures_of_any_size_are_packed_with_their_names(album, tmp_path):
    prepare(album, tmp_path / "out", 1, form="packed", patch_size=None, near_duplicates=-1, shrinks=(1,))
    packed = PackedPictures(tmp_path / "out")
    names = [packed.name(index) for index in range(len(packed))]
    assert names == sorted(one.name for one in album.iterdir() if one.name not in ("torn.png", "empty.jpg"))
    for index, name in enumerate(names):
        assert (packed[index] == opened(album / name)).all()


def test_more_than_a_thousand_patches_fill_folders_of_a_thousand(tmp_path):
    photo(tmp_path / "a" / "a.png", 1, 264, 256)
    prepare(tmp_path / "a", tmp_path / "out", 1, patch_size=8, shrinks=(1,), flat=0.0, form="webp")
    assert [len(list((tmp_path / "out" / one).iterdir())) for one in "01"] == [1000, 56]
    last = opened(tmp_path / "out" / "1" / "1055.webp")
    assert (last == opened(tmp_path / "a" / "a.png")[-8:, -8:]).all()


def test_a_downscaler_of_batches_shrinks_photos(tmp_path):
    import torch

    photo(tmp_path / "a.png", 1, 41, 33)
    job = Job(0, find_photos([tmp_path / "a.png"], tmp_path / "out", Registry.installed())[0], 2, "")
    settings = planned(tmp_path, tmp_path / "out", patch_size=8, shrinks=(1,), flat=0.0).settings
    cutter = Cutter(settings, Shrinker("matlab-bicubic", [2], Registry.installed()))
    look = cutter.look(job)
    hr = torch.from_numpy(opened(tmp_path / "a.png").copy()).permute(2, 0, 1)[None].float() / 255
    small = (MatlabBicubic(2)(hr).clamp(0, 1) * 255).round().to(torch.uint8)[0].permute(1, 2, 0).numpy()
    assert small.shape == (16, 20, 3) and len(look.places) == 4
    for place, patch in zip(look.places, cutter.patches(look), strict=True):
        assert (patch == small[place.top : place.top + 8, place.left : place.left + 8]).all()


DRAWN = {"use": "random", "choices": ["nearest", {"use": "lanczos", "lobes": 2}]}


def test_a_downscaler_with_options_stands_in_the_manifest_with_all_names_qualified(tmp_path):
    assert qualified({"use": "pillow"}, Registry.installed()) == "srkit:pillow"
    table = qualified({**DRAWN, "shares": [1, 2.0]}, Registry.installed())
    lanczos = {"use": "srkit:lanczos", "lobes": 2}
    assert table == {"use": "srkit:random", "choices": ["srkit:nearest", lanczos], "shares": [1, 2]}
    photo(tmp_path / "a" / "a.png", 1)
    prepare(tmp_path / "a", tmp_path / "out", downscaler=table)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["settings"]["downscaler"] == table
    assert state_of(tmp_path / "out", planned(tmp_path / "a", tmp_path / "out", downscaler=table)) is State.FINISHED


def test_a_downscaler_that_draws_draws_anew_for_each_photo_and_shrink(tmp_path):
    for number in range(6):
        photo(tmp_path / "a" / f"{number}.png", number, 64, 64)
    for out, workers in (("one", 1), ("two", 2)):
        changes = {"downscaler": DRAWN, "shrinks": (2, 4), "flat": 0.0}
        prepare(tmp_path / "a", tmp_path / out, workers, form="packed", **changes)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    packed = PackedPictures(tmp_path / "one")
    nearest = set()
    for index in range(len(packed)):
        name, _, place = packed.name(index).partition("@")
        shrink, left, top = map(int, place.split("+"))
        small = opened(tmp_path / "a" / name)[shrink // 2 :: shrink, shrink // 2 :: shrink]
        if (packed[index] == small[top : top + 16, left : left + 16]).all():
            nearest.add((name, shrink))
    by_shrink = [sum(shrink == one for _, shrink in nearest) for one in (2, 4)]
    assert all(0 < count < 6 for count in by_shrink)
    assert {name for name, shrink in nearest if shrink == 2} != {name for name, shrink in nearest if shrink == 4}


def test_a_downscaler_whose_options_are_wrong_is_refused():
    for table, message in (
        ({"use": "random"}, "option 'choices' of 'random' is missing"),
        ({"use": "lanczos", "lobs": 2}, "no option 'lobs'. Did you mean 'lobes'"),
        ({"use": "random", "choices": ["box"], "shares": [1, 2]}, "--downscaler random: shares: one number from 0"),
        ("pilow", "no downscaler 'pilow'"),
    ):
        with pytest.raises(UserError, match=message):
            Shrinker(table, [2], Registry.installed())


def test_flatness_is_the_mean_step_between_neighbours(tmp_path):
    steps = np.zeros((16, 32, 3), np.uint8)
    steps[:, 16::2] = 4  # right half: 4 levels across, none down
    Image.fromarray(steps).save(tmp_path / "a.png")
    job = Job(0, find_photos([tmp_path / "a.png"], tmp_path / "out", Registry.installed())[0], 1, "")
    for flat, kept in ((1.99, 1), (2.01, 0), (0.0, 2)):
        settings = planned(tmp_path, tmp_path / "out", flat=flat, shrinks=(1,)).settings
        look = Cutter(settings, Shrinker("pillow", [], Registry.installed())).look(job)
        assert len(look.places) == kept and look.flat == 2 - kept


# --- going on -------------------------------------------------------------------------------------------------------


def arguments(album: Path, out: Path, *more: str) -> list[str]:
    size = ["--patch-size", "16", "--shrinks", "1,2", "--workers", "2"]
    return [sys.executable, "-m", "srkit", "prepare", str(album), "--out", str(out), *size, *more]


def killed_after(lines: int, command: list[str], journal: Path) -> bool:
    """Kill the command once its journal has so many lines; whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if lines == 0 or (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            process.kill()
            break
        time.sleep(0.002)
    return process.wait() != 0


@pytest.mark.parametrize("form", [(), ("--packed", "--validate", "0.3")], ids=["files", "packed"])
def test_killed_again_and_again_it_makes_the_same_set(album, tmp_path, form):
    whole, out = tmp_path / "whole", tmp_path / "out"
    prepare(album, whole, 2, **({"form": "packed", "validate": 0.3} if form else {}))
    journal = out / WORK / "journal.jsonl"
    kills = [killed_after(lines, arguments(album, out, *form), journal) for lines in (3, 12)]
    assert all(kills)
    done = subprocess.run(arguments(album, out, *form), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "goes on" in done.stdout
    assert contents(out) == contents(whole)


def test_what_is_done_is_not_done_again(album, tmp_path, monkeypatch):
    out, watcher = tmp_path / "out", Silent()
    plan = planned(album, out)

    def stop(job: int) -> None:
        watcher.jobs.append(job)
        if len(watcher.jobs) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(watcher, "done", stop)
    from srkit.preparing.work import carry_out

    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, out, 1, watcher)
    assert state_of(out, plan) is State.BEGUN
    again = Silent()
    carry_out(plan, out, 1, again)
    assert again.earlier == watcher.jobs == [0, 1, 2, 3, 4]
    assert sorted([*again.earlier, *again.jobs]) == list(range(len(plan.jobs)))
    assert state_of(out, plan) is State.FINISHED


@pytest.mark.parametrize("moment", ["index", "manifest"])
def test_killed_while_it_closes_the_set(album, tmp_path, monkeypatch, moment):
    out = tmp_path / "out"
    prepare(album, tmp_path / "whole", form="packed")
    place = "finish_packed" if moment == "index" else "_manifest"
    with monkeypatch.context() as patch:
        patch.setattr(f"srkit.preparing.finishing.{place}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepare(album, out, form="packed")
    (out / ".manifest.json.1234.part").write_text("{")
    prepare(album, out, form="packed")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_line_that_was_cut_short_is_dropped(tmp_path):
    path = tmp_path / "journal"
    first = Journal(path)
    first.add(Written(3, ("ab",)))
    first.close()
    sound = path.read_bytes()
    path.write_bytes(sound + b'{"decided":{"jo')
    second = Journal(path)
    assert second.written == {3: Written(3, ("ab",))} and path.read_bytes() == sound
    second.close()
    path.write_bytes(b"nonsense\n" + sound)
    with pytest.raises(UserError, match="damaged"):
        Journal(path)


def test_two_runs_do_not_share_a_folder(tmp_path):
    lock = tmp_path / "out" / WORK / "lock"
    lock.parent.mkdir(parents=True)
    with locked(lock), pytest.raises(UserError, match="out is being prepared by another srkit right now"), locked(lock):
        pass
    with locked(lock):
        pass


# --- refusals and failures ------------------------------------------------------------------------------------------


def test_other_settings_or_photos_are_refused_and_listed(album, whole, tmp_path):
    with pytest.raises(
        UserError, match=r"was prepared with other settings or photos:\n  patch_size: 16 there, 8 now\n"
    ):
        state_of(whole, planned(album, whole, patch_size=8))
    source = tmp_path / "copied"
    shutil.copytree(album, source)
    assert state_of(whole, planned(source, whole)) is State.FINISHED  # the same photos elsewhere
    photo(source / "0.png", 99)
    photo(source / "new.png", 98)
    (source / "1.png").unlink()
    with pytest.raises(UserError) as caught:
        state_of(whole, planned(source, whole))
    assert "photos new: new.png\n  photos gone: 1.png\n  photos changed: 0.png" in str(caught.value)


def test_a_users_own_folder_is_left_alone(album, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="not empty, and not made by `srkit prepare`"):
        state_of(tmp_path, planned(album, tmp_path))
    with pytest.raises(UserError, match="this is a file"):
        state_of(tmp_path / "notes.txt", planned(album, tmp_path))


def test_a_set_without_patches_is_refused(tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    Image.new("RGB", (64, 64)).save(source / "a.png")
    with pytest.raises(UserError, match="no patch is left at all: 20 were flat"):
        prepare(source, tmp_path / "out")


class Full:
    """A disk without space."""

    out = Path("out")

    def write(self, slot: Slot, patches: object) -> tuple[str, ...]:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_message(album):
    job = planned(album, Path("out")).jobs[0]
    cutter = Cutter(PLAIN, Shrinker("pillow", [2], Registry.installed()))
    with pytest.raises(crew._Disk) as caught:
        _written(cutter, cutter.look(job), Full(), Slot("", 0, 0))  # type: ignore[arg-type]  # stands for a Target
    error = _failed(job, "disk", (str(caught.value), ""))
    assert isinstance(error, UserError)
    assert (
        str(error) == "out: cannot be written (No space left on device). The same command goes on once that is mended"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_process_that_dies_is_named_with_its_photo(album, tmp_path):
    plan = planned(album, tmp_path)
    workers = crew.Crew(plan.settings, Target(tmp_path, "png"), 1)
    try:
        worker = workers.workers[0]
        job = next(one for one in plan.jobs if one.photo.name == "2.png")
        workers.look(worker, job)
        workers.news()
        worker.process.kill()
        with pytest.raises(SrkitError, match=rf"died at .*2\.png \(exit code -{int(signal.SIGKILL)}\).*same command"):
            workers.news()
    finally:
        workers.close()


HASH, CHECK = "0" * 64, "0" * 16


@pytest.mark.parametrize(
    "line",
    [
        {"decided": {"job": 99}},
        {"decided": {"job": 1}},
        {"decided": {"outcome": "other"}},
        {"decided": {"hash": "../../x"}},
        {"decided": {"size": [10**9, 10**9]}},
        {"decided": {"size": [-16, -16]}},
        {"decided": {"places": [[1, 0, 0]] * 1000}},
        {"decided": {"outcome": "flat"}},
        {"written": {"job": 0, "checks": [CHECK]}},
        {"decided": {}, "written": {"job": 0, "checks": [CHECK, CHECK]}},
        {"decided": {}, "written": {"job": 0, "checks": ["x"]}},
        {"decided": {}, "written": {"job": -1, "checks": [CHECK]}},
    ],
    ids=str,
)
def test_a_journal_that_does_not_fit_the_plan_is_refused(album, tmp_path, line):
    plan = planned(album, tmp_path / "out")
    whole = {"job": 0, "outcome": "cut", "why": "", "hash": HASH, "sha256": "", "size": [16, 16]}
    whole |= {"places": [[1, 0, 0]], "flat": 0}
    if "decided" in line:
        line = line | {"decided": whole | line["decided"]}
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps(line) + "\n")
    journal = Journal(path)
    with pytest.raises(UserError, match=r"journal\.jsonl: damaged"):
        journal.require_fitting(plan)
    journal.close()


def test_a_plan_of_another_form_is_refused(album, tmp_path):
    out = tmp_path / "out"
    (out / WORK).mkdir(parents=True)
    for text in ("[]", '{"settings": [], "photos": []}', '{"settings": {}, "photos": [{"name": 5}]}', "[" * 100_000):
        (out / WORK / "plan.json").write_text(text)
        with pytest.raises(UserError, match=r"plan\.json.*choose another --out"):
            state_of(out, planned(album, out))
