"""The model card: what a file of weights is, what it was trained on, and how good it is, in markdown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srkit
from srkit.data.placing import placed
from srkit.experiment.resolved import write_toml
from srkit.inference.named import TrainedOn
from srkit.inference.own_words import how_to_load, own_code
from srkit.json_files import DAMAGED
from srkit.places import Nameless
from srkit.printable import as_json, as_markdown, code_span, printable

__all__ = ["write_card"]


def write_card(
    path: Path,
    file: str,
    name: str,
    scale: int,
    parameters: int,
    trained: TrainedOn,
    run: Path,
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
        with_paths: keep the folders of this machine, of which there are only names otherwise.
    """
    experiment = dict(trained.experiment if with_paths else Nameless()(trained.experiment))
    use = str(trained.experiment["generator"]["use"])
    lines = [
        f"# {as_markdown(name)}",
        "",
        f"{code_span(file)}: a {code_span(use)} generator, {parameters:,} parameters, "
        f"that enlarges images {scale} times. Made with srkit {srkit.__version__}.",
        "",
        f"Input: RGB in [0, 1], (B, 3, h, w). Output: (B, 3, {scale}h, {scale}w), to be clamped to [0, 1].",
        "",
        *_use(file, trained.experiment["generator"]),
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


def _use(file: str, generator: Mapping[str, Any]) -> list[str]:
    """How to upscale with the file; where its network is own code, how to load it."""
    code = own_code(generator)
    if not code or Path(file).suffix not in (".safetensors", ".pth"):
        return ["```sh", f"srkit upscale photo.jpg --model {shlex.quote(printable(file))}", "```"]
    sentence = (
        f"Its network is own code, which this file does not hold: {code_span(Path(code[0]).name)}. Read it, then:"
    )
    return [sentence, "", "```python", "import srkit", "", how_to_load(printable(file), printable(code[0])), "```"]


def _scores(run: Path) -> list[str]:
    """The final table of the run, if it came to one."""
    try:
        rows = json.loads((run / "scores.json").read_text(encoding="utf-8"))["rows"]
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
    value = row["metrics"][metric]["mean"]
    return "inf" if value is None else f"{value:.4g} {row['metrics'][metric]['unit']}".strip()
