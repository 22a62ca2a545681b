"""The tables in the documents that come from the code; `python -m tests.house.reference` rewrites them.

A document holds them between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from srkit.cli.main import COMMANDS
from srkit.registry import Registry
from tests.house.keys import KeyTable, tables
from tests.house.source import ROOT

REWRITE = "python -m tests.house.reference"
DOCUMENTS = (ROOT / "README.md", ROOT / "experiments" / "README.md")
_REGION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)


def commands() -> str:
    """Each built-in command with its sentence."""
    return _table(("command", "does"), ((f"`srkit {name}`", sentence) for name, sentence in COMMANDS.items()))


def components() -> str:
    """Srkit's own components with their summaries; a kind is named at its first."""
    own = [one for one in Registry.installed().listings() if one.entry.distribution == "srkit"]
    rows = [
        (f"{kind.plural.replace('_', ' ')}" if number == 0 else "", f"`{one.entry.name}`", one.summary)
        for kind, group in groupby(own, key=lambda one: one.entry.kind)
        for number, one in enumerate(group)
    ]
    return _table(("kind", "name", "what it is"), rows)


def experiment_keys() -> str:
    """Every table of an experiment file with its keys."""
    return "\n\n".join(_experiment_table(one) for one in tables()) + "\n"


def _experiment_table(table: KeyTable) -> str:
    heading = f"### `{table.heading}`" if table.path else "### At the top of the file"
    about = f"{table.about}\n\n" if table.about else ""
    if table.kind:
        about = f"{table.about} Further keys are the component's options (`srkit list {table.kind}`).\n\n"
    rows = ((f"`{one.name}`", one.type, _default(one.required, one.default), one.doc) for one in table.keys)
    return f"{heading}\n\n{about}{_table(('key', 'value', 'default', 'what'), rows)}".rstrip()


def _default(required: bool, default: str) -> str:
    return "(required)" if required else f"`{default}`" if default else ""


def _table(heading: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *(tuple(_cell(text) for text in row) for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


REGIONS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "components": components,
    "experiment-keys": experiment_keys,
}


def renewed(text: str) -> str:
    """A document with every generated region as the code has it now."""
    return _REGION.sub(lambda match: f"{match[1]}\n{REGIONS[match['name']]()}\n{match[4]}", text)


def stale() -> list[Path]:
    """The documents that no longer say what the code says."""
    return [path for path in DOCUMENTS if path.read_text(encoding="utf-8") != renewed(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    for document in stale():
        document.write_text(renewed(document.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{document} is rewritten")
