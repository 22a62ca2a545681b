"""`srkit inspect`: a network's size, what it sees, and what training it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from srkit.experiment import Plan

GB = 10**9
PATCHES = (64, 96, 128, 192, 256)
"""HR patch sizes for which the largest batch is told, beside the file's own."""


@click.command("inspect")
@click.argument("experiment_or_run", type=click.Path(path_type=Path), metavar="EXPERIMENT_OR_RUN")
@click.option("--memory", type=click.FloatRange(min=0.1), default=8.0, show_default=True, help="GB to fit into.")
@click.option("--device", help="Where the step is measured: cpu, cuda, ...; by default the best there is.")
@click.option("--json", "as_json", is_flag=True, help="One object, for scripts.")
def inspect_command(experiment_or_run: Path, memory: float, device: str | None, as_json: bool) -> None:
    """Inspect networks: size, receptive field, memory of a step.

    \b
    Examples:
      srkit inspect experiments/espcn_vgg_gan.toml
      srkit inspect runs/espcn --memory 4 --json
    """
    from srkit.training.device import choose_device

    plan, generator, discriminator = _networks(experiment_or_run)
    facts = _facts(plan, generator, discriminator, memory, choose_device(device))
    if as_json:
        click.echo(json.dumps(facts, indent=1))
    else:
        _print(facts)


def _networks(path: Path) -> tuple[Plan, nn.Module, nn.Module | None]:
    """The plan and its networks, the generator with a run's weights.

    Raises:
        UserError: no such file, or what is wrong with it.
    """
    from srkit.assembly import SharedParts, build_pick
    from srkit.errors import ExperimentError
    from srkit.experiment import complete, read_experiment
    from srkit.inference.model import load_model
    from srkit.training.checkpoint import checkpoints
    from srkit.training.folder import EXPERIMENT, is_run

    registry = Registry.installed()
    ran = is_run(path)
    plan = complete(read_experiment(path / EXPERIMENT if ran else path), registry)
    problems = [one for one in plan.problems if one.key.split(".")[0] in ("scale", "generator", "discriminator", "")]
    if problems or ("generator",) not in plan.picks:
        raise ExperimentError(problems or plan.problems)
    experiment, shared = plan.experiment, SharedParts()
    if ran and checkpoints(path / "checkpoints"):
        generator: Any = load_model(path, registry).network
    else:
        pick = plan.picks[("generator",)]
        generator = build_pick(plan, pick, seed=experiment.seed, scale=experiment.scale, shared=shared)
    discriminator = plan.picks.get(("discriminator",))
    other = build_pick(plan, discriminator, seed=experiment.seed, shared=shared) if discriminator else None
    return plan, generator, other


def _facts(
    plan: Plan, generator: nn.Module, discriminator: nn.Module | None, memory: float, device: Any
) -> dict[str, Any]:
    scale, data = plan.experiment.scale, plan.experiment.data
    lr_side = max(1, data.patch_size // scale)
    first = _network_facts(plan.picks[("generator",)].component.name, generator, lr_side)
    first["receptive_field_measured"] = _measured_field(generator, scale)
    second = None
    if discriminator is not None:
        second = _network_facts(plan.picks[("discriminator",)].component.name, discriminator, data.patch_size)
    return {
        "scale": scale,
        "generator": first,
        "discriminator": second,
        "training_step": _step_facts(plan, generator, discriminator, memory, device),
    }


def _network_facts(name: str, network: nn.Module, side: int) -> dict[str, Any]:
    from srkit.evaluation.inspection.layers import layers_of
    from srkit.inference.walk import walk

    layers, macs = layers_of(network, (side, side))
    found = walk(network, max(64, side))
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


def _measured_field(generator: nn.Module, scale: int) -> int | None:
    from srkit.inference.halo import measured_halo

    return 2 * measured_halo(generator, scale) + 1


def _step_facts(
    plan: Plan, generator: nn.Module, discriminator: nn.Module | None, memory: float, device: Any
) -> dict[str, Any]:
    from srkit.evaluation.inspection.memory import largest_batch, measured, predicted

    scale, data = plan.experiment.scale, plan.experiment.data
    sides = sorted({*PATCHES, data.patch_size})
    steps = {side: predicted(generator, discriminator, max(1, side // scale)) for side in sides}
    own = steps[data.patch_size]
    return {
        "batch_size": data.batch_size,
        "patch_size": data.patch_size,
        "predicted_bytes": own.of(data.batch_size),
        "measured_bytes": measured(generator, discriminator, data.batch_size, max(1, data.patch_size // scale), device),
        "device": str(device),
        "memory_gb": memory,
        "largest_batch": {str(side): largest_batch(step, memory * GB) for side, step in steps.items()},
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from srkit.cli.console import results

    console = results()
    for role in ("generator", "discriminator"):
        one = facts[role]
        if one is None:
            continue
        console.print(f"[bold]{role} {escape(one['name'])}[/bold]")
        height, width = one["macs_input"]
        unit = "LR" if role == "generator" else "HR"
        console.print(
            f"{one['parameters']:,} parameters; {one['macs'] / 1e9:.4g} G multiply-adds "
            f"for {width}x{height} {unit} pixels"
        )
        field = one["receptive_field"]
        seen = (
            f"{field} x {field} {unit} pixels"
            if field
            else f"the whole picture ({one['receptive_field_unbounded_by']})"
        )
        console.print(f"receptive field: {seen}" + _measured(one))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("layer", overflow="fold")
        table.add_column("type", overflow="fold")
        for name in ("parameters", "M mult-adds", "output"):
            table.add_column(name, justify="right")
        for layer in one["layers"]:
            shape = "x".join(map(str, layer["output"]))
            table.add_row(
                escape(layer["name"]), layer["type"], f"{layer['parameters']:,}", f"{layer['macs'] / 1e6:.4g}", shape
            )
        console.rows(table)
        console.print()
    _print_step(console, facts["training_step"])


def _measured(network: dict[str, Any]) -> str:
    side = network.get("receptive_field_measured")
    return f"; {side} x {side} hold 99.9% of the gradient" if side else ""


def _print_step(console: Any, step: dict[str, Any]) -> None:
    console.print("[bold]training step[/bold] (fp32, Adam; losses with networks of their own come on top)")
    real = (
        f"{step['measured_bytes'] / GB:.3g} GB measured on {step['device']}"
        if step["measured_bytes"]
        else "not measured"
    )
    console.print(
        f"batch {step['batch_size']}, patches of {step['patch_size']}: "
        f"{step['predicted_bytes'] / GB:.3g} GB predicted, {real}"
    )
    fits = ", ".join(f"{batch:,} of {side}" for side, batch in step["largest_batch"].items())
    console.print(f"into {step['memory_gb']:g} GB fit, of HR patches: {fits}")
