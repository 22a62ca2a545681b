"""Experiment files with one thing wrong in each, by `srkit check` and `srkit data`: nothing but a message comes of it.

    python -m tests.campaigns.experiments [--only WORDS] [--seed N] [--count N]

Every value of an example experiment is replaced by each of some odd ones, left out, doubled or given a neighbour; then
`--count` files have three such changes at once. Ends with 1 where a command said "bug", showed a traceback, took longer
than 20 seconds, or ended with another exit code than 0 and 2.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import io
import os
import random
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import tomli_w

from tests.cli.conftest import photo

EXPERIMENT: dict[str, Any] = {
    "scale": 2,
    "steps": 4,
    "seed": 3,
    "precision": "fp32",
    "data": {
        "train": {"use": "folder", "path": "photos"},
        "validate": "photos",
        "patch_size": 16,
        "batch_size": 2,
        "workers": 0,
        "cache": 0,
    },
    "augment": {"flip": True, "rotate": False, "mixup": 0.5},
    "downscaler": {"use": "pillow", "filter": "bicubic"},
    "degradation": [{"use": "jpeg", "quality": [50, 95]}, {"use": "noise", "sigma": [0.0, 5.0]}],
    "generator": {"use": "trunk", "channels": 4, "blocks": 2, "block": {"use": "residual", "slope": 0.2}},
    "discriminator": {"use": "dilated", "channels": 4},
    "adversarial_loss": {"use": "relativistic", "weight": 0.01},
    "pixel_loss": [{"use": "mse", "weight": 1.0}, {"use": "l1", "name": "second"}],
    "optimizer": {
        "use": "adam",
        "betas": [0.9, 0.99],
        "clip_norm": 1.0,
        "group": [{"match": "tail.*", "lr_scale": 0.1}],
    },
    "schedule": {"use": "cosine"},
    "ema": {"decay": 0.9},
    "validation": {"every": 2, "metrics": ["psnr-y", "ssim-y"], "images": 1},
    "checkpoint": {"every": 2, "keep": 2},
    "log": {"every": 1, "tensorboard": False},
    "on_nan": {"rollback": 1},
    "stage": [
        {"steps": 2, "lr": {"generator": 1e-3, "discriminator": 1e-3}},
        {"steps": 2, "lr": 1e-4, "set": {"pixel_loss.mse.weight": 0.5}},
    ],
}

ODD: tuple[Any, ...] = (
    *(-1, 0, 1, 10**30, -(2**63), 1.5, -0.0, float("inf"), float("nan"), True, "", "x", "\x1b[31m", "é" * 300),
    *([], [[]], [1, "a"], [50, 95], ["a", 2.0], [{}], {}, {"use": 3}, {"use": ""}, {"use": "espcn"}, {"a": {"b": []}}),
    *(datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 1, 1), datetime.time(1, 1)),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value's place, tables and lists included."""
    if path:
        yield path
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(below, (*path, key))


def changes(path: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Everything that is done at a place, as (what, where, with what)."""
    for value in ODD:
        yield "put", path, value
    yield "drop", path, None
    yield "double", path, None
    yield "beside", path, None


def changed(tree: Any, what: str, path: tuple[Any, ...], value: Any) -> None:
    """Do it; nothing where an earlier change took the place away."""
    *above, last = path
    for part in above:
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            return
    if isinstance(tree, dict) and not isinstance(last, str):
        return  # an earlier change put a table in a list's place
    try:
        if what == "put":
            tree[last] = value
        elif what == "drop":
            del tree[last]
        elif what == "double":
            tree[last] = [tree[last], copy.deepcopy(tree[last])]
        elif isinstance(tree, dict):
            tree[f"{last}x"] = tree[last]
    except (LookupError, TypeError):
        return


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="words that a change has in it, such as optimizer.group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300, help="files with three changes")
    parser.add_argument("--share", type=float, default=1.0, help="how many of the files with one change are tried")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    single = [change for path in places(EXPERIMENT) for change in changes(path)]
    files = [[one] for one in single if chance.random() < asked.share]
    files += [chance.sample(single, 3) for _ in range(asked.count)]
    failed = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SRKIT_LOAD_PLUGINS": "", "SRKIT_CONFIG": f"{folder}/config", "HOME": folder}
        os.chdir(folder)
        photo(Path("photos/a.png"))
        for number, wrong in enumerate(files):
            told = "; ".join(f"{what} {'.'.join(map(str, path))} {value!r}"[:90] for what, path, value in wrong)
            if asked.only not in told:
                continue
            tree = copy.deepcopy(EXPERIMENT)
            for change in wrong:
                changed(tree, *change)
            Path("x.toml").write_text(tomli_w.dumps(tree), encoding="utf-8")
            words = ["data", "x.toml", "--out", f"{number}.png"] if number % 5 == 4 else ["check", "x.toml"]
            if (said := complaint(*said_by(words))) is not None:
                failed += 1
                print(f"FAIL {words[0]}: {told}\n     {said}", flush=True)
            tried += 1
    print(f"{tried} files, {failed} with something wrong")
    return int(failed > 0)


def said_by(words: list[str]) -> tuple[str, object]:
    """What a command of srkit's says, executed in this process, with the seconds it took; and its exit code."""
    from srkit.cli.main import main as srkit

    said, began = io.StringIO(), time.monotonic()
    before, sys.argv = sys.argv, ["srkit", *words]
    try:
        with redirect_stdout(said), redirect_stderr(said):
            srkit()
        code: object = 0
    except SystemExit as error:
        code = error.code or 0
    finally:
        sys.argv = before
    if time.monotonic() - began > SLOW:
        said.write(f"\n{TOO_LONG} {time.monotonic() - began:.0f} s")
    return said.getvalue(), code


SLOW, TOO_LONG = 20.0, "it took"


def complaint(text: str, code: object, allowed: Collection[object] = (0, 2)) -> str | None:
    """What is wrong with how a command ended."""
    if code not in allowed or "This is a bug" in text or "Traceback" in text or f"\n{TOO_LONG} " in text:
        return f"{code}: {text[-400:]}"
    return None if text.strip() else "it said nothing"


if __name__ == "__main__":
    sys.exit(main())
