"""A trained model, loaded from a run or one of its checkpoints: the network with its scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from srkit.assembly import SharedParts, build_pick
from srkit.errors import ExperimentError, UserError
from srkit.experiment import complete, read_experiment
from srkit.experiment.written import read_written
from srkit.inference.building import built_to_fit
from srkit.inference.initial import Fit, compared
from srkit.registry import Registry
from srkit.training.binding import require_own
from srkit.training.checkpoint import CorruptCheckpoint, Saved, load, newest_whole
from srkit.training.folder import EXPERIMENT, is_run


@dataclass
class LoadedModel:
    """A generator ready for use.

    Attributes:
        network: in eval mode, on the CPU.
        scale: how many times larger the picture gets.
        precision: what it was trained in.
        complaints: checkpoints that were not whole and passed over.
    """

    network: nn.Module
    scale: int
    precision: str
    checkpoint: Path
    complaints: list[str]


def load_model(path: Path, registry: Registry) -> LoadedModel:
    """The model of a run folder (its last whole checkpoint) or of one checkpoint; averaged weights where there are any.

    Raises:
        UserError: there is no run at the path, or it has no checkpoint.
        UserError: the checkpoint is of another experiment than the run.
        CorruptCheckpoint: no checkpoint is whole.
    """
    run, chosen = _locate(path)
    saved: Saved
    if chosen is None:
        found = newest_whole(run / "checkpoints")
        if found is None:
            raise UserError(f"{run} has no checkpoint yet; go on training it with srkit run {run} --resume")
        chosen, saved, complaints = found
    else:
        saved, complaints = load(chosen), []
    require_own(chosen, saved.experiment, registry)
    if "generator" not in saved.modules:
        raise UserError(f"{chosen} holds a discriminator alone, which upscales nothing; it is for init")
    read_written(run / EXPERIMENT)  # refuses code from elsewhere before any is loaded
    reading = read_experiment(run / EXPERIMENT)
    plan = complete(reading, registry)
    experiment = plan.experiment
    mine = [one for one in plan.problems if one.key.split(".")[0] in ("scale", "generator")]
    if mine or experiment.scale is None or ("generator",) not in plan.picks:
        # the rest of an experiment is no matter here: an imported run has no more than these two
        raise ExperimentError(mine or plan.problems)
    weights = saved.modules.get("ema", saved.modules["generator"])

    def build() -> nn.Module:
        pick = plan.picks[("generator",)]
        made: nn.Module = build_pick(plan, pick, seed=0, scale=experiment.scale, shared=SharedParts())
        return made

    def check(own: Mapping[str, Tensor]) -> None:
        if misshaped := compared(own, weights).misshaped:
            raise CorruptCheckpoint(f"{chosen} does not fit {run / EXPERIMENT}: {Fit((), (), misshaped)}")

    network = built_to_fit(build, weights, chosen, check)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CorruptCheckpoint(f"{chosen} does not fit {run / EXPERIMENT}: {' '.join(str(error).split())}") from error
    return LoadedModel(network.eval(), experiment.scale, experiment.precision, chosen, complaints)


def _locate(path: Path) -> tuple[Path, Path | None]:
    """(run folder, checkpoint or None for its last)."""
    if is_run(path):
        return path, None
    whole = path.resolve()
    if whole.parent.name == "checkpoints" and is_run(whole.parent.parent) and path.is_dir():
        return whole.parent.parent, path
    if not path.exists():
        raise UserError(f"--model {path}: there is no such run")
    raise UserError(
        f"--model {path}: this is neither a run folder nor one of its checkpoints (runs/x/checkpoints/step-...)"
    )
