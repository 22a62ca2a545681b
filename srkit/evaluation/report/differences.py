"""Trees of values side by side, with what differs from the first marked: experiment files and manifests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from srkit.evaluation.report.markup import Html, joined, tag
from srkit.evaluation.report.tables import grid
from srkit.experiment.names import entry_names, plain_use
from srkit.printable import printable_lines

__all__ = ["different", "file_html", "flat", "side_by_side"]

ABSENT = "\N{EM DASH}"


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Every value of a tree in words, by its dotted key; entries of an array of tables by their names.

    >>> flat({"scale": 2, "pixel_loss": [{"use": "mse", "weight": 1.0}]})
    {'scale': '2', 'pixel_loss.mse.use': 'mse', 'pixel_loss.mse.weight': '1.0'}
    """
    return dict(_leaves(tree, above))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        for name, below in zip(entry_names(value), value, strict=True):
            rest = {key: one for key, one in below.items() if key != "name"}  # the path says it
            yield from _leaves(rest, f"{path}.{name}")
    else:
        yield path, plain_use(value) if isinstance(value, str) else _in_json(value)


def _in_json(value: Any) -> str:
    plain = [plain_use(one) if isinstance(one, str) else one for one in value] if isinstance(value, list) else value
    return json.dumps(plain, ensure_ascii=False, default=str)


def different(columns: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys that are not alike everywhere, in the order they are met."""
    keys = dict.fromkeys(key for column in columns for key in column)
    return [key for key in keys if len({column.get(key) for column in columns}) > 1]


def side_by_side(
    caption: str,
    names: Sequence[str],
    columns: Sequence[Mapping[str, str]],
    keys: Sequence[str],
    unmarked: Sequence[str] = (),
) -> Html:
    """A table of values, a column a run; what differs from the first run is marked, but for keys that always do."""
    lines: list[list[str]] = []
    for key in keys:
        values = [column.get(key, ABSENT) for column in columns]
        lines.append(
            [_breakable(key), *(_value(one, marked=one != values[0] and key not in unmarked) for one in values)]
        )
    return grid(caption, ["", *names], lines, class_="values")


def _breakable(key: str) -> Html:
    """A dotted key that goes on in another line behind a dot, where it has to."""
    first, *others = key.split(".")
    return joined(first, *(joined(".", tag("wbr"), part) for part in others))


def _value(value: str, *, marked: bool) -> Html:
    return tag("td", tag("mark", value) if marked else value)


def file_html(text: str, first: str) -> Html:
    """A file line by line; those that the first one has not are marked, those it has more are shown struck out."""
    before, after = (printable_lines(one).splitlines() for one in (first, text))
    lines: list[Html] = []
    for kind, start, end, begin, finish in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [joined(line, "\n") for line in after[begin:finish]]
            continue
        lines += [joined(tag("del", line), "\n") for line in before[start:end]]
        lines += [joined(tag("ins", line), "\n") for line in after[begin:finish]]
    return tag("pre", tag("code", *lines), tabindex=0)
