"""Values and sentences without folders of a machine: what is shared has names of files, not the places they lie in."""

from __future__ import annotations

import dataclasses
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["Nameless", "from_here", "is_absolute", "named_folders", "shown"]

HOME = "~"
"""What stands for a home folder, whose own name is its owner's."""

_HOMES = re.compile(r"(/home/[^/]+|/Users/[^/]+|/root|[A-Za-z]:[\\/](Users|Documents and Settings)[\\/][^\\/]+)[\\/]*")
_PART = r"""[^/\\\s'"<>|:;,()\[\]{}]+"""
_PLACE = re.compile(
    rf"(?:file:)?(?<![\w.~$/\\-])(?:(?://)?/{_PART}/(?:{_PART}/?)*|[A-Za-z]:[\\/]+(?:{_PART}[\\/]*)*"
    rf"|\\\\{_PART}\\(?:{_PART}\\?)*|(?:~\w*|\.\.)[\\/]+(?:{_PART}[\\/]*)*|/(?:root|tmp)\b)"
)
"""A path from the root, a drive, a server, a home or a folder above, inside of a sentence."""

ABOUT_PEOPLE = ("user", "username", "login", "host", "hostname", "node")
"""Keys whose values name a person or a machine."""

SYSTEMS = ("Linux", "macOS", "Darwin", "Windows")


def is_absolute(text: str) -> bool:
    """Whether a text is a path that begins at a root, a drive, a server or a home, on any system."""
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith("~")


def shown(path: Path) -> str:
    """A path as one types it from the current folder, where it lies in that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def from_here(text: str) -> str:
    """A sentence, with the paths in it that lie in the current folder as one types them there."""
    try:
        here = str(Path.cwd())
    except OSError:
        return text
    if here not in text or len(here.strip("/\\")) < 2:
        return text
    return re.sub(rf"(?<![\w.~/\\-]){re.escape(here)}[/\\]+(?=[^\s/\\])", "", text)


def named_folders(value: Any) -> Iterator[str]:
    """Every absolute path that is a value of its own in a tree."""
    if isinstance(value, str):
        if is_absolute(value) and len(value.strip("/\\")) > 1:
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from named_folders(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from named_folders(one)


class Nameless:
    """Takes folders of a machine out of what is shared.

    Args:
        folders: those that are known, so that they are found in a sentence even where their names hold blanks.
    """

    def __init__(self, folders: Iterable[str] = ()) -> None:
        own = (str(Path.home()), str(Path.cwd()), sys.prefix, tempfile.gettempdir())
        known = sorted({one for one in (*folders, *own) if len(one.strip("/\\")) > 1}, key=len, reverse=True)
        self._known = re.compile(
            "|".join(rf"(?<![\w.-]){re.escape(one)}(?:[/\\]+{_PART})*[/\\]*(?!\w)" for one in known)
        )
        self._homes = {str(Path.home())}

    def __call__(self, value: Any) -> Any:
        """The same value, tree or dataclass, every text in it without folders."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self(key): self(one) for key, one in value.items()}
        if isinstance(value, list):
            return list(map(self, value))
        if isinstance(value, tuple):
            return tuple(map(self, value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [one.name for one in dataclasses.fields(value) if one.init]
            return dataclasses.replace(value, **{name: self(getattr(value, name)) for name in names})
        return value

    def text(self, text: str) -> str:
        """A path's last part; a sentence with the last parts of the paths in it."""
        if not any(one in text for one in "/\\~"):
            return text
        if is_absolute(text) and not re.search(r"\s[/\\~]|[:;,] ", text):
            return self._last(text)
        found = self._known.sub(lambda one: self._last(one[0]), text)
        return _PLACE.sub(lambda one: self._last(one[0]), found)

    def _last(self, path: str) -> str:
        path = path.removeprefix("file:")
        if _HOMES.fullmatch(path) or path.rstrip("/\\") in self._homes:
            return HOME
        return re.split(r"[/\\]+", path.rstrip("/\\"))[-1] or path[:1]

    def record(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """A manifest without folders, and of machines and people with the operating system alone."""
        return {key: self(one) for key, one in _impersonal(manifest).items()}


def _impersonal(value: Any) -> Any:
    if isinstance(value, list):
        return [_impersonal(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    about = {key: _system(one) if str(key).lower() in ABOUT_PEOPLE else _impersonal(one) for key, one in value.items()}
    return {key: one for key, one in about.items() if one or str(key).lower() not in ABOUT_PEOPLE}


def _system(value: Any) -> str:
    """The operating system's name in what `platform.platform()` says, which may hold more than that; empty for none.

    >>> _system("Linux-6.1.0-x86_64-with-glibc2.36")
    'Linux'
    """
    name = str(value).partition("-")[0]
    return name if name in SYSTEMS else ""
