"""Every place of an experiment file that names a component: what a stranger writes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tomli_w

from tests.trust.table.ground import Ground
from tests.trust.table.rows import ANY, Given, Row, kin

__all__ = ["PLACES", "PLACE_ROWS", "base", "settled", "written"]

Experiment = dict[str, Any]
Put = Callable[[Experiment, dict[str, Any]], object]
"""Puts a table that picks a component into an experiment."""

FILE = "hostile.toml"


def base() -> Experiment:
    """An experiment of one step that is all right."""
    return {
        "scale": 2,
        "steps": 1,
        "precision": "fp32",
        "data": {"train": "photos", "validate": "photos", "patch_size": 16, "batch_size": 1, "workers": 0},
        "downscaler": {"use": "torch-bilinear"},
        "generator": {"use": "espcn", "channels": 2},
        "pixel_loss": [{"use": "mse"}],
        "log": {"tensorboard": False},
    }


def _gan(experiment: Experiment) -> Experiment:
    experiment["discriminator"] = {"use": "dilated", "channels": 2}
    experiment["adversarial_loss"] = {"use": "relativistic", "weight": 0.1}
    return experiment


def _piped(experiment: Experiment, pick: dict[str, Any]) -> None:
    del experiment["downscaler"]
    experiment["lr_pipeline"] = pick


def _staged(experiment: Experiment, pick: dict[str, Any]) -> None:
    del experiment["steps"]
    experiment["degradation"] = [{"use": "noise"}]
    experiment["stage"] = [{"steps": 1, "set": {"degradation": [pick]}}]


PLACES: dict[str, Put] = {
    "data.train": lambda it, pick: it["data"].update(train=pick),
    "data.validate": lambda it, pick: it["data"].update(validate=pick),
    "a part of a mix": lambda it, pick: it["data"].update(train={"use": "mix", "parts": [pick]}),
    "downscaler": lambda it, pick: it.update(downscaler=pick),
    "a choice of a random downscaler": lambda it, pick: it.update(downscaler={"use": "random", "choices": [pick]}),
    "degradation": lambda it, pick: it.update(degradation=[pick]),
    "degradation before": lambda it, pick: it.update(degradation=[pick | {"when": "before"}]),
    "a part of a sequence": lambda it, pick: it.update(degradation=[{"use": "sequence", "parts": [pick]}]),
    "between a resize": lambda it, pick: it.update(degradation=[{"use": "resize", "between": [pick]}]),
    "lr_pipeline": _piped,
    "target": lambda it, pick: it.update(target=pick),
    "generator": lambda it, pick: it.update(generator=pick),
    "block of a trunk": lambda it, pick: it.update(generator={"use": "trunk", "channels": 4, "block": pick}),
    "block by name": lambda it, pick: it.update(generator={"use": "trunk", "channels": 4, "block": pick["use"]}),
    "block in a block": lambda it, pick: it.update(
        generator={"use": "trunk", "channels": 4, "block": {"use": "residual-in-residual", "blocks": [pick]}}
    ),
    "generator of a cascade": lambda it, pick: it.update(generator={"use": "cascade", "generator": pick}),
    "discriminator": lambda it, pick: _gan(it).update(discriminator=pick),
    "adversarial_loss": lambda it, pick: _gan(it).update(adversarial_loss=pick),
    "pixel_loss": lambda it, pick: it.update(pixel_loss=[pick]),
    "second pixel_loss": lambda it, pick: it["pixel_loss"].append(pick),
    "feature_loss": lambda it, pick: it.update(feature_loss=[pick]),
    "optimizer": lambda it, pick: it.update(optimizer=pick),
    "optimizer.discriminator": lambda it, pick: _gan(it).update(optimizer={"use": "adam", "discriminator": pick}),
    "optimizer.losses": lambda it, pick: it.update(optimizer={"use": "adam", "losses": pick}),
    "schedule": lambda it, pick: it.update(schedule=pick),
    "validation.metrics": lambda it, pick: it.update(validation={"metrics": ["psnr-y", pick["use"]]}),
    "a stage's set": _staged,
    "matrix": lambda it, pick: it.update(matrix={"seed": [1], "generator": [{"label": "a"} | pick]}),
    "matrix of uses": lambda it, pick: it.update(matrix={"generator.use": ["espcn", pick["use"]]}),
    "launcher": lambda it, pick: it.update(launcher=pick, matrix={"seed": [1]}),
}
"""A place's name -> what writes a table there."""

