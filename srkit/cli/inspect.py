"""`srkit inspect`: a network's size, what it sees, and what training it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.registry import Registry

if TYPE_CHECKING:
    from rich.table import Table
    from torch import nn

    from srkit.cli.console import ResultConsole
    from srkit.experiment import Plan

GB = 10**9
PATCHES = (64, 96, 128, 192, 256)
"""HR patch sizes for which the largest batch is told, beside the file's own."""

UNTRAINED_PATCH = 96
"""The HR patch that multiply-adds are counted for where nothing is trained: of an imported run."""


@click.command("inspect")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT_OR_RUN...")
@click.option("--memory", type=click.FloatRange(min=0.1), default=8.0, show_default=True, help="GB to fit into.")
@click.option("--device", help="Where the step is measured: cpu, cuda, ...; by default the best there is.")
@click.option("--json", "as_json", is_flag=True, help="One object, for scripts; of several a list.")
@trust_option
def inspect_command(places: tuple[Path, ...], memory: float, device: str | None, as_json: bool, trust: bool) -> None:
    """Inspect networks: size, receptive field, memory of a step.

    Several experiments and runs stand side by side.

    \b
    Examples:
      srkit inspect experiments/espcn_vgg_gan.toml
      srkit inspect runs/espcn experiments/esrgan.toml --memory 4 --json
    """
    from srkit.training.device import choose_device

    chosen = choose_device(device)
    found = {name: _looked_at(place, memory, chosen, trust) for name, place in _named(places).items()}
    if len(found) == 1:
        (facts,) = found.values()
        if as_json:
            say_document(json.dumps(facts, indent=1))
        else:
            _print(facts)
    elif as_json:
        say_document(json.dumps([{"name": name, **facts} for name, facts in found.items()], indent=1))
    else:
        from srkit.cli.inspect_table import print_side_by_side

        print_side_by_side(found)


def _named(places: Sequence[Path]) -> dict[str, Path]:
    """What is looked at by short names, or as it was typed where two share one; each once."""
    unique = list(dict.fromkeys(places))
    short = [one.resolve().name if one.is_dir() else one.stem for one in unique]
    return {name if short.count(name) == 1 else str(one): one for name, one in zip(short, unique, strict=True)}


def _looked_at(place: Path, memory: float, device: Any, trust: bool) -> dict[str, Any]:
    plan, generator, discriminator, trained = _networks(place, trust)
    facts = _facts(plan, generator, discriminator, memory, device)
    facts["generator"]["trained"] = trained
    return facts


def _networks(path: Path, trust: bool) -> tuple[Plan, nn.Module, nn.Module | None, bool]:
    """The plan and its networks, and whether the generator has a run's weights.

    Raises:
        UserError: no such file, or what is wrong with it.
    """
    from srkit.assembly import SharedParts, build_pick
    from srkit.errors import ExperimentError
    from srkit.experiment import complete, read_experiment
    from srkit.experiment.written import read_written
    from srkit.inference.model import load_model
    from srkit.training.checkpoint import checkpoints
    from srkit.training.folder import EXPERIMENT, is_run

    registry = Registry.installed(user_trust(trust))
    ran = is_run(path)
    if ran:
        read_written(path / EXPERIMENT)
    plan = complete(read_experiment(path / EXPERIMENT if ran else path), registry)
    # of a run no more is looked at than its networks: an imported one has nothing else
    looked_at = ("scale", "generator", "discriminator", *(() if ran else ("",)))
    problems = [one for one in plan.problems if one.key.split(".")[0] in looked_at]
    if ran:
        problems = [one for one in problems if one.key != "discriminator"]  # that it has no loss to be trained with
    if problems or ("generator",) not in plan.picks:
        raise ExperimentError(problems or plan.problems)
    experiment, shared = plan.experiment, SharedParts()
    trained = ran and bool(checkpoints(path / "checkpoints"))
    if trained:
        loaded = load_model(path, registry)
        for complaint in loaded.complaints:
            say(f"warning: {complaint}; {loaded.checkpoint.name} in its place", err=True)
        generator: Any = loaded.network
    else:
        pick = plan.picks[("generator",)]
        generator = build_pick(plan, pick, seed=experiment.seed, scale=experiment.scale, shared=shared)
    discriminator = plan.picks.get(("discriminator",))
    other = build_pick(plan, discriminator, seed=experiment.seed, shared=shared) if discriminator else None
    return plan, generator, other, trained


