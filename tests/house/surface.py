"""The public surface, gathered from code and one tiny run; `python -m tests.house.surface` rewrites the record.

Whatever stands in `surface.json` is what users type, scripts read and plugins call. A change of it is a decision, and
belongs into CHANGELOG.md.
"""

from __future__ import annotations

import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.testing import CliRunner
from PIL import Image

import srkit
from srkit import contracts
from srkit.cli.failures import DONE, EXIT_CODES, WRONG_INPUT
from srkit.cli.main import COMMANDS, cli
from srkit.hooks import Hooks
from srkit.registry import KINDS, RESERVED_OPTIONS
from tests.house.keys import tables

RECORD = Path(__file__).with_name("surface.json")
REWRITE = "python -m tests.house.surface"

EXPERIMENT = """
scale = 2
steps = 1
log = { every = 1, tensorboard = false }
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 1
[downscaler]
use = "torch-bilinear"
[generator]
use = "espcn"
channels = 2
[[pixel_loss]]
use = "mse"
[discriminator]
use = "dilated"
channels = 1
[adversarial_loss]
use = "relativistic"
"""


def surface() -> dict[str, Any]:
    """Everything public, in a form that differs in one line where one thing differs."""
    return {
        "commands": {name: _command(name) for name in COMMANDS},
        "exit codes": {str(code): meaning for code, meaning in EXIT_CODES.items()},
        "environment": ["SRKIT_DEBUG", "SRKIT_LOAD_PLUGINS"],
        "entry points": {kind.group: _kind(kind) for kind in KINDS.values()},
        "reserved options": sorted(RESERVED_OPTIONS),
        "experiment": {table.heading: [_key(key) for key in table.keys] for table in tables()},
        "hooks": {
            name: [one for one in inspect.signature(hook).parameters if one != "self"]
            for name, hook in vars(Hooks).items()
            if name.startswith("srkit_")
        },
        "python": {
            f"srkit.{one.__name__}": str(inspect.signature(one)) for one in (srkit.load, srkit.run, srkit.bench)
        },
        "contracts": {name: _contract(getattr(contracts, name)) for name in sorted(contracts.__all__)},
        "files": _files(),
    }


def rendered() -> str:
    return json.dumps(surface(), indent=1) + "\n"


def _command(name: str) -> list[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return [_parameter(one) for one in command.params]


def _parameter(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return f"{parameter.metavar or str(parameter.name).upper()}{'' if parameter.required else ' (optional)'}"
    words = ", ".join(parameter.opts)
    if not getattr(parameter, "is_flag", False):
        words += f" {str(parameter.metavar or parameter.type.name).upper()}"
    notes = ["required"] * parameter.required + ["repeatable"] * parameter.multiple
    return words + (f" ({', '.join(notes)})" if notes else "")


def _kind(kind: Any) -> str:
    given = ", ".join(kind.given) or "options alone"
    return f"{kind.singular}, built with {given}" if kind.is_built else f"{kind.singular}, loaded"


def _key(key: Any) -> str:
    default = " (required)" if key.required else f" = {key.default}" if key.default else ""
    return f"{key.name}: {key.type}{default}"


CALLED = ("__call__", "__len__", "__getitem__")


def _contract(value: Any) -> list[str]:
    """Fields and public methods with their signatures."""
    fields = [f"{name}: {annotation}" for name, annotation in inspect.get_annotations(value).items()]
    methods = [
        f"{name}{inspect.signature(member)}" if inspect.isfunction(member) else f"{name} (property)"
        for name, member in vars(value).items()
        if (inspect.isfunction(member) or isinstance(member, property)) and (name in CALLED or not name.startswith("_"))
    ]
    return sorted(one for one in fields if not one.startswith("_")) + methods


def _files() -> dict[str, list[str]]:
    """The keys of everything that is written or printed for scripts, from one run of one step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "photos" / "a.png")
        (folder / "x.toml").write_text(EXPERIMENT, encoding="utf-8")
        run, bad = folder / "run", folder / "bad.toml"
        _srkit("run", str(folder / "x.toml"), "--out", str(run), "--quiet", "--device", "cpu")
        bad.write_text("scal = 2\n", encoding="utf-8")
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return {
            "run folder": sorted(one.name for one in run.iterdir()),
            "checkpoint": sorted(one.name for one in next((run / "checkpoints").iterdir()).iterdir()),
            "manifest.json": key_paths(json.loads((run / "manifest.json").read_text(encoding="utf-8"))),
            "scores.json": key_paths(json.loads((run / "scores.json").read_text(encoding="utf-8"))),
            "metrics.jsonl": key_paths(json.loads(lines[-1])),
            "list --json": key_paths(_json("list", "--json")),
            "show --json": key_paths(_json("show", "generators", "espcn", "--json")),
            "check --json": key_paths(_json("check", str(bad), "--json")),
            "doctor --json": key_paths(_json("doctor", "--json")),
        }


def _srkit(*arguments: str) -> str:
    # the user's plugins aside: what this machine has does not belong to the record
    done = CliRunner().invoke(cli, arguments, env={"SRKIT_LOAD_PLUGINS": ""})
    if done.exit_code not in (DONE, WRONG_INPUT) or (arguments[0] == "run" and done.exit_code):
        raise RuntimeError(f"srkit {' '.join(arguments)} failed: {done.output}") from done.exception
    return done.stdout


def _json(*arguments: str) -> Any:
    return json.loads(_srkit(*arguments))


DATA = {"versions", "components", "facts", "per_image"}
"""Objects whose keys are data: names of packages, components, pictures."""


def key_paths(value: Any, prefix: str = "") -> list[str]:
    """The dotted paths of every key; `[]` stands for the items of a list."""
    if isinstance(value, list):
        return sorted({one for item in value for one in key_paths(item, f"{prefix}[]")})
    if not isinstance(value, dict):
        return []
    found: set[str] = set()
    for key, one in value.items():
        path = f"{prefix}.{key}" if prefix else key
        found.add(path)
        if key not in DATA:
            found.update(key_paths(one, path))
    return sorted(found)


if __name__ == "__main__":
    RECORD.write_text(rendered(), encoding="utf-8")
    print(f"{RECORD} is rewritten; `git diff {RECORD.name}` shows what changed")
