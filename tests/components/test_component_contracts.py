"""Every built-in keeps the rules that the registry asks of anyone's component."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from srkit import components
from srkit.registry import Entry, Registry
from srkit.registry.options import Signature, read_signature
from srkit.registry.values import convert

ENTRIES = [one for one in Registry.installed().entries() if one.distribution == "srkit" and one.kind.is_built]


def factory(entry: Entry) -> Any:
    return getattr(import_module(entry.module), entry.attribute)


def signature(entry: Entry) -> Signature:
    return read_signature(factory(entry), entry.kind)


def label(entry: Entry) -> str:
    return f"{entry.kind.plural}:{entry.name}"


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_options_are_accepted_and_their_defaults_fit(entry: Entry) -> None:
    for option in signature(entry).options:
        if option.required or option.nested is not None or option.default is None:
            continue
        written = msgspec.to_builtins(option.default)
        assert convert(written, option.annotation, Path()) == option.default, option.name


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_the_docstring_opens_with_a_short_summary_and_explains_every_option(entry: Entry) -> None:
    text = inspect.getdoc(factory(entry)) or ""
    first, _, rest = text.partition("\n")
    assert first.endswith(".") and len(first) < 90 and (rest.startswith("\n") or rest == "")
    assert [option.name for option in signature(entry).options if not option.doc] == []


def test_components_import_only_contracts_and_each_other() -> None:
    root = Path(components.__file__).parent
    # and rooms of the ground floor that know nothing of experiments, runs or models
    allowed = (
        "srkit.contracts",
        "srkit.errors",
        "srkit.components",
        "srkit.exactness",
        "srkit.layer_outputs",
        "srkit.out_of_memory",
        "srkit.links",
        "srkit.data.placing",
        "srkit.weight_files",
    )
    for file in root.rglob("*.py"):
        if "datasets" in file.parts:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            own = [name for name in names if name.startswith("srkit") and name != "srkit"]  # that is anyone's to use
            assert not [name for name in own if not name.startswith(allowed)], file
        at_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any("torchvision" in ast.dump(node) for node in at_top), file


def test_importing_them_all_brings_no_torchvision() -> None:
    modules = sorted({entry.module for entry in ENTRIES})
    code = f"import sys; import {', '.join(modules)}; print(sorted({{'torchvision', 'skimage'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
