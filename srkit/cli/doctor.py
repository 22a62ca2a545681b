"""`srkit doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import click

import srkit


@click.command("doctor")
def doctor_command() -> None:
    """Say what this machine has: Python, torch, devices, plugins, cached weights.

    \b
    srkit doctor
    srkit doctor | head -20
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, finding in [*_software(), *_devices(), *_weights(), *_plugins()]:
        table.add_row(name, finding)
    Console().print(table)


def _software() -> list[tuple[str, str]]:
    rows = [("srkit", srkit.__version__), ("python", f"{platform.python_version()} on {platform.platform()}")]
    for name in ("torch", "torchvision", "pillow", "numpy", "scikit-image", "tensorboard"):
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, f"missing: pip install {name}"))
    return rows


def _devices() -> list[tuple[str, str]]:
    import torch

    from srkit.training.device import choose_device
    from srkit.training.precision import best_precision

    device = choose_device(None)
    precision, why = best_precision(device)
    rows = [("device", f"{device} (used by default)"), ("precision", f"auto means {precision}: {why}")]
    rows.append(("threads", str(torch.get_num_threads())))
    if torch.version.cuda is None:
        rows.append(("cuda", "this torch was built without CUDA"))
    elif not torch.cuda.is_available():
        rows.append(("cuda", f"torch has CUDA {torch.version.cuda}, and no card or driver is found"))
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        rows.append(
            (f"cuda:{number}", f"{facts.name}, {facts.total_memory / 2**30:.1f} GiB, CUDA {torch.version.cuda}")
        )
    return rows


def _weights() -> list[tuple[str, str]]:
    import torch

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = sorted(folder.glob("vgg*")) if folder.is_dir() else []
    if not files:
        return [("weights", f'none in {folder}: weights = "imagenet" downloads them, "auto" uses random features')]
    return [("weights", f"{one} ({one.stat().st_size / 1e6:.0f} MB)") for one in files]


def _plugins() -> list[tuple[str, str]]:
    from srkit.registry import Registry

    listings = Registry.installed().listings()
    rows = []
    for distribution in dict.fromkeys(one.entry.distribution for one in listings):
        own = [one for one in listings if one.entry.distribution == distribution]
        bad = [one for one in own if one.state != "ok"]
        words = f"{own[0].entry.version}, {len(own)} components"
        if bad:
            words += "; " + "; ".join(f"{one.entry.name} is {one.state}: {one.reason}" for one in bad)
        rows.append((distribution, words))
    return rows
