"""Everything that has to stand before the first step: parts assembled, pictures looked at, the device chosen."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srkit.assembly import Assembly, assemble, rehearse
from srkit.assembly.pictures import contradict_pairs
from srkit.assembly.rehearsal import MUST_HAVE
from srkit.contracts import Dataset
from srkit.data.audit import Verdict, broken_among, find_broken_samples, fingerprint, look_at
from srkit.data.cache import Cached, Subset, gives_pairs
from srkit.data.contents import DataFile, content_digest, contents_of
from srkit.data.loader import Batch, load
from srkit.data.overlap import THE_SAME, remembered_lookalikes, same_files
from srkit.data.patience import impatiently, patiently
from srkit.data.sameness import CONTENT, ROLES, content_key
from srkit.errors import FAILURES, ExperimentError, SrkitError, UserError
from srkit.evaluation.judging import Judge, too_small_to_judge
from srkit.experiment import Plan, require_sound
from srkit.experiment.plan import fill_log
from srkit.experiment.tree import TreePath
from srkit.hooks import HookCaller
from srkit.inference.initial import initialise
from srkit.training import setup
from srkit.training.device import choose_device, describe, left_idle, prepare
from srkit.training.distributed import ALONE, Processes
from srkit.training.failure import LIGHTER_CACHE, LIGHTER_PHOTOS, ComponentFailed, told
from srkit.training.precision import best_precision
from srkit.training.run import Pictures, Run
from srkit.training.timeline import Timeline

Notice = Callable[[str], None]
Outcomes = dict[TreePath, Any]
"""What a value of the file came to be ("auto", epochs), by its path; None where the resolved file leaves it out."""


@dataclass
class Prepared:
    """Everything that stands before the first step."""

    assembly: Assembly
    device: torch.device
    data: Cached
    timeline: Timeline
    outcomes: Outcomes
    facts: dict[str, Any]
    workers: int
    contents: Mapping[str, Sequence[DataFile]]
    """By role, the files that the run learns from and is judged on."""
    processes: Processes = ALONE


def make_ready(
    plan: Plan,
    device_name: str | None,
    memory: Path | None,
    notice: Notice,
    *,
    begins: bool = True,
    processes: Processes = ALONE,
) -> Prepared:
    """Build everything, look at the data, move to the device.

    Args:
        memory: the file that remembers which pictures decode; None for none.
        begins: whether the networks are at their start: then they load what `init` names.
        processes: those that train together.

    Raises:
        UserError: pictures that cannot be used, a device that is not there, a component that cannot do what is asked.
    """
    device = choose_device(device_name)
    if device_name is None and (idle := left_idle()):
        notice(f"warning: {idle}")
    experiment = plan.experiment
    prepare(device, deterministic=experiment.deterministic)
    assembly = _assembled(plan)
    initial = initialise(assembly) if begins else {}
    for one in initial.values():
        notice(one.notice)
    looking = told(assembly, device, "while the pictures were looked at", processes, LIGHTER_CACHE)
    try:
        with looking, processes.first_goes_ahead():
            data, skipped, contents = _without_broken(assembly, memory, notice)
            twice = _trained_and_judged(data, assembly.validate, memory)
            if gives_pairs(data):
                contradict_pairs(plan)
                require_sound(plan)
            if experiment.data.workers in ("auto", 0):
                setup.warm(data, patiently("keeping the training pictures in memory", notice))
    except ComponentFailed as error:
        blame_tables(plan, error)
        raise
    workers = setup.choose_workers(experiment, data)
    assembly.train = data = data.divided(1) if workers else data  # every worker keeps pictures of its own
    setup.move(assembly, device)
    timeline = setup.build_timeline(assembly, len(data), device)
    _require_equal_lengths(plan, timeline)
    _require_equal_shares(plan, timeline, processes)
    setup.require_fitting(assembly, timeline.total)
    fill_log(experiment, plan.typing.tree, timeline.total)  # of stages in epochs only now
    outcomes = assembly.outcomes() | _lengths(plan, timeline) | _precisions(plan, device, notice)
    outcomes[("data", "workers")] = workers
    facts: dict[str, Any] = {
        "seed": experiment.seed,
        "device": describe(device),
        "processes": processes.size,
        "data": {"train": _fingerprint(plan, "train", data), "samples": len(data), "skipped": skipped},
        "components": _components(plan),
        "facts": assembly.facts(),
        "init": {role: one.fact for role, one in initial.items()},
        "warnings": [*assembly.warnings(), *_left_out(skipped), *twice, *_parted(assembly)],
    }
    if assembly.validate is not None:
        facts["data"]["validate"] = _fingerprint(plan, "validate", assembly.validate)
    for role, files in contents.items():
        if known := content_digest(files):
            facts["data"][content_key(role)] = known
    _require_equal_parts(facts, processes)
    return Prepared(assembly, device, data, timeline, outcomes, facts, workers, contents, processes)


def blame_tables(plan: Plan, error: SrkitError) -> None:
    """Raise what a rehearsal finds wrong with the tables, if anything, in place of the error it led to."""
    rehearse(plan)
    if plan.problems:
        found = ExperimentError(plan.problems)
        found.add_note(f"met as: {error}")
        raise found from error


def _require_equal_shares(plan: Plan, timeline: Timeline, processes: Processes) -> None:
    """Each process has the same number of samples, because a mean of unequal shares' means is another number."""
    parts = plan.experiment.optimizer.accumulation
    for span in timeline.spans:
        if span.batch_size % (parts * processes.size):
            worked = f", worked through in {parts} parts," if parts > 1 else ""
            message = (
                f"a batch of {span.batch_size}{worked} cannot be shared out evenly among {processes.size} processes."
            )
            hint = f"A multiple of {parts * processes.size} can; or start another number of processes."
            plan.typing.contradict(("data", "batch_size"), message, hint)
            raise ExperimentError(plan.problems)


