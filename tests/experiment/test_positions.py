"""Every key knows its line, whatever form of TOML it is written in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from srkit.experiment.positions import TreePath, positions


def lines_of(text: str) -> dict[str, int]:
    found = positions(textwrap.dedent(text).lstrip("\n"))
    return {".".join(map(str, path)): line for path, line in found.items() if path}


def test_keys_tables_and_arrays_of_tables() -> None:
    text = """
        # comment = 1
        scale = 2   # [not.a.table]

        [data]
        train = { use = "folder", path = "x" }
        [[loss]]
        use = "a"
          [loss.options]
          deep = 1
        [[loss]]
        use = "b"
        [loss.options]
        deep = 2
        """
    assert lines_of(text) == {
        "scale": 2,
        "data": 4,
        "data.train": 5,
        "data.train.use": 5,
        "data.train.path": 5,
        "loss": 6,
        "loss.0": 6,
        "loss.0.use": 7,
        "loss.0.options": 8,
        "loss.0.options.deep": 9,
        "loss.1": 10,
        "loss.1.use": 11,
        "loss.1.options": 12,
        "loss.1.options.deep": 13,
    }


def test_dotted_and_quoted_keys() -> None:
    text = """
        a.b = 1
        a."c.d" = 2
        "e = f" . g = 3
        'h#' = 4
        [x."y.z"]
        "" = 5
        """
    assert positions(textwrap.dedent(text).lstrip("\n")) == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 1,
        ("a", "c.d"): 2,
        ("e = f",): 3,
        ("e = f", "g"): 3,
        ("h#",): 4,
        ("x",): 5,
        ("x", "y.z"): 5,
        ("x", "y.z", ""): 6,
    }


def test_values_of_many_lines() -> None:
    text = '''
        a = [
          1,  # one ]
          [2, 3],

          { k = 4,
            l = [
              5 ] },
        ]
        text = """
        b = 1
        [c]
        \\""" still """
        literal = \'\'\'
        d = "\'\'\'\'
        after = 2
        '''
    found = lines_of(text)
    assert {key: found[key] for key in ("a", "a.0", "a.1", "a.1.1", "a.2", "a.2.k", "a.2.l", "a.2.l.0")} == {
        "a": 1,
        "a.0": 2,
        "a.1": 3,
        "a.1.1": 3,
        "a.2": 5,
        "a.2.k": 5,
        "a.2.l": 6,
        "a.2.l.0": 7,
    }
    assert (found["text"], found["literal"], found["after"]) == (9, 13, 15)
    assert "b" not in found and "c" not in found and "d" not in found


def test_a_header_outranks_what_only_implied_its_table() -> None:
    assert lines_of("[a.b]\nx = 1\n[a]\ny = 2\n") == {"a": 3, "a.b": 1, "a.b.x": 2, "a.y": 4}


def test_windows_line_ends() -> None:
    assert positions('a = """\r\nx\r\n"""\r\nb = [\r\n1,\r\n2]\r\n[c]\r\nd = 1\r\n') == {
        (): 1,
        ("a",): 1,
        ("b",): 4,
        ("b", 0): 5,
        ("b", 1): 6,
        ("c",): 7,
        ("c", "d"): 8,
    }


@pytest.mark.parametrize("value", ["1979-05-27 07:32:00", "1.5e3", "'x'", "true", "[[]]", "{}", '"\\""', "'''''x'''''"])
def test_what_follows_a_value_is_found(value: str) -> None:
    assert lines_of(f"a = {value} # b\nc = 1")["c"] == 2


def test_a_long_array_takes_no_time() -> None:
    rows = ",\n".join(f"{{ use = 'x', n = {number} }}" for number in range(5000))
    assert positions(f"a = [\n{rows}\n]\nb = 1\n")[("b",)] == 5003


# --- any document -----------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "use", "x-1", "c.d", "e = f", "#", "[g]", 'h"i', "", "ü", "1"])
SCALARS = ["1", "-2.5", "true", '"x = 1"', "'[y]'", '"""\n[z]\nk = 1\n"""', "'''\n# no\n'''", "1979-05-27 07:32:00"]


