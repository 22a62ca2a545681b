"""`srkit doctor`: what this machine has, and what is missing; whatever is broken is a finding, never a failure."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

import srkit
from srkit.cli.saying import say_document
from srkit.errors import FAILURES, in_short

PACKAGES = ("torch", "torchvision", "pillow", "numpy", "scikit-image", "safetensors", "tensorboard")


@dataclass(frozen=True)
class Finding:
    """One line of the examination; not `ok` where something is missing or broken."""

    name: str
    finding: str
    ok: bool = True


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="A list of findings, for scripts.")
def doctor_command(as_json: bool) -> None:
    """Say what this machine has, and what is missing.

    \b
    Examples:
      srkit doctor
      srkit doctor --json
    """
    sections = (_software, _devices, _weights, _plugins)
    findings = [finding for section in sections for finding in _examined(section)]
    if as_json:
        say_document(json.dumps([asdict(one) for one in findings], indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    from srkit.cli.console import results

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        table.add_row(f"[bold]{escape(one.name)}[/bold]", escape(one.finding), style=None if one.ok else "red")
    results().rows(table)


def _examined(section: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """A section's findings up to where it breaks, which is a finding too: a broken torch, a damaged plugin."""
    found: list[Finding] = []
    try:
        found.extend(section())
    except FAILURES as error:
        found.append(Finding(section.__name__.strip("_"), in_short(error), ok=False))
    return found


def _software() -> Iterator[Finding]:
    yield Finding("srkit", f"{srkit.__version__} in {Path(srkit.__file__).parent}")
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    for name in PACKAGES:
        try:
            yield Finding(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "missing; install srkit again", ok=False)


def _devices() -> Iterator[Finding]:
    import torch

    from srkit.training.device import choose_device, cuda_build, describe, nvidia_driver
    from srkit.training.precision import best_precision

    device = choose_device(None)
    precision, why = best_precision(device)
    yield Finding("device", f"{describe(device)}, used by default")
    yield Finding("precision", f"auto means {precision} on {device.type}: {why}")
    yield Finding("threads", f"{torch.get_num_threads()} of {os.cpu_count()} processors")
    driver = nvidia_driver()
    if torch.version.cuda is None and torch.version.hip is None:
        way = f"; one that has it: {cuda_build()}" if driver else ""
        yield Finding("cuda", f"this torch was built without CUDA{way}", ok=not driver)
    elif not torch.cuda.is_available():
        yield Finding("cuda", f"torch has CUDA {torch.version.cuda} and can use no card", ok=not driver)
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        best, why = best_precision(torch.device("cuda", number))
        words = f"{facts.name}, {facts.total_memory / 2**30:.1f} GiB, CUDA {torch.version.cuda}, {best}: {why}"
        yield Finding(f"cuda:{number}", words)
    if driver:
        yield Finding("driver", driver)
    if torch.backends.mps.is_available():
        yield Finding("mps", "Metal can be used")


def _weights() -> Iterator[Finding]:
    import torch

    from srkit.weight_files.safe_torch import HOLES, SAFE_TORCH, torch_is_safe, torch_version

    if torch_is_safe():
        yield Finding(".pth files", f"torch {torch_version()} may open them: weights alone are read, no code is run")
    else:
        known = "only those of torchvision and torchmetrics that srkit knows by their hash are opened"
        why = f"before torch {SAFE_TORCH} reading one could run code in it ({HOLES})"
        yield Finding(".pth files", f"{known}; {why}: pip install 'torch>={SAFE_TORCH}'", ok=False)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []
    if not files:
        yield Finding("weights", f"none in {folder}: feature losses download theirs, or use random features")
    for one in files:
        yield Finding("weights", f"{one} ({one.stat().st_size / 1e6:.0f} MB)")


def _plugins() -> Iterator[Finding]:
    from srkit.registry import Registry
    from srkit.registry.discovery import ALLOW_LIST, allowed_distributions, misspelled, not_installed

    allowed = allowed_distributions()
    if allowed is not None:
        yield Finding("plugins", f"{ALLOW_LIST} limits them to: {', '.join(sorted(allowed)) or 'built-ins'}")
    for sentence in not_installed():
        yield Finding("plugins", sentence, ok=False)
    for one in misspelled():
        yield Finding("plugins", str(one), ok=False)
    listings = Registry.installed().listings()
    for distribution in dict.fromkeys(one.entry.distribution for one in listings):
        own = [one for one in listings if one.entry.distribution == distribution]
        words = f"{own[0].entry.version}, {len(own)} component{'s' if len(own) > 1 else ''}"
        bad = [f"{one.entry.name} is {one.state}: {one.reason}" for one in own if one.state != "ok"]
        yield Finding(
            "plugin" if distribution != "srkit" else "built in",
            "; ".join([f"{distribution} {words}", *bad]),
            ok=not bad,
        )