def _require_equal_parts(facts: Mapping[str, Any], processes: Processes) -> None:
    """Processes on several machines must have found the same pictures and the same weights."""
    own = {"pictures": facts["data"]["samples"], "weights used": facts["facts"], "components": facts["components"]}
    first, *others = processes.gather(own)
    for rank, other in enumerate(others, 1):
        unequal = [name for name in first if first[name] != other[name]]
        if unequal:
            shown = "; ".join(f"{name}: {other[name]} against {first[name]}" for name in unequal)
            raise UserError(f"process {rank} found something else than the first process: {shown}")


def _require_equal_lengths(plan: Plan, timeline: Timeline) -> None:
    """`steps` beside stages in epochs: only now, that the data is counted, can the two be compared."""
    steps = plan.experiment.steps
    if steps is not None and plan.experiment.stage and steps != timeline.total:
        lengths = ", ".join(str(span.last - span.first + 1) for span in timeline.spans)
        message = f"steps = {steps}, and the stages come to {timeline.total} with this data ({lengths})."
        plan.typing.contradict(("steps",), message, "Leave steps out, or write their sum.")
        raise ExperimentError(plan.problems)


def _lengths(plan: Plan, timeline: Timeline) -> Outcomes:
    """The run's length, and that of stages in epochs, in steps."""
    outcomes: Outcomes = {("steps",): timeline.total}
    for number, stage in enumerate(plan.stages):
        if stage.epochs is not None:
            span = timeline.spans[number]
            outcomes[("stage", number, "steps")] = span.last - span.first + 1
            outcomes[("stage", number, "epochs")] = None
    return outcomes


def _precisions(plan: Plan, device: torch.device, notice: Notice) -> Outcomes:
    """What `precision = "auto"` means here, at the top and where a stage sets it."""
    auto: list[TreePath] = [("precision",)] if plan.experiment.precision == "auto" else []
    for number, stage in enumerate(plan.experiment.stage):
        if stage.set.get("precision") == "auto":
            auto.append(("stage", number, "set", "precision"))
    precision, why = best_precision(device)
    if auto:
        notice(f"precision {precision}: {why}")
    return dict.fromkeys(auto, precision)


