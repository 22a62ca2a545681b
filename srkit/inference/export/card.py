"""The model card: what a file of weights is, what it was trained on, and how good it is, in markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srkit
from srkit.data.placing import placed
from srkit.experiment.resolved import write_toml
from srkit.inference.named import TrainedOn

__all__ = ["write_card"]


def write_card(path: Path, file: str, name: str, scale: int, parameters: int, trained: TrainedOn, run: Path) -> None:
    """Write the card beside an exported file.

    Args:
        path: the card to be.
        file: the exported file's name.
        name: the model's.
        trained: what it was trained on.
        run: the run folder, for its scores.
    """
    experiment = _without_folders(trained.experiment)
    use = str(trained.experiment["generator"]["use"])
    lines = [
        f"# {name}",
        "",
        f"`{file}`: a `{use}` generator, {parameters:,} parameters, that enlarges pictures {scale} times. "
        f"Made with srkit {srkit.__version__}.",
        "",
        f"Input: RGB in [0, 1], (B, 3, h, w). Output: (B, 3, {scale}h, {scale}w), to be clamped to [0, 1].",
        "",
        "```sh",
        f"srkit upscale photo.jpg --model {file}",
        "```",
        "",
        "## Scores",
        "",
        *_scores(run),
        "",
        "## Data",
        "",
        f"Trained on {trained.data}; LR images: {trained.lr_images}."
        + (f" Fingerprint of the pictures: `{trained.fingerprint}`." if trained.fingerprint else ""),
        "",
        "## Experiment",
        "",
        "```toml",
        write_toml(experiment).strip(),
        "```",
        "",
    ]
    with placed(path) as aside:
        aside.write_text("\n".join(lines), encoding="utf-8")


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
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return ["The run has no scores yet."]
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *table)]


def _mean(row: Mapping[str, Any], metric: str) -> str:
    value = row["metrics"][metric]["mean"]
    return "inf" if value is None else f"{value:.4g} {row['metrics'][metric]['unit']}".strip()


def _without_folders(value: Any) -> Any:
    """The experiment without where things lie on this machine: of an absolute path its last part."""
    if isinstance(value, dict):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_folders(one) for one in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
