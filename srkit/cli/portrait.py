"""What `srkit show` tells of a component, gathered from its docstring, its signature and one trial build."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import dataclass
from typing import Any

from srkit.errors import FAILURES, OptionError, UserError, in_short
from srkit.registry import Component, Kind, Option, Registry, Untrusted
from srkit.registry.source_options import SourceOption, read_source_component
from srkit.registry.values import expected, plain
from srkit.uncompiled import compiler_left_out

NO_DESCRIPTION = "(its author wrote no description)"
LONGEST_TYPE, LONGEST_DEFAULT = 100, 60
TRIAL = {"generators": {"scale": 2}, "discriminators": {}, "blocks": {"channels": 64}}
"""The kinds whose size is shown: networks, and what they are built with besides their defaults."""

_ARXIV = re.compile(r"arXiv[:\s]+(\d{4}\.\d{4,5})")
_DOI = re.compile(r"\b(10\.\d{4,9}/[\w.;()/:-]*\w)")


@dataclass(frozen=True)
class ShownOption:
    """One option in a reader's words; `default` is None and `required` true where there is none."""

    name: str
    type: str
    default: Any
    required: bool
    doc: str

    @property
    def shown_default(self) -> str:
        return "(required)" if self.required else shortened(json.dumps(self.default), LONGEST_DEFAULT)


@dataclass(frozen=True)
class Portrait:
    """A component as it is shown.

    Attributes:
        description: its docstring by paragraphs, without the sections on arguments.
        papers: addresses of the papers its docstring cites.
        parameters: how many weights it has with its default options; None where that is unknown or no network.
        receptive_field: the side of the square of LR pixels an output pixel sees; None where unknown.
        size: parameters and receptive field in words, or why they are unknown.
    """

    kind: Kind
    name: str
    qualified: str
    distribution: str
    version: str
    home_page: str
    description: tuple[str, ...]
    papers: tuple[str, ...]
    options: tuple[ShownOption, ...]
    parameters: int | None = None
    receptive_field: int | None = None
    size: str = ""

    def as_object(self) -> dict[str, Any]:
        """What a script reads."""
        plain = ("name", "qualified", "distribution", "version", "home_page", "parameters", "receptive_field")
        return {
            "kind": self.kind.plural,
            **{key: getattr(self, key) for key in plain},
            "summary": self.description[0] if self.description else "",
            "description": "\n\n".join(self.description),
            "papers": list(self.papers),
            "size": self.size,
            "options": [
                {"name": one.name, "type": one.type, "default": one.default, "required": one.required, "doc": one.doc}
                for one in self.options
            ],
        }


def portrait(component: Component, registry: Registry) -> Portrait:
    """Everything there is to show of a component that was looked up."""
    text = _docstring(component)
    options = component.signature.options if component.kind.is_built else ()
    parameters, field, size = _size(component)
    pages = {entry.distribution: entry.home_page for entry in registry.entries()}
    return Portrait(
        component.kind,
        component.name,
        component.use,
        component.distribution,
        component.version,
        pages.get(component.distribution, ""),
        tuple(paragraphs(text)),
        papers(text),
        tuple(_option(one) for one in options),
        parameters,
        field,
        size,
    )


def portrait_of_source(kind: Kind, use: str, refusal: Untrusted) -> Portrait:
    """What can be shown of own code that is not trusted: what its source says.

    Raises:
        Untrusted: not even that can be told.
    """
    found = read_source_component(refusal.file, refusal.attribute, kind)
    if found is None:
        raise refusal
    text = _without_sections(found.docstring or NO_DESCRIPTION)
    options = [_source_option(one) for one in found.options or ()]
    return Portrait(
        kind,
        refusal.attribute,
        use,
        str(refusal.file),
        "",
        "",
        tuple(paragraphs(text)),
        papers(text),
        tuple(options),
        size=str(refusal),
    )


def _source_option(option: SourceOption) -> ShownOption:
    try:
        default = None if option.default is None else ast.literal_eval(option.default)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        default = option.default
    kind = shortened(option.annotation or "(no type)", LONGEST_TYPE)
    return ShownOption(option.name, kind, plain(default), option.default is None, option.doc)


def _docstring(component: Component) -> str:
    """What the author wrote on the component; of a click command its help."""
    text = getattr(component.factory, "help", None) if component.kind.plural == "commands" else None
    return _without_sections(text or inspect.getdoc(component.factory) or NO_DESCRIPTION)


def _without_sections(text: str) -> str:
    return re.split(r"\n\s*(?:Args|Arguments|Raises|Returns|Attributes):\n", f"{text}\n")[0].strip()


def paragraphs(text: str) -> list[str]:
    """A docstring's paragraphs, each on one line so that the terminal's width decides; indented ones stay."""
    blocks = re.split(r"\n\s*\n", text)
    return [one if re.search(r"^(\s|[-*] )", one, re.MULTILINE) else " ".join(one.split()) for one in blocks]


def papers(text: str) -> tuple[str, ...]:
    """The addresses of the papers a docstring cites by arXiv number or DOI, each once.

    >>> papers("As Shi et al. 2016, arXiv 1609.05158, do.")
    ('https://arxiv.org/abs/1609.05158',)
    """
    found = [f"https://arxiv.org/abs/{number}" for number in _ARXIV.findall(text)]
    found += [f"https://doi.org/{number}" for number in _DOI.findall(text)]
    return tuple(dict.fromkeys(found))


def _option(option: Option) -> ShownOption:
    if option.nested is None:
        kind = expected(option.annotation)
    else:
        kind = f"a list of {option.nested.plural}" if option.many else f"a {option.nested.singular}"
    default = None if option.required else plain(option.default)
    return ShownOption(option.name, shortened(kind, LONGEST_TYPE), default, option.required, option.doc)


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _size(component: Component) -> tuple[int | None, int | None, str]:
    """Weights and receptive field of a network with its default options, and both in words."""
    given = TRIAL.get(component.kind.plural)
    if given is None:
        return None, None, ""
    if missing := [one.name for one in component.signature.options if one.required]:
        return None, None, f"size depends on {', '.join(missing)}"
    try:
        try:
            network = _built(component, given)
        except OptionError:
            network = _built(component, given | {"scale": 4} if "scale" in given else given)
        count = sum(one.numel() for one in network.parameters())
    except UserError as error:
        return None, None, f"size unknown: {error}"
    except FAILURES as error:
        return None, None, f"size unknown: {in_short(error)}"
    words = f"{count:,} parameters" + "".join(f" ({key} {value})" for key, value in given.items())
    field = _receptive_field(network) if "scale" in given else None
    return count, field, words + (f"; an output pixel sees {field} x {field} LR pixels" if field else "")


def _built(component: Component, given: dict[str, int]) -> Any:
    """Without memory for weights where the component allows it, else for real."""
    import torch

    try:
        with compiler_left_out(), torch.device("meta"):
            return component.build(**given)
    except FAILURES:
        return component.build(**given)


def _receptive_field(network: Any) -> int | None:
    from srkit.inference.walk import walk

    try:
        cell = walk(network).cell
    except FAILURES:
        return None  # a third party's network that does not run on a picture of 64 x 64
    return cell.side if cell is not None else None


__all__ = ["Portrait", "ShownOption", "papers", "paragraphs", "portrait", "portrait_of_source"]