def _assembled(plan: Plan) -> Assembly:
    """Build; where that fails, a rehearsal finds everything else that is wrong, so that all is said at once."""
    try:
        assembly = assemble(plan)
        sets = [one for one in (assembly.train, assembly.validate) if one is not None]
        if not all(hasattr(one, name) for one in sets for name in MUST_HAVE["datasets"]):
            rehearse(plan)
            require_sound(plan)
        return assembly
    except SrkitError as error:
        if not isinstance(error, ExperimentError):
            raise
        rehearse(plan)
        known = {str(problem) for problem in plan.problems}
        plan.typing.problems.extend(one for one in error.problems if str(one) not in known)
        raise ExperimentError(plan.problems) from error
    except FAILURES as error:
        # a factory raised something of its own; the rehearsal builds each part by itself and says which
        rehearse(plan)
        if plan.problems:
            raise ExperimentError(plan.problems) from error
        raise


def _without_broken(
    assembly: Assembly, memory: Path | None, notice: Notice
) -> tuple[Cached, list[str], dict[str, list[DataFile]]]:
    """Refuse broken or too small pictures, or leave them out where the file says so.

    Gives the training set behind its cache, warm with what was decoded here, the pictures left out, and which files
    the others are.
    """
    experiment = assembly.plan.experiment
    for role, dataset in (("train", assembly.train), ("validate", assembly.validate)):
        if dataset is not None and not len(dataset):
            raise UserError(f"data.{role}: the data set holds no picture")
    data = setup.cached(assembly.train, experiment)
    waiting = impatiently(notice)
    seen = patiently("looking at every training picture, once", notice)
    least = experiment.data.patch_size
    looked = look_at(data, memory=memory, progress=seen, waiting=waiting)
    broken = broken_among(data, looked, least)
    contents = {"train": contents_of(data, looked, broken)}
    broken_validate, broken_photos, unfit_for = {}, {}, []
    if assembly.validate is not None:
        seen = patiently("looking at every validation picture, once", notice)
        verdicts = look_at(assembly.validate, memory=memory, progress=seen, waiting=waiting)
        sizes = {index: (one.height, one.width) for index, one in enumerate(verdicts) if not one.why}
        unfit = too_small_to_judge(assembly, sizes)
        judged = [_judged(one, unfit.get(index)) for index, one in enumerate(verdicts)]
        broken_validate = broken_among(assembly.validate, judged, 1)
        unfit_for = list(dict.fromkeys(metric for metrics in unfit.values() for metric in metrics))
        contents["validate"] = contents_of(assembly.validate, verdicts, broken_validate)
    if assembly.photos is not None:
        broken_photos = find_broken_samples(assembly.photos, minimum=1, memory=memory, waiting=waiting)
    found = [*broken.values(), *broken_validate.values(), *broken_photos.values()]
    if found and not experiment.data.skip_broken:
        raise UserError(
            f"{len(found)} picture{'s' if len(found) > 1 else ''} cannot be used:",
            *(f"  {one}" for one in found[:20]),
            *([f"  and {len(found) - 20} more"] if len(found) > 20 else []),
            "Remove them, or leave them out with skip_broken = true in [data]"
            + (f"; or write [validation] metrics without {' and '.join(unfit_for)}" if unfit_for else ""),
        )
    if broken:
        kept = [one for one in range(len(data)) if one not in broken]
        if not kept:
            raise UserError("no training picture is left: all of them are broken or too small")
        data = setup.cached(Subset(assembly.train, kept), experiment)
    assembly.validate = _rest(assembly.validate, broken_validate, "validation picture")
    assembly.photos = _rest(assembly.photos, broken_photos, "picture of validation.photos")
    return data, [str(one) for one in found], contents


def _judged(verdict: Verdict, unfit_for: Sequence[str] | None) -> Verdict:
    """A validation image's verdict, where metrics find it too small."""
    if unfit_for is None:
        return verdict
    by = f" by {' and '.join(unfit_for)}" if unfit_for else ""
    return replace(verdict, why=f"{verdict.width}x{verdict.height} pixels, too small to be judged{by}")