def _facts(
    plan: Plan, generator: nn.Module, discriminator: nn.Module | None, memory: float, device: Any
) -> dict[str, Any]:
    from srkit.inference.halo import measured_halo
    from srkit.inference.logit_field import measured_field

    experiment = plan.experiment
    scale = experiment.scale
    patch = experiment.data.patch_size if experiment.data is not None else UNTRAINED_PATCH
    first = _network_facts(plan.picks[("generator",)].component.name, generator, max(1, patch // scale), walked=64)
    first["receptive_field_measured"] = 2 * measured_halo(generator, scale) + 1
    second = None
    if discriminator is not None:
        shift = experiment.adversarial_loss.shift_crop - 1 if experiment.adversarial_loss else 0
        second = _network_facts(plan.picks[("discriminator",)].component.name, discriminator, patch - shift)
        side = max(patch - shift, second["receptive_field"] or 0)
        second |= {"receptive_field_measured": measured_field(discriminator, side), "trained": False}
    return {
        "scale": scale,
        "generator": first,
        "discriminator": second,
        "training_step": _step_facts(plan, generator, discriminator, memory, device) if experiment.data else None,
    }


def _network_facts(name: str, network: nn.Module, side: int, walked: int = 0) -> dict[str, Any]:
    """Size, what it sees and its layers.

    Args:
        side: of the pictures it gets in training; layers are counted for it.
        walked: it is walked through with a picture at least so large.
    """
    from srkit.evaluation.inspection.layers import layers_of
    from srkit.inference.walk import walk

    layers, macs = layers_of(network, (side, side))
    found = walk(network, max(walked, side))
    return {
        "name": name,
        "parameters": sum(one.numel() for one in network.parameters()),
        "macs": macs,
        "macs_input": [side, side],
        "receptive_field": found.cell.side if found.cell is not None else None,
        "receptive_field_unbounded_by": found.obstacle,
        "layers": [
            {
                "name": one.name,
                "type": one.type,
                "parameters": one.parameters,
                "macs": one.macs,
                "output": list(one.output),
            }
            for one in layers
        ],
    }


def _step_facts(
    plan: Plan, generator: nn.Module, discriminator: nn.Module | None, memory: float, device: Any
) -> dict[str, Any]:
    from srkit.evaluation.inspection.memory import affordable_batch, largest_batch, measured, predicted
    from srkit.evaluation.inspection.players import players_of

    experiment = plan.experiment
    scale, patch = experiment.scale, experiment.data.patch_size
    players = players_of(plan, generator, discriminator)
    own = predicted(players, max(1, patch // scale))
    steps = {patch: own}
    for side in PATCHES:
        # A network made for one size, or too deep for a small patch, may raise anything; then this size is no choice.
        with suppress(Exception):
            steps[side] = predicted(players, max(1, side // scale))
    parts = experiment.optimizer.accumulation
    at_once = -(-experiment.data.batch_size // parts)
    tried = affordable_batch(own, at_once, device)
    return {
        "batch_size": experiment.data.batch_size,
        "patch_size": patch,
        "accumulation": parts,
        "predicted_bytes": own.of(at_once),
        "predicted_activation_bytes": own.activations(at_once),
        "measured_batch": tried,
        "measured_bytes": measured(players, tried, max(1, patch // scale), device) if tried else None,
        "predicted_for_measured_bytes": own.of(tried),
        "device": str(device),
        "memory_gb": memory,
        "largest_batch": {str(side): largest_batch(steps[side], memory * GB) * parts for side in sorted(steps)},
        "left_out": dict(players.left_out),
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.markup import escape

    from srkit.cli.console import results
    from srkit.evaluation.bench.figures import macs_figure

    console = results()
    for role in ("generator", "discriminator"):
        one = facts[role]
        if one is None:
            continue
        console.print(f"[bold]{role} {escape(one['name'])}[/bold]")
        height, width = one["macs_input"]
        unit = "LR" if role == "generator" else "HR"
        console.print(
            f"{one['parameters']:,} parameters; {macs_figure(one['macs'])} multiply-adds "
            f"for {width} x {height} {unit} pixels"
        )
        field = one["receptive_field"]
        seen = f"{field} x {field} {unit} pixels" if field else f"the whole picture ({_obstacle(one)})"
        console.print(f"receptive field: {seen}")
        side = one["receptive_field_measured"]
        if side:
            weights = "" if one["trained"] else ", untrained"
            console.print(f"by gradient{weights}: {side} x {side} hold 99.9% of what a pixel depends on")
        console.rows(_layers(one["layers"]))
        console.print()
    if facts["training_step"] is not None:
        _print_step(console, facts["training_step"])
    else:
        console.print("training step: nothing to tell, there is no \\[data] to train on")


def _obstacle(network: dict[str, Any]) -> str:
    """The operation that sees everything, as a reader knows it."""
    known = {"addmm": "a linear layer", "mm": "a linear layer", "mean": "a mean", "view": "flattened"}
    operation: str = network["receptive_field_unbounded_by"]
    return known.get(operation, operation)


def _layers(layers: list[dict[str, Any]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer", overflow="fold")
    table.add_column("type", overflow="fold")
    for name in ("parameters", "M mult-adds", "output"):
        table.add_column(name, justify="right", no_wrap=True)
    for layer in layers:
        shape = "x".join(map(str, layer["output"]))
        mult_adds = f"{layer['macs'] / 1e6:.4g}"
        table.add_row(escape(layer["name"]), escape(layer["type"]), f"{layer['parameters']:,}", mult_adds, shape)
    return table


def _print_step(console: ResultConsole, step: dict[str, Any]) -> None:
    from rich.table import Table

    from srkit.evaluation.bench.figures import bytes_figure

    batch, parts = step["batch_size"], step["accumulation"]
    console.print("[bold]training step[/bold] (fp32, Adam, all losses)")
    split = f" in {parts} parts" if parts > 1 else ""
    activations = step["predicted_activation_bytes"]
    console.print(
        f"batch {batch}{split}, patches of {step['patch_size']}: {bytes_figure(step['predicted_bytes'])} predicted, "
        f"{bytes_figure(activations)} of it activations"
    )
    if step["measured_bytes"]:
        tried = step["measured_batch"]
        beside = "" if tried == -(-batch // parts) else f" with a batch of {tried}"
        beside += f", where {bytes_figure(step['predicted_for_measured_bytes'])} are predicted" if beside else ""
        console.print(f"measured on {step['device']}: {bytes_figure(step['measured_bytes'])}{beside}")
    else:
        why = "" if step["measured_batch"] else ", where a batch of 1 would take too much"
        console.print(f"not measured on {step['device']}{why}")
    for name, why in step["left_out"].items():
        console.print(f"without {name}, which cannot be counted: {why}", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column()
    for _ in step["largest_batch"]:
        table.add_column(justify="right")
    table.add_row("HR patch", *step["largest_batch"])
    table.add_row(f"batch that fits into {step['memory_gb']:g} GB", *map("{:,}".format, step["largest_batch"].values()))
    console.rows(table)
