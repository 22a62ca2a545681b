"""The tables in the documents that come from the code; `python -m tests.house.reference` rewrites them.

A document holds them between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import tomli

from srkit.cli.main import COMMANDS
from srkit.registry import KINDS, Registry
from tests.house import contract_reference as contract
from tests.house.keys import KeyTable, tables
from tests.house.source import ROOT
from tests.house.tables import table

REWRITE = "python -m tests.house.reference"
DOCUMENTS = tuple(
    ROOT / name for name in ("README.md", "experiments/README.md", "plugins/README.md", "plugins/REFERENCE.md")
)
_REGION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)


def commands() -> str:
    """Each built-in command with its sentence."""
    return table(("command", "does"), ((f"`srkit {name}`", sentence) for name, sentence in COMMANDS.items()))


def components() -> str:
    """Srkit's own components with their summaries; a kind is named at its first."""
    own = [one for one in Registry.installed().listings() if one.entry.distribution == "srkit"]
    rows = [
        (f"{kind.plural.replace('_', ' ')}" if number == 0 else "", f"`{one.entry.name}`", one.summary)
        for kind, group in groupby(own, key=lambda one: one.entry.kind)
        for number, one in enumerate(group)
    ]
    return table(("kind", "name", "what it is"), rows)


def plugin_packages() -> str:
    """The packages below plugins/, each with what it offers and its own description."""
    rows = []
    for path in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        project = tomli.loads(path.read_text(encoding="utf-8"))["project"]
        points = project.get("entry-points", {})
        offered = [
            f"{kind.plural.replace('_', ' ')}: {', '.join(f'`{name}`' for name in points[kind.group])}"
            for kind in KINDS.values()
            if kind.group in points
        ]
        name = project["name"]
        rows.append((f"[{name}]({path.parent.name}/README.md)", "; ".join(offered), project["description"]))
    return table(("package", "offers", "what it is"), rows)


def experiment_keys() -> str:
    """Every table of an experiment file with its keys."""
    return "\n\n".join(_experiment_table(one) for one in tables()) + "\n"


def _experiment_table(keys: KeyTable) -> str:
    heading = f"### `{keys.heading}`" if keys.path else "### At the top of the file"
    about = f"{keys.about}\n\n" if keys.about else ""
    if keys.kind:
        about = f"{keys.about} Further keys are the component's options (`srkit list {keys.kind}`).\n\n"
    rows = ((f"`{one.name}`", one.type, _default(one.required, one.default), one.doc) for one in keys.keys)
    return f"{heading}\n\n{about}{table(('key', 'value', 'default', 'what'), rows)}".rstrip()


def _default(required: bool, default: str) -> str:
    return "(required)" if required else f"`{default}`" if default else ""


REGIONS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "components": components,
    "experiment-keys": experiment_keys,
    "plugin-packages": plugin_packages,
    "kinds": contract.kinds,
    "kind-contracts": contract.kind_contracts,
    "conformance-rules": contract.conformance_rules,
    "contract-values": contract.contract_values,
    "hooks": contract.hooks,
    "hook-examples": contract.hook_examples_of_each,
    "run-for-hooks": contract.run_for_hooks,
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
