"""The reference of kinds, contracts and hooks, out of their own signatures and docstrings, with tested examples."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from srkit import contracts
from srkit.cli.plugin_files import EXAMPLES as PICKED
from srkit.hooks import Hooks
from srkit.registry import KINDS, Kind
from srkit.testing import rules_of
from srkit.training.run import Run
from tests.examples import plugins as hook_examples
from tests.house.source import ROOT
from tests.house.tables import table

VALUES = (
    contracts.Views,
    contracts.Draws,
    contracts.GeneratorOutput,
    contracts.DiscriminatorOutput,
    contracts.Factory,
    contracts.Shared,
    contracts.Provenance,
    contracts.Claims,
    contracts.Foreign,
    contracts.Job,
)
"""What components are handed, or hand over, beside tensors."""

CALLED = ("__call__", "__len__", "__getitem__")
FOR_HOOKS = ("request_stop", "request_checkpoint", "warn")
"""The methods of a run that are there for hooks."""


def kinds() -> str:
    """Every kind in a line: its group, what its factory is called with, what comes out."""
    rows = ((f"[`{kind.group}`](#{_anchor(kind)})", _given(kind), kind.summary) for kind in KINDS.values())
    return table(("group", "the factory is called with", "its components"), rows)


def kind_contracts() -> str:
    """Every kind: its contract, an example, what the conformance kit holds it to."""
    return "\n".join(_kind(kind) for kind in KINDS.values())


def conformance_rules() -> str:
    """What the kit holds components to, and those of which kinds."""
    built = [kind for kind in KINDS.values() if kind.is_built]
    held: dict[tuple[str, str], list[str]] = {}
    for kind in built:
        for rule in rules_of(kind):
            held.setdefault((rule.name, rule.promise), []).append(kind.plural.replace("_", " "))
    everyone = [kind.plural.replace("_", " ") for kind in built]
    rows = ((f"`{name}`", promise, _shortly(who, everyone)) for (name, promise), who in held.items())
    return table(("rule", "what holds", "for"), rows)


def _shortly(some: list[str], everyone: list[str]) -> str:
    """The names, or those that are missing where these are fewer."""
    missing = [one for one in everyone if one not in some]
    if len(missing) < len(some):
        return f"all but {', '.join(missing)}" if missing else "all"
    return ", ".join(some)


def contract_values() -> str:
    """What components are handed or hand over."""
    return "\n".join(_value(one) for one in VALUES)


def hooks() -> str:
    """When each hook is called and with what."""
    rows = ((f"`{name}`", _code_list(_arguments(hook)), _on_one_line(hook)) for name, hook in _hooks())
    return table(("hook", "called with", "when"), rows)


def hook_examples_of_each() -> str:
    """An example of each hook."""
    examples = (inspect.getsource(getattr(hook_examples, name)).rstrip() for name, _ in _hooks())
    head = "from srkit.hooks import hookimpl"
    return _fenced("python", "\n\n\n".join([f"import json\nimport time\n\n{head}", *examples]))


def run_for_hooks() -> str:
    """What a hook may read of a run, and what it may ask it for."""
    rows = [(f"`{name}`", text) for name, text in _attributes(inspect.getdoc(Run) or "")]
    rows += [(f"`{name}{_signature(getattr(Run, name))}`", _on_one_line(getattr(Run, name))) for name in FOR_HOOKS]
    return table(("of `run`", "what"), rows)


# --- a kind ---------------------------------------------------------------------------------------------------------


def _kind(kind: Kind) -> str:
    parts = [f"### {kind.plural.replace('_', ' ')}", f"`{kind.group}`. {_how_it_is_made(kind)}"]
    if kind.contract is not None:
        doc = inspect.getdoc(kind.contract) or ""
        parts += [_SECTION.sub("", f"{doc}\n").strip(), _members(kind.contract, dict(_attributes(doc)))]
    else:
        parts.append(LOADED[kind.plural])
    parts += [f"Picked by:\n\n{_fenced('toml', PICKED[kind.plural])}".rstrip(), "An example:", _example(kind)]
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


LOADED = {
    "commands": "A click command, which joins `srkit --help` and is loaded when it is called. Its docstring is its help.",
    "plugins": "A module, or an object, with implementations of hooks; see [Hooks](#hooks). It is loaded for each run.",
}


def _how_it_is_made(kind: Kind) -> str:
    if not kind.is_built:
        return "The entry point names it; nothing is built."
    offered = f", {_code_list(kind.offered)} where it names it" if kind.offered else ""
    return f"Its factory, a class or a function, is called with {_given(kind)}{offered}."


def _given(kind: Kind) -> str:
    if not kind.is_built:
        return "-"
    return f"{_code_list(kind.given)} and its options" if kind.given else "its options"


def _example(kind: Kind) -> str:
    path = ROOT / "tests" / "examples" / f"{kind.plural}.py"
    text = path.read_text(encoding="utf-8")
    if kind.plural == "plugins":
        return "See [an example of each hook](#an-example-of-each-hook)."
    return _fenced("python", text)


# --- values and methods ---------------------------------------------------------------------------------------------


def _value(value: type) -> str:
    doc = inspect.getdoc(value) or ""
    parts = [f"### {value.__name__}", _SECTION.sub("", f"{doc}\n").strip(), _members(value, dict(_attributes(doc)))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _members(value: type, texts: Mapping[str, str]) -> str:
    """A class's own fields and public methods, each with its sentence."""
    lines = [
        f"- `{name}: {annotation}`" + (f": {texts[name]}" if name in texts else "")
        for name, annotation in _fields(value)
    ]
    for name, member in vars(value).items():
        if name.startswith("_") and name not in CALLED:
            continue
        if isinstance(member, property):
            lines.append(_item(name, member.fget))
        elif inspect.isfunction(member):
            lines.append(_item(f"{_spoken(name)}{_signature(member)}", member))
    return "\n".join(lines)


