"""`trusted.json` in the user's configuration folder: the folders and the hashes of runs' code that were said yes to."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.locks import held

__all__ = ["CONFIG", "Trusted", "config_folder", "forget", "read_trusted", "trust_code", "trust_folder", "why_refused"]

CONFIG = "SRKIT_CONFIG"
"""The variable that names another configuration folder."""

FILE, LOCK = "trusted.json", ".trusted.lock"
PATIENCE = 5.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True)
class Trusted:
    """What a user trusts.

    Attributes:
        folders: real paths; each with its subfolders, but for run folders.
        code: hashes of all of a run's `code/`, with the run folder in which it was trusted.
    """

    folders: tuple[Path, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)

    def has_folder(self, folder: Path) -> bool:
        """Whether a folder (its real path) is trusted or lies in one that is."""
        return any(folder.is_relative_to(one) for one in self.folders)


def config_folder() -> Path:
    """Where this user's settings lie: `SRKIT_CONFIG`, else where the system keeps them (`~/.config/srkit` on Linux)."""
    if chosen := os.environ.get(CONFIG):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "srkit"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "srkit"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "srkit"


def read_trusted() -> Trusted:
    """What is trusted now; nothing where nobody said yes yet.

    Raises:
        UserError: the file is damaged.
    """
    path = config_folder() / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        folders, code = stored["folders"], stored["code"]
        if not all(isinstance(one, str) and Path(one).is_absolute() for one in folders):
            raise ValueError("a folder in it is no absolute path")
        return Trusted(tuple(map(Path, folders)), {str(key): str(value) for key, value in code.items()})
    except FileNotFoundError:
        return Trusted()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete it and trust your folders again") from None


def trust_folder(folder: Path) -> None:
    """Trust a folder and its subfolders from now on.

    Raises:
        UserError: such a folder is never trusted, or that cannot be written down.
    """
    real = folder.resolve()
    if why := why_refused(real):
        raise UserError(f"{real} is never trusted: {why}. Keep code and experiments in a folder of their own")
    _change(lambda old: old if real in old.folders else replace(old, folders=(*old.folders, real)))


def trust_code(digest: str, run: Path) -> None:
    """Trust the code of a run, wherever a copy of all of it lies.

    Raises:
        UserError: that cannot be written down.
    """
    if digest not in read_trusted().code:
        _change(lambda old: replace(old, code={**old.code, digest: str(run.resolve())}))


def forget(folder: Path, digests: tuple[str, ...] = ()) -> list[str]:
    """Trust a folder no longer, nor what lies in it, nor code of these hashes; gives what was forgotten.

    Raises:
        UserError: that cannot be written down.
    """
    real, old = folder.resolve(), read_trusted()
    folders = [one for one in old.folders if one.is_relative_to(real)]
    code = {key: run for key, run in old.code.items() if key in digests or Path(run).is_relative_to(real)}
    if folders or code:
        _change(
            lambda now: Trusted(
                tuple(one for one in now.folders if one not in folders),
                {key: run for key, run in now.code.items() if key not in code},
            )
        )
    return [*map(str, folders), *(f"the code of {run}" for run in code.values())]


def why_refused(folder: Path) -> str:
    """Why a folder (its real path) can never be trusted; empty where it can.

    What holds the home folder or what browsers and other programs write into is too much to be said yes to at once.
    """
    home = Path.home().resolve()
    if folder == Path(folder.anchor):
        return "everything on this disk lies in it"
    if home.is_relative_to(folder):
        return "it is or holds your home folder"
    if any(folder == one for one in _downloads(home)):
        return "browsers write into it"
    if Path(tempfile.gettempdir()).resolve().is_relative_to(folder):
        return "any program writes into it"
    return ""


def _downloads(home: Path) -> list[Path]:
    """Where browsers put files: `Downloads`, or what it is called in this desktop's language."""
    found = [home / "Downloads"]
    directories = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "user-dirs.dirs"
    try:
        lines = directories.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "XDG_DOWNLOAD_DIR":
            found.append(Path(value.strip().strip('"').replace("$HOME", str(home))))
    return [one.resolve() for one in found]


def _change(change: Callable[[Trusted], Trusted]) -> None:
    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held(folder / LOCK, f"{folder} is being written by another process", patience=PATIENCE):
            now = change(read_trusted())
            text = json.dumps({"folders": [str(one) for one in now.folders], "code": dict(now.code)}, indent=1)
            with placed(folder / FILE) as aside:
                aside.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder / FILE} cannot be written ({error.strerror or error}); --trust does without it"
        ) from None