STUDIES = ("matrix", "matrix of uses", "launcher")
_STUDY = "|is a study"
"""What is said of it by what takes one experiment alone."""

NETWORKS = ("generator", "block", "discriminator")
"""Where `srkit inspect` needs it; of a loss it says that it left it out, and measures a step."""

ALL_BUT_INSPECT = ("run", "run --dry-run", "check", "check --json", "data", "srkit.run")

TABLES = ("generator", "degradation", "pixel_loss", "launcher", "schedule")
"""Where `--set` is tried; its value is a table or a list of one."""


def written(ground: Ground, place: str, pick: dict[str, Any], name: str = FILE) -> Given:
    """An experiment with a table in a place of it."""
    experiment = base()
    PLACES[place](experiment, pick)
    (ground.here / name).write_text(tomli_w.dumps(experiment), encoding="utf-8")
    return Given(name)


def settled(ground: Ground, key: str, use: str) -> Given:
    """An experiment that is all right, with a component typed by `--set`; a study where a launcher is."""
    experiment = base() | ({"matrix": {"seed": [1]}} if key == "launcher" else {})
    (ground.here / FILE).write_text(tomli_w.dumps(experiment), encoding="utf-8")
    table = f'{{ use = "{use}" }}'
    return Given(FILE, (f"{key}=[{table}]" if key in ("degradation", "pixel_loss") else f"{key}={table}",))


def extended(ground: Ground, use: str, links: int) -> Given:
    """A chain of files of which the last one names a component, each in a folder of its own."""
    folder = ground.here
    for number in range(links):
        target = f"../base{number}/{FILE}" if number else f"base{number}/{FILE}"
        (folder / FILE).write_text(f'extends = "{target}"\n', encoding="utf-8")
        folder = ground.here / f"base{number}"
        folder.mkdir()
    it = base() | {"generator": {"use": use}}
    it["data"] |= {"train": str(ground.here / "photos"), "validate": str(ground.here / "photos")}
    (folder / FILE).write_text(tomli_w.dumps(it), encoding="utf-8")
    return Given(FILE)


def _harm(ground: Ground) -> dict[str, Any]:
    """What a callable that writes would want."""
    return {"path": str(ground.precious / "file"), "text": "theirs", "content": "theirs", "mark": "theirs"}


def _writes(place: str) -> Row:
    """A function that writes a file, where a component is named."""

    def make(ground: Ground) -> Given:
        return written(ground, place, {"use": "srkit.machine.writing:write_durably", **_harm(ground)})

    return _row(
        f"a function of srkit's own as {place}",
        place,
        make,
        f"srkit.machine.writing{_STUDY if place in STUDIES else ''}",
    )


def _own(place: str) -> Row:
    """Code that lies beside the file and was not trusted."""

    def make(ground: Ground) -> Given:
        ground.code(ground.here / "evil.py")
        return written(ground, place, {"use": "./evil.py:Net"})

    return _row(f"own code as {place}", place, make, f"not trusted{_STUDY if place in STUDIES else ''}")


def _row(name: str, place: str, make: Callable[[Ground], Given], says: str) -> Row:
    if place.split(" ")[0].split(".")[0] in NETWORKS:
        return Row(name, "experiment", make, says)
    return Row(name, "experiment", make, says, {"inspect": ANY}, in_suite=ALL_BUT_INSPECT)


def _set(key: str, use: str) -> Row:
    def make(ground: Ground) -> Given:
        ground.code(ground.here / "evil.py")
        return settled(ground, key, use)

    return Row(f"--set {key} to {use}", "experiment", make)


def _chain(use: str, links: int) -> Row:
    def make(ground: Ground) -> Given:
        given = extended(ground, use, links)
        ground.code(ground.here / f"base{links - 1}" / "evil.py")
        return given

    return Row(f"{use} at the end of {links} files", "experiment", make)


PLACE_ROWS = (
    *kin(map(_writes, PLACES), 12),
    *kin(map(_own, reversed(PLACES)), 20),
    *kin((_set(key, use) for use in ("os:system", "./evil.py:Net") for key in TABLES), 7),
    *(_chain(use, links) for links in (1, 3) for use in ("./evil.py:Net", "shutil:rmtree")),
)
"""Each place with a function that writes and with own code, by the file, by `--set` and through `extends`."""
