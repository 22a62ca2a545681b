"""Names that are typed or stand in a suite of sets: somebody was told to paste them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w

from tests.trust.table.ground import Ground
from tests.trust.table.rows import ANY, Given, Row

__all__ = ["TYPED_ROWS"]


def _typed(use: str, says: str = "") -> Row:
    def make(ground: Ground) -> Given:
        for folder, name in ((ground.here, "evil.py"), (ground.root, "evil.py"), (ground.here, "evilmod.py")):
            ground.code(folder / name)
        ground.code(ground.home / "evil.py")
        (ground.here / "link.py").symlink_to(ground.root / "evil.py")
        return Given(use.replace("{root}", str(ground.root)))

    return Row(f"{use!r} is typed", "typed", make, says)


def _suite(name: str, /, says: str = "", **values: Any) -> Row:
    """A suite of one set."""

    def make(ground: Ground) -> Given:
        ground.code(ground.here / "evil.py")
        ground.code(ground.here / "suites" / "evil.py")
        table: Mapping[str, Any] = {"name": "theirs", "hr": "../photos", "scales": [2], **values}
        (ground.here / "suites" / "theirs.toml").write_text(tomli_w.dumps({"set": [table]}), encoding="utf-8")
        return Given("suites/theirs.toml")

    return Row(f"a suite with {name}", "suite", make, says)


def _odd_suite(name: str, /, **values: Any) -> Row:
    row = _suite(name, **values)
    return Row(row.name, row.kind, row.make, codes={"*": ANY})


TYPED_ROWS = (
    *(_typed(use) for use in ("./evil.py:Net", "evil.py:Net", "../evil.py:Net", "{root}/evil.py:Net")),
    *(
        _typed(use)
        for use in ("~/evil.py:Net", "./link.py:Net", "//host/share/evil.py:Net", "\\\\host\\share\\evil.py:Net")
    ),
    *(_typed(use) for use in ("os:system", "builtins:eval", "evilmod:Net", "srkit.registry.trusted:trust_folder")),
    _suite("a downscaler of its own", "trusted", downscaler="./evil.py:Halve"),
    _suite("a downscaler in a table", "trusted", downscaler={"use": "./evil.py:Halve"}),
    _suite("a degradation of its own", "trusted", degradation=[{"use": "./evil.py:Darker"}]),
    _suite(
        "a degradation in a degradation",
        "trusted",
        degradation=[{"use": "sequence", "parts": [{"use": "./evil.py:Darker"}]}],
    ),
    _suite("a function for a downscaler", "os:system", downscaler="os:system"),
    _suite("a function for a degradation", degradation=[{"use": "shutil:rmtree", "path": "../../precious"}]),
    _odd_suite("an odd name", name="\x1b[31m=1+1<script>\u202e"),
    _odd_suite("images elsewhere", hr="../../precious"),
    _odd_suite("LR images elsewhere", lr="../../precious/{scale}"),
    _odd_suite("a hash with an escape", sha256="\x1b[31m"),
)
"""Names of code on the command line, and suites."""
