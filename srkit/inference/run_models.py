"""A run or one of its checkpoints as a named model: known by the hash of its weights before its network is built."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from srkit.errors import UserError
from srkit.experiment.resolved import CODE_FOLDER
from srkit.experiment.written import read_written
from srkit.inference.model import load_model
from srkit.inference.named import NamedModel, TrainedOn, identity_of
from srkit.registry import KINDS, Registry
from srkit.training.binding import require_own
from srkit.training.checkpoint import CorruptCheckpoint, checkpoints, outline, step_of
from srkit.training.folder import EXPERIMENT, is_run, read_manifest

__all__ = ["is_checkpoint", "run_checkpoints", "run_model"]

HELD_BYTES = 2_000_000_000
"""Weights of checkpoints that are held in memory, so that they can be judged after their files have gone."""


def is_checkpoint(path: Path) -> bool:
    """Whether it is a checkpoint's folder inside of a run."""
    whole = path.resolve()
    return whole.parent.name == "checkpoints" and is_run(whole.parent.parent)


def run_model(path: Path, registry: Registry) -> NamedModel:
    """The model of a run (its newest whole checkpoint) or of one checkpoint; averaged weights where there are any.

    Raises:
        UserError: the run has no checkpoint yet, or its files cannot be read.
        CorruptCheckpoint: no checkpoint is whole.
    """
    if is_run(path):
        checkpoint, weights, complaints = _newest(path, registry)
        return _model(path, checkpoint, weights, path.resolve().name, str(path), complaints, registry)
    run = path.resolve().parent.parent
    name = f"{run.name}/{path.resolve().name}"
    return _model(run, path, _weights(path, registry), name, str(path), [], registry)


def run_checkpoints(run: Path, registry: Registry) -> tuple[list[NamedModel], list[str]]:
    """Every whole checkpoint of a run, oldest first, and what was wrong with the others.

    A run that trains meanwhile removes old checkpoints, so networks are read at once as far as `HELD_BYTES` go; one
    that has gone before is not whole.

    Raises:
        UserError: it is no run, or it has no checkpoint.
    """
    if not is_run(run):
        raise UserError(f"{run}: --checkpoints wants a run folder, and this is none")
    found, complaints, room = [], [], HELD_BYTES
    for path in checkpoints(run / "checkpoints"):
        try:
            one = _model(run, path, _weights(path, registry), f"step {step_of(path)}", str(path), [], registry)
            if room > 0:
                network = one.load(one.scale or 1)
                room -= sum(part.numel() * part.element_size() for part in network.parameters())
                one = replace(one, load=partial(_held, network))
            found.append(one)
        except CorruptCheckpoint as error:
            complaints.append(str(error))
    if not found:
        raise UserError(f"{run} has no checkpoint to judge", *complaints)
    return found, complaints


def _held(network: nn.Module, scale: int) -> nn.Module:
    return network


def _newest(run: Path, registry: Registry) -> tuple[Path, str, list[str]]:
    complaints: list[str] = []
    for path in reversed(checkpoints(run / "checkpoints")):
        try:
            return path, _weights(path, registry), complaints
        except CorruptCheckpoint as error:
            complaints.append(str(error))
    if complaints:
        raise CorruptCheckpoint("no checkpoint can be used:", *complaints)
    raise UserError(f"{run} has no checkpoint yet; go on training it with srkit run {run} --resume")


def _weights(path: Path, registry: Registry) -> str:
    """The hash of the weights that are used, of the very file that would be loaded.

    Raises:
        CorruptCheckpoint: a file of the checkpoint is not what was written.
        UserError: it is not of this run.
    """
    said = outline(path)
    require_own(path, said.experiment, registry)
    hashes = said.weights
    if "generator" not in hashes:
        raise UserError(f"{path} holds a discriminator alone, which upscales nothing; it is for init")
    return hashes.get("ema", hashes["generator"])


def _model(
    run: Path, path: Path, weights: str, name: str, argument: str, complaints: list[str], registry: Registry
) -> NamedModel:
    experiment, manifest = _read(run)
    generator = experiment["generator"]
    parts = [weights, generator, experiment["scale"], _code(generator, run, registry)]

    def load(scale: int) -> nn.Module:
        if not path.is_dir():
            raise CorruptCheckpoint(f"{path} has gone: the run removed it meanwhile")
        return load_model(path, registry).network

    wrong = tuple(f"{one}; {path.name} in its place" for one in complaints)
    return NamedModel(
        name,
        argument,
        experiment["scale"],
        identity_of("run", *parts),
        load,
        TrainedOn(experiment, run, str(manifest.get("data", {}).get("train", ""))),
        (*manifest.get("warnings", ()), *wrong),
        wrong,
    )


def _read(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    experiment = read_written(run / EXPERIMENT)
    for key in ("scale", "generator"):
        if key not in experiment:
            raise UserError(f"{run / EXPERIMENT} cannot be read: it has no {key}")
    return experiment, read_manifest(run)


def _code(table: Any, run: Path, registry: Registry) -> list[str]:
    """What the network's code depends on: the versions of the distributions, and the run's own files."""
    if isinstance(table, list):
        return [part for one in table for part in _code(one, run, registry)]
    if not isinstance(table, dict):
        return []
    found = [part for value in table.values() for part in _code(value, run, registry)]
    use = table.get("use")
    if not isinstance(use, str):
        return found
    file = run / CODE_FOLDER / Path(use.rpartition(":")[0]).name
    if use.startswith(f"./{CODE_FOLDER}/") and file.is_file():
        return [*found, identity_of(file.read_bytes().hex())]
    kinds = (KINDS["generators"], KINDS["blocks"])
    entries = [entry for kind in kinds for entry in registry.entries(kind) if use in (entry.name, entry.qualified)]
    return [*found, *(f"{entry.qualified} {entry.version}" for entry in entries)]
