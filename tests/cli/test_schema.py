"""`srkit schema`: valid JSON on stdout; what is broken is named on stderr and left out."""

from __future__ import annotations

import json

import jsonschema
import pytest

from srkit.registry import KINDS, Registry
from srkit.registry.discovery import Entry
from tests.cli.conftest import Command


def test_it_prints_a_schema(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Entry(KINDS["generators"], "gone", "no_such_module:Net", "sick", "1.0")
    entries = [*Registry.installed().entries(), broken]
    monkeypatch.setattr(Registry, "installed", classmethod(lambda cls: cls(entries)))
    said = srkit("schema")
    assert said.code == 0 and "left out" in said.err and "sick:gone" in said.err
    schema = json.loads(said.out)
    jsonschema.Draft7Validator.check_schema(schema)
    names = [one["const"] for one in schema["definitions"]["generators"]["anyOf"] if "const" in one]
    assert "espcn" in names and "gone" not in names
