"""Looking at an experiment's pictures before anything is trained: what is broken, mismatched, or judged by twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from srkit.assembly.parts import SharedParts, build_pick
from srkit.contracts import Dataset
from srkit.data.audit import Verdict, broken_among, look_at
from srkit.data.cache import files_of, whereabouts
from srkit.data.overlap import THE_SAME, lookalikes, same_files
from srkit.data.picture_files import PictureFiles
from srkit.errors import BadImage, Problem, SrkitError, UserError
from srkit.experiment import Plan
from srkit.experiment.tree import TreePath

Progress = Callable[[str, int, int], None]
"""Called with what is looked at, pictures seen and pictures in all."""

TRAIN: TreePath = ("data", "train")
VALIDATE: TreePath = ("data", "validate")
PHOTOS: TreePath = ("validation", "photos")


@dataclass(frozen=True)
class Looked:
    """A set of the experiment and the verdict on each of its pictures."""

    key: str
    dataset: Dataset
    verdicts: Sequence[Verdict]


FORGOTTEN = "what images are like is not remembered, and all are looked at again next time"


def look_at_pictures(
    plan: Plan,
    progress: Progress | None = None,
    memories: Path | None = None,
    waiting: Callable[[str], None] | None = None,
) -> list[Problem]:
    """Decode every picture of a rehearsed experiment; what is wrong with the sets themselves joins the plan's problems.

    Args:
        plan: of the experiment.
        progress: told how far it is.
        memories: a folder for what was found, so that the next call reads only new and changed files.
        waiting: told the name of a picture that is long in coming, as for `look_at`.

    Returns:
        A problem a picture, with its file: errors where the run would refuse it, warnings else.
    """
    experiment = plan.experiment
    if experiment.data is None:
        return []
    skips = experiment.data.skip_broken
    found: list[Problem] = []
    sets: dict[TreePath, Looked] = {}
    for path, least in ((TRAIN, experiment.data.patch_size), (VALIDATE, experiment.scale), (PHOTOS, 1)):
        dataset = _dataset(plan, path)
        if dataset is None:
            continue
        try:
            forgotten: list[str] = []
            looked = _look(".".join(map(str, path)), dataset, progress, memories, waiting, forgotten.append)
            found += [Problem(f"{one}; {FORGOTTEN}", severity="warning") for one in forgotten]
        except UserError as error:  # it gives something else than pictures
            plan.typing.add(path, f"{error}.")
            continue
        sets[path] = looked
        found += _broken(looked, least if isinstance(least, int) else 1, skips and path != PHOTOS)
        if path != PHOTOS and not plan.typing.is_faulty(("scale",)):
            found += _mismatched(looked, experiment.scale)
        if path == TRAIN and any(one.lr_width for one in looked.verdicts):
            contradict_pairs(plan)
    for path in (VALIDATE, PHOTOS):
        if TRAIN not in sets or path not in sets:
            continue
        if not same_files(sets[TRAIN].dataset, sets[path].dataset):
            found += _trained_with(sets[TRAIN], sets[path])
        elif path == VALIDATE:
            origin = plan.typing.tree.origin(path)
            found.append(Problem(f"{THE_SAME}.", sets[path].key, origin.file, origin.line, severity="warning"))
    return found


def contradict_pairs(plan: Plan) -> None:
    """Training pictures that bring their LR pictures have those made by nothing else; what is asked in vain is said."""
    typing = plan.typing
    if plan.experiment.lr_pipeline is not None:
        message = "the training pictures are pairs, whose LR pictures it would throw away."
        typing.contradict(("lr_pipeline",), message, "Leave it out, or train on the originals alone.")
    message = "the training pictures are pairs, whose LR pictures are made already."
    hint = 'when = "after" degrades these.'
    for number, entry in enumerate(plan.experiment.degradation):
        if entry.when == "before":
            typing.contradict(("degradation", number, "when"), message, hint)
    for number, stage in enumerate(plan.stages):
        own = stage.experiment.degradation
        if own != plan.experiment.degradation and any(entry.when == "before" for entry in own):
            typing.contradict(("stage", number, "set"), f"it degrades before the downscaler, but {message}", hint)


def _dataset(plan: Plan, path: TreePath) -> Dataset | None:
    """The set at a place of the file; None where there is none, or the rehearsal has said what is wrong with it."""
    dataset: Dataset
    if path == PHOTOS:
        folder = plan.experiment.validation.photos
        if folder is None or plan.typing.is_faulty(path):
            return None
        if not folder.is_dir():
            plan.typing.add(path, f"there is no folder {folder}.")
            return None
        dataset = PictureFiles(folder)
    else:
        pick = plan.picks.get(path)
        if pick is None or plan.typing.is_faulty(path):
            return None
        try:
            dataset = build_pick(plan, pick, seed=plan.experiment.seed, shared=SharedParts())
        except SrkitError:
            return None
    if not len(dataset):
        plan.typing.add(path, "the data set holds no picture.")
        return None
    return dataset


def _look(
    key: str,
    dataset: Dataset,
    progress: Progress | None,
    memories: Path | None,
    waiting: Callable[[str], None] | None,
    forgets: Callable[[str], None],
) -> Looked:
    def seen(done: int, total: int) -> None:
        if progress is not None:
            progress(key, done, total)

    try:
        memory = _memory(memories, files_of(dataset)) if memories is not None else None
        how = {"memory": memory, "progress": seen, "waiting": waiting, "forgets": forgets}
        return Looked(key, dataset, look_at(dataset, closely=True, **how))  # type: ignore[arg-type]  # each as it is
    except BadImage as bad:  # a packed set that is not what was packed
        return Looked(key, dataset, [Verdict(why=bad.why, path=str(bad.path))])


def _memory(folder: Path, files: Sequence[Path] | None) -> Path | None:
    """Where what was found is remembered: a file for each folder of pictures, whichever experiment uses it."""
    if not files:
        return None
    try:
        common = os.path.commonpath([path.absolute().parent for path in files])
    except ValueError:  # on several drives of a Windows machine
        return None
    name = sha256(common.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / f"{name}.json"


def _broken(looked: Looked, least: int, skips: bool) -> Iterator[Problem]:
    for bad in broken_among(looked.dataset, looked.verdicts, least).values():
        if skips:
            yield Problem(f"{bad.why}; it is left out.", looked.key, str(bad.path), severity="warning")
        else:
            yield Problem(f"{bad.why}.", looked.key, str(bad.path))


def _mismatched(looked: Looked, scale: int) -> Iterator[Problem]:
    for index, verdict in enumerate(looked.verdicts):
        if not verdict.lr_width:
            continue
        file = whereabouts(looked.dataset, index)
        if (verdict.width // scale, verdict.height // scale) != (verdict.lr_width, verdict.lr_height):
            sizes = f"LR {verdict.lr_width}x{verdict.lr_height} and HR {verdict.width}x{verdict.height} pixels"
            yield Problem(f"{sizes} do not belong together at scale {scale}.", looked.key, file)
        elif verdict.pair:
            yield Problem(f"{verdict.pair}.", looked.key, file, severity="warning")


def _trained_with(train: Looked, judged: Looked) -> Iterable[Problem]:
    for one in lookalikes(train.dataset, train.verdicts, judged.dataset, judged.verdicts):
        message = f"looks like {one.like}, which is trained with: what is measured on it says little."
        yield Problem(message, judged.key, one.picture, severity="warning")