def _left_out(skipped: Sequence[str]) -> list[str]:
    if not skipped:
        return []
    many = f"{len(skipped)} broken or too small pictures are left out" if len(skipped) > 1 else "a picture is left out"
    more = f"; and {len(skipped) - 1} more, which the manifest names" if len(skipped) > 1 else ""
    return [f"{many} (data.skip_broken): {skipped[0]}{more}"]


def _parted(assembly: Assembly) -> list[str]:
    """A sentence where an adversarial loss of the whole batch sees it in parts."""
    experiment = assembly.plan.experiment
    parts = experiment.optimizer.accumulation
    if experiment.adversarial_loss is None or parts == 1 or not getattr(assembly.adversarial, "of_whole_batch", False):
        return []
    name = experiment.adversarial_loss.name
    return [f"{name} compares with means of the batch, and optimizer.accumulation gives it {parts} smaller batches"]


def _rest(dataset: Dataset | None, broken: Mapping[int, object], what: str) -> Dataset | None:
    """A set without its broken pictures."""
    if dataset is None or not broken:
        return dataset
    if len(broken) == len(dataset):
        raise UserError(f"no {what} is left: all of them are broken or too small")
    return Subset(dataset, [one for one in range(len(dataset)) if one not in broken])


def _trained_and_judged(data: Dataset, validate: Dataset | None, memory: Path | None) -> list[str]:
    """A sentence where validation pictures look like training pictures, by what was found when they were decoded."""
    if validate is None:
        return []
    if same_files(data, validate):
        return [THE_SAME]
    found = remembered_lookalikes(data, validate, memory)
    if not found:
        return []
    some = "a validation picture looks" if len(found) == 1 else f"{len(found)} validation pictures look"
    return [
        f"{some} like training pictures ({found[0].picture} like {found[0].like}), so the scores say less than they "
        "seem to; srkit check names all"
    ]


def _fingerprint(plan: Plan, role: str, dataset: Any) -> str:
    return fingerprint(dataset, plan.picks[("data", role)].all_options())


def _components(plan: Plan) -> dict[str, str]:
    """Which distribution, in which version, each component came from."""
    picks = [one for pick in plan.picks.values() for one in pick.walk()]
    return {one.component.use: f"{one.component.distribution} {one.component.version}" for one in picks}


def make_run(ready: Prepared, folder: Path, judge: Judge | None, observers: Mapping[str, Any]) -> Run:
    """The run with its optimizers, its stream of batches and everything that watches it."""
    assembly = ready.assembly
    experiment = assembly.plan.experiment
    order = setup.build_order(assembly, len(ready.data))
    processes = ready.processes
    stepper = setup.build_stepper(assembly, ready.device, ready.timeline.total, attempt=0, processes=processes)
    cut = setup.patch_preparation(assembly)
    name = folder.resolve().name

    def batches(first: int) -> Generator[Batch, None, None]:
        whole = ready.timeline.all_requests(first, order)
        requests = (processes.share(one, experiment.optimizer.accumulation) for one in whole)
        return load(
            ready.data, requests, prepare=cut, seed=experiment.seed, attempt=stepper.attempt, workers=ready.workers
        )

    def validate(network: nn.Module, step: int) -> tuple[Mapping[str, float], Pictures]:
        assert judge is not None
        processes.same_buffers(network)
        with told(assembly, ready.device, f"while photos were judged after step {step}", processes, LIGHTER_PHOTOS):
            return judge.validate(network, name, processes, lambda done, total: run.on_judged(done, total))

    run = Run(
        name=name,
        folder=folder,
        assembly=assembly,
        stepper=stepper,
        timeline=ready.timeline,
        order=order,
        batches=batches,
        validate=validate if judge is not None else None,
        hooks=HookCaller(observers if processes.is_first else {}),
        device=ready.device,
        processes=processes,
        data={key: value for key, value in ready.facts["data"].items() if key.removesuffix(CONTENT) in ROLES},
    )
    return run
