"""The model card: what a file of weights is, what it was trained on, and how good it is, in markdown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srkit
from srkit.data.placing import placed
from srkit.experiment.names import plain_use
from srkit.experiment.resolved import write_toml
from srkit.inference.named import TrainedOn
from srkit.inference.own_code import code_line, own_names
from srkit.inference.own_words import shared_experiment
from srkit.json_files import DAMAGED
from srkit.plain_files import plain_text
from srkit.printable import as_json, as_markdown, code_span, printable
from srkit.registry import Registry

__all__ = ["is_card", "write_card"]

_MADE = "Made with srkit "


def is_card(path: Path, file: str) -> bool:
    """Whether there is a card of srkit's for a file of that name."""
    try:
        said = plain_text(path).splitlines()[2]
    except (OSError, ValueError, IndexError):
        return False
    return said.startswith(f"{code_span(file)}: a ") and _MADE in said


def write_card(
    path: Path,
    file: str,
    name: str,
    scale: int,
    parameters: int,
    trained: TrainedOn,
    run: Path,
    registry: Registry,
    *,
    with_paths: bool = False,
) -> None:
    """Write the card beside an exported file.

    Args:
        path: the card to be.
        file: the exported file's name.
        name: the model's.
        trained: what it was trained on.
        run: the run folder, for its scores.
        registry: tells registered components from own code.
        with_paths: keep the folders of this machine, of which there are only names otherwise.
    """
    experiment = shared_experiment(trained, registry, with_paths=with_paths)
    use = plain_use(str(experiment["generator"]["use"])).removeprefix(":")
    lines = [
        f"# {as_markdown(name)}",
        "",
        f"{code_span(file)}: a {code_span(use)} generator, {parameters:,} parameters, "
        f"that enlarges images {scale} times. {_MADE}{srkit.__version__}.",
        "",
        f"Input: RGB in [0, 1], (B, 3, h, w). Output: (B, 3, {scale}h, {scale}w), to be clamped to [0, 1].",
        "",
        *_usage(file, trained, registry),
        "",
        "## Scores",
        "",
        *_scores(run),
        "",
        "## Data",
        "",
        f"Trained on {as_markdown(trained.data)}; LR images: {as_markdown(trained.lr_images)}."
        + (f" Fingerprint of the images: {code_span(trained.fingerprint)}." if trained.fingerprint else ""),
        "",
        "## Experiment",
        "",
        "```toml",
        as_json(write_toml(experiment)).strip(),  # strings of TOML have these escapes too
        "```",
        "",
    ]
    with placed(path) as aside:
        aside.write_text("\n".join(lines), encoding="utf-8")


def _usage(file: str, trained: TrainedOn, registry: Registry) -> list[str]:
    """How the file is used: by srkit alone, or with the code that its generator is written in."""
    shown, ending = printable(file), Path(file).suffix
    table = trained.experiment["generator"]
    if ending not in (".safetensors", ".pth") or not (names := own_names(table, registry)):
        trust = " --trust" if ending == ".ts" else ""
        return ["```sh", f"srkit upscale photo.jpg --model {shlex.quote(shown)}{trust}", "```"]
    code = " and ".join(code_span(f"{one.rpartition(':')[2]} of {Path(one.rpartition(':')[0]).name}") for one in names)
    return [
        f"Its generator is own code ({code}), which the file does not hold. With that code beside it:",
        "",
        "```python",
        "import srkit",
        "",
        f"model = {code_line(shown)}",
        "```",
    ]


def _scores(run: Path) -> list[str]:
    """The final table of the run, if it came to one."""
    try:
        rows = json.loads(plain_text(run / "scores.json"))["rows"]
        metrics = list(rows[0]["metrics"])
        head = ["model", "set", "LR images", "photos", *metrics]
        table = [
            [one["model"], one["set"], one["downscaler"], str(one["images"]), *(_mean(one, name) for name in metrics)]
            for one in rows
        ]
    except (OSError, *DAMAGED):
        return ["The run has no scores yet."]
    lines = [[as_markdown(str(cell)) for cell in line] for line in (head, *table)]
    return [f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(head), *lines[1:])]


def _mean(row: Mapping[str, Any], metric: str) -> str:
    """The mean; where it is infinite on some images, that over the others with how many these are."""
    found = row["metrics"][metric]
    left_out = found.get("left_out") or ()
    value = found["finite"] if left_out else found["mean"]
    if value is None:
        return "inf"
    return f"{value:.4g} {found['unit']}".strip() + (f" on {row['images'] - len(left_out)}" if left_out else "")
