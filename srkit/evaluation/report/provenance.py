"""What a run was made with, in words: out of its manifest."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from srkit.evaluation.report.differences import flat

__all__ = ["OWN_FACTS", "facts_of"]

OWN_FACTS = ("started", "resumed", "command")
"""Facts that no two runs share."""

SAID = ("srkit", "versions", "git", "seed", "data", "facts", "init", "components", "plugins", "sessions", "warnings")
"""The manifest's keys that have a line of their own; others follow as they are."""


def facts_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The manifest's facts by what they are called on the page; those that a run has not are left out."""
    facts = {"srkit": str(manifest.get("srkit", ""))}
    facts |= {name: str(version) for name, version in _table(manifest, "versions").items()}
    facts["git commit"] = str(manifest.get("git", ""))
    facts["seed"] = str(manifest.get("seed", ""))
    facts |= _data(_table(manifest, "data"))
    for kind, key in (("weights", "facts"), ("begun with", "init")):
        facts |= {f"{kind}: {name}": _words(value) for name, value in _table(manifest, key).items()}
    facts["components from"] = _distributions(_table(manifest, "components"))
    facts["plugins"] = ", ".join(f"{name} ({version})" for name, version in _table(manifest, "plugins").items())
    facts |= _sessions(manifest.get("sessions"))
    facts |= flat({key: value for key, value in manifest.items() if key not in SAID})
    facts["warnings"] = " ".join(map(str, manifest.get("warnings") or ()))
    return {key: value for key, value in facts.items() if value}


def _table(manifest: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part that is a table; an empty one in place of anything else."""
    value = manifest.get(key)
    return value if isinstance(value, Mapping) else {}


def _words(value: Any) -> str:
    """A fact of several values in one line.

    >>> _words({"weights": "random", "seed": "12"})
    'weights random, seed 12'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in flat(value).items())
    return str(value)


def _data(data: Mapping[str, Any]) -> dict[str, str]:
    skipped = data.get("skipped") or []
    facts = {
        "training pictures": str(data.get("samples", "")),
        "left out": f"{len(skipped)} broken or too small" if skipped else "",
        "fingerprint, training": str(data.get("train", "")),
        "fingerprint, validation": str(data.get("validate", "")),
    }
    rest = {key: value for key, value in data.items() if key not in ("samples", "skipped", "train", "validate")}
    return facts | flat(rest, "data")


def _distributions(components: Mapping[str, Any]) -> str:
    """Which distributions the components came from, each once."""
    return ", ".join(dict.fromkeys(str(one) for one in components.values()))


def _sessions(sessions: Any) -> dict[str, str]:
    """The machine and the command; of a run that was resumed what each of its sessions had, where they differ."""
    tables: Sequence[Mapping[str, Any]] = (
        [one for one in sessions if isinstance(one, Mapping)] if isinstance(sessions, list) else []
    )
    if not tables:
        return {}
    facts = {
        name: " / ".join(dict.fromkeys(str(one[key]) for one in tables if key in one))
        for name, key in (("device", "device"), ("threads", "threads"), ("processes", "processes"), ("system", "host"))
    }
    facts["started"] = str(tables[0].get("started", ""))
    facts["resumed"] = ", ".join(str(one.get("started", "")) for one in tables[1:])
    command = tables[-1].get("command")
    facts["command"] = f"srkit {shlex.join(map(str, command))}" if isinstance(command, list) else ""
    return facts
