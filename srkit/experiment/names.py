"""What the entries of an array of tables are called: by these names dotted keys, metrics and tables know them."""

from __future__ import annotations

import re
from typing import Any

BUILT_IN = "srkit:"
"""What a resolved file writes before the names of built-in components."""


def short_name(use: str) -> str:
    """What an entry is called by its `use`: `vgg16` of `srkit:vgg16`, `Net` of `./file.py:Net`.

    >>> short_name("package.module:Outer.Net")
    'Net'
    """
    return re.split(r"[:/.]", use.removesuffix(".py"))[-1]


def plain_use(use: str) -> str:
    """A `use` as one reads it: a built-in without its distribution, any other as it is written.

    >>> plain_use("srkit:espcn"), plain_use("srkit-weave:espcn")
    ('espcn', 'srkit-weave:espcn')
    """
    return use.removeprefix(BUILT_IN)


def same_use(one: object, other: object) -> bool:
    """Whether two spellings of `use` mean one component, as far as the letters tell."""
    if isinstance(one, str) and isinstance(other, str):
        return plain_use(one) == plain_use(other)
    return one == other


def entry_names(entries: list[Any]) -> list[str]:
    """The names of an array's entries: `name`, else the last part of `use`, then `vgg16-2`, whatever is still free."""
    written = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    taken = {name for name in written if isinstance(name, str)}
    names: list[str] = []
    for number, (entry, name) in enumerate(zip(entries, written, strict=True), 1):
        if not isinstance(name, str) or not name:
            use = entry.get("use", number) if isinstance(entry, dict) else entry
            name = _free(short_name(use) if isinstance(use, str) else str(number), taken)
            taken.add(name)
        names.append(name)
    return names


def find_entry(entries: list[Any], part: str) -> int | None:
    """The entry of that name; entries without names (stages, groups) are counted from 1."""
    names = entry_names(entries)
    if part in names:
        return names.index(part)
    return None


def _free(stem: str, taken: set[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