@dataclass
class Writer:
    """Writes TOML and notes by itself at which line each key is."""

    lines: list[str] = field(default_factory=lambda: [""])
    expected: dict[TreePath, int] = field(default_factory=dict)

    def write(self, text: str) -> None:
        first, *rest = text.split("\n")
        self.lines[-1] += first
        self.lines += rest

    def note(self, path: TreePath) -> None:
        self.expected.setdefault(path, len(self.lines))


def quoted(key: str, draw: Any) -> str:
    if key.replace("-", "").isascii() and key.replace("-", "").isalnum() and draw(st.booleans()):
        return key
    return "'" + key + "'" if "'" not in key and draw(st.booleans()) else '"' + key.replace('"', '\\"') + '"'


def write_value(writer: Writer, path: TreePath, draw: Any, depth: int) -> None:
    form = draw(st.sampled_from(["scalar", "scalar", "array", "table"])) if depth else "scalar"
    if form == "scalar":
        writer.write(draw(st.sampled_from(SCALARS)))
    elif form == "array":
        writer.write("[")
        for number in range(draw(st.integers(0, 3))):
            writer.write(draw(st.sampled_from(["", " ", "\n", "\n\n", " # ] }\n"])))
            writer.note((*path, number))
            write_value(writer, (*path, number), draw, depth - 1)
            writer.write(draw(st.sampled_from([",", " ,", "\n,"])))
        writer.write("]")
    else:
        writer.write("{")
        for number, key in enumerate(draw(st.lists(KEYS, max_size=3, unique=True))):
            writer.write(", " if number else " ")
            writer.note((*path, key))
            writer.write(f"{quoted(key, draw)} = ")
            write_value(writer, (*path, key), draw, depth - 1)
        writer.write(" }")


def write_keys(writer: Writer, path: TreePath, draw: Any) -> None:
    for key in draw(st.lists(KEYS, max_size=3, unique=True)):
        below = draw(st.one_of(st.none(), KEYS))
        writer.note((*path, key))
        if below is not None:
            writer.note((*path, key, below))
        dotted = quoted(key, draw) + ("" if below is None else f" . {quoted(below, draw)}")
        writer.write(f"{dotted} = ")
        write_value(writer, (*path, key) if below is None else (*path, key, below), draw, 3)
        writer.write(draw(st.sampled_from(["\n", " # x = 1\n", "\n\n"])))


@st.composite
def documents(draw: Any) -> tuple[str, dict[TreePath, int]]:
    writer = Writer()
    write_keys(writer, (), draw)
    for name in draw(st.lists(st.sampled_from(["T", "U.v", "A"]), max_size=3, unique=True)):
        path: TreePath = tuple(name.split("."))
        for number in range(draw(st.integers(1, 3)) if name == "A" else 1):
            here: TreePath = (*path, number) if name == "A" else path
            for length in range(1, len(here) + 1):
                writer.note(here[:length])
            writer.write(f"[[{name}]]\n" if name == "A" else f"[{name}]\n")
            write_keys(writer, here, draw)
            if draw(st.booleans()):
                writer.note((*here, "S"))
                writer.write(f"[{name}.S]\n")
                write_keys(writer, (*here, "S"), draw)
    return "\n".join(writer.lines), writer.expected


def paths_of(value: Any, path: TreePath = ()) -> Iterator[TreePath]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from paths_of(below, (*path, key))


@settings(max_examples=300, deadline=None)
@given(documents(), st.booleans())
def test_every_key_of_any_document_has_its_line(document: tuple[str, dict[TreePath, int]], windows: bool) -> None:
    text, expected = document
    if windows:
        text = text.replace("\n", "\r\n")
    found = positions(text)
    assert set(found) | {()} == set(paths_of(tomli.loads(text)))
    assert {path: line for path, line in found.items() if path} == expected
