"""`srkit data`: a contact sheet of what the network will see, the pictures in numbers, the loader's speed."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.plan import sound_plan
from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.preview import Preview

SHOWN = 20
"""Broken pictures and sizes that are named; `--json` names all."""

BAR = 40
"""Columns of the longest bar of the histogram."""


@click.command("data")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--step", default=1, show_default=True, type=click.IntRange(min=1), help="Which step's batch is shown.")
@click.option("--out", type=click.Path(path_type=Path), help="The contact sheet, a PNG; by default NAME-data.png.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the file; repeatable.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--json", "as_json", is_flag=True, help="The numbers as one JSON object.")
@trust_option
def data_command(
    experiment: Path,
    step: int,
    out: Path | None,
    settings: tuple[str, ...],
    device: str | None,
    as_json: bool,
    trust: bool,
) -> None:
    """Show what the network will see, and how fast it comes.

    \b
    Examples:
      srkit data experiments/espcn.toml
      srkit data experiments/espcn.toml --step 500 --set seed=3 --out sheet.png
    """
    plan = sound_plan(experiment, settings, Registry.installed(user_trust(trust)))
    from srkit.data.decoding import save_png
    from srkit.evaluation.contact_sheet import contact_sheet
    from srkit.preview import preview

    def notice(sentence: str) -> None:
        say(sentence, err=True)

    found = preview(plan, step, device, notice)
    sheet = out if out is not None else Path(f"{plan.name}-data.png")
    title = f"{plan.name}: step {step}, seed {found.seed}, LR and HR of {len(found.pairs)} samples"
    import numpy as np

    save_png(sheet, np.asarray(contact_sheet(found.pairs, title)))
    if as_json:
        say_document(json.dumps(_as_object(found, sheet), indent=1))
        return
    for line in _lines(found):
        say(line)
    say(f"contact sheet: {sheet}")


def _as_object(found: Preview, sheet: Path) -> dict[str, object]:
    return {
        "seed": found.seed,
        "step": found.step,
        "pictures": found.pictures,
        "validation": found.validation,
        "broken": found.broken,
        "measured": found.measured,
        "sizes": [{"width": width, "height": height, "count": count} for (width, height), count in found.sizes.items()],
        "sharpness": [round(one, 3) for one in found.sharpness],
        "samples": [{"name": pair.name, "drawn": list(pair.lines)} for pair in found.pairs],
        "workers": found.workers,
        "load_seconds": found.load_seconds,
        "step_seconds": found.step_seconds,
        "waiting": found.waiting,
        "sheet": str(sheet),
    }


def _lines(found: Preview) -> list[str]:
    some = "" if found.measured == found.pictures else f" (of the first {found.measured})"
    lines = [f"pictures    {found.pictures} to train with, {found.validation} to validate with"]
    sizes = [
        f"{width}x{height}" + (f" ({count})" if count > 1 else "") for (width, height), count in found.sizes.items()
    ]
    lines += _listed("sizes", sizes[:4], len(sizes) - 4, some)
    if found.broken:
        lines.append(f"broken      {len(found.broken)}, left out here:")
        lines += [f"  {one}" for one in found.broken[:SHOWN]]
        if len(found.broken) > SHOWN:
            lines.append(f"  and {len(found.broken) - SHOWN} more; --json lists all")
    else:
        lines.append("broken      none")
    lines += _histogram(found.sharpness, some)
    lines += _speed(found)
    return lines


def _listed(name: str, shown: list[str], more: int, some: str) -> list[str]:
    rest = f" and {more} more" if more > 0 else ""
    return [f"{name:<12}{', '.join(shown)}{rest}{some}"]


def _histogram(sharpness: list[float], some: str) -> list[str]:
    """Bins twice as wide from one to the next, since what matters is the ratio."""
    if not sharpness:
        return []
    counts = Counter(max(0, math.ceil(math.log2(max(one, 1.0)))) for one in sharpness)
    most = max(counts.values())
    lines = [f"sharpness   deviation of the Laplacian, in levels{some}"]
    for number in range(min(counts), max(counts) + 1):
        low, high = (0 if number == 0 else 2 ** (number - 1)), 2**number
        count = counts[number]
        bar = "#" * (max(1, round(BAR * count / most)) if count else 0)
        lines.append(f"  {f'{low}..{high}':>9}  {bar:<{BAR}} {count}".rstrip())
    return lines


def _speed(found: Preview) -> list[str]:
    per = "in the training process" if not found.workers else f"by {found.workers} workers"
    return [
        f"speed       a batch is loaded in {found.load_seconds * 1e3:.3g} ms {per},",
        f"            a step computes for {found.step_seconds * 1e3:.3g} ms: it waits for data",
        f"            about {found.waiting:.1%} of the time",
    ]