def _spoken(name: str) -> str:
    return {"__call__": "", "__len__": "len", "__getitem__": "[]"}.get(name, name)


def _item(head: str, member: Any) -> str:
    text = _on_one_line(member)
    return f"- `{head}`" + (f": {text}" if text else "")


def _fields(value: type) -> Iterator[tuple[str, str]]:
    for name, annotation in inspect.get_annotations(value).items():
        if not name.startswith("_"):
            yield name, str(annotation)


def _signature(function: Any) -> str:
    """A method's signature as its author wrote it, without `self`."""
    whole = inspect.signature(function)
    own = [one for one in whole.parameters.values() if one.name != "self"]
    return re.sub(r"'", "", str(whole.replace(parameters=own)))


# --- hooks ----------------------------------------------------------------------------------------------------------


def _hooks() -> Iterator[tuple[str, FunctionType]]:
    return ((name, hook) for name, hook in vars(Hooks).items() if name.startswith("srkit_"))


def _arguments(hook: FunctionType) -> list[str]:
    return [name for name in inspect.signature(hook).parameters if name != "self"]


# --- text -----------------------------------------------------------------------------------------------------------


def _on_one_line(member: Any) -> str:
    return " ".join((member.__doc__ or "").split())


def _code_list(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _anchor(kind: Kind) -> str:
    return kind.plural.replace("_", "-")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns):\n((?:    .*\n|\n)+)", re.MULTILINE)


def _attributes(doc: str) -> list[tuple[str, str]]:
    """(name, text) of a docstring's `Attributes:`."""
    found = _SECTION.search(f"{doc}\n")
    if found is None:
        return []
    lines = re.findall(r"^(\w+(?:, \w+)*): (.*(?:\n +.*)*)", textwrap.dedent(found[2]), re.MULTILINE)
    return [(name, " ".join(text.split())) for name, text in lines]
