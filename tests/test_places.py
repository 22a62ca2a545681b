"""Folders, people and machines are left out of what is shared; names of files and folders stay."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from srkit.places import Nameless, is_absolute, named_folders


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("/home/ann/photos", "photos"),
        ("/data/My Photos/set 5", "set 5"),
        ("/home/ann", "~"),
        ("/Users/ann/", "~"),
        ("/root", "~"),
        ("C:\\Users\\ann", "~"),
        ("~ann/photos", "photos"),
        ("C:\\Users\\ann\\photos", "photos"),
        ("D:/photos/hr", "hr"),
        ("\\\\server\\share\\photos", "photos"),
        ("file:///home/ann/a.png", "a.png"),
        ("../../ann/photos", "photos"),
        ("/home/ann/net.py:Net", "net.py:Net"),
        ("/home/ann/net.py f6ea5386e4c5", "net.py f6ea5386e4c5"),
        ("no file /home/ann/a.png, nor C:\\x\\b.png.", "no file a.png, nor b.png."),
        (
            "srkit run /home/ann/a.toml --set data.train=/home/ann/p --out=runs/x",
            "srkit run a.toml --set data.train=p --out=runs/x",
        ),
        ('path = "/home/ann/photos"', 'path = "photos"'),
        ("(/usr/lib/python3/x.py, line 3)", "(x.py, line 3)"),
    ],
)
def test_of_a_path_its_last_part_stays(text: str, shared: str) -> None:
    assert Nameless()(text) == shared


@pytest.mark.parametrize(
    "text",
    [
        "photos/a.png",
        "./code/net.py:Net",
        "srkit:espcn",
        "MACs/MP",
        "x2/x3",
        "1/2",
        "a / b",
        "https://github.com/a/b",
        "s3://b/k/x",
        "~5 dB",
        "",
        "/",
        "\\",
    ],
)
def test_what_is_no_folder_of_a_machine_stays(text: str) -> None:
    assert Nameless()(text) == text


def test_known_folders_are_found_in_a_sentence_whatever_their_names(tmp_path: Path) -> None:
    folder = str(tmp_path / "my, own (photos)")
    nameless = Nameless(named_folders({"a": [{"path": folder}]}))
    assert nameless(f"{folder}/a.png: broken; see {folder}") == "a.png: broken; see my, own (photos)"


def test_this_machines_own_folders_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "ann smith"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(tmp_path)
    for text in (f"in {home}/photos: none", f"in {home}: none", f"of {tmp_path}.", f"{sys.prefix}/bin/x here"):
        shared = Nameless()(text)
        assert "ann smith" not in shared and str(tmp_path) not in shared and sys.prefix not in shared


@dataclass(frozen=True)
class Leaf:
    path: str
    number: int = 1


def test_trees_and_dataclasses_keep_their_form() -> None:
    tree = {"a": [Leaf("/x/y/z"), ("/x/y/z", 2.5, None)], "/x/y/k": {"b": True}}
    assert Nameless()(tree) == {"a": [Leaf("z"), ("z", 2.5, None)], "k": {"b": True}}


def test_of_a_manifest_no_person_and_no_machine_is_left() -> None:
    manifest = {
        "user": "ann",
        "sessions": [{"host": platform.platform(), "device": "cpu", "command": ["run", "/home/ann/a.toml"]}],
        "deeper": {"hostname": "annes-laptop", "host": "annes-laptop", "x": ["/home/ann/y"]},
    }
    shared = Nameless().record(manifest)
    assert "ann" not in json.dumps(shared)
    assert shared["sessions"][0] == {
        "host": platform.platform().partition("-")[0],
        "device": "cpu",
        "command": ["run", "a.toml"],
    }
    assert shared["deeper"] == {"x": ["y"]}


@pytest.mark.parametrize(
    ("text", "absolute"), [("/a", True), ("C:\\a", True), ("~/a", True), ("a/b", False), ("x:y", False)]
)
def test_what_is_absolute_on_any_system(text: str, absolute: bool) -> None:
    assert is_absolute(text) == absolute
