"""What was measured once is kept: scores by the content of model, photo and protocol, in the user's cache folder."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.json_files import DAMAGED, parsed
from srkit.links import folder_inside, open_no_follow

__all__ = ["ScoreCache", "cache_folder"]

Values = dict[str, float]


def cache_folder() -> Path:
    """Where this system keeps what a program can make again: `~/.cache/srkit` on Linux, `$XDG_CACHE_HOME` before it."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return Path(chosen) / "srkit"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "srkit" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "srkit"
    return Path.home() / ".cache" / "srkit"


class ScoreCache:
    """Numbers by the model's identity and a key, and documents by a key alone.

    A model's numbers are lines of a file of its own, appended as they are found: whatever was killed lost at most the
    line it was writing, and a damaged line counts as not there. Several processes may use one folder at once.

    Args:
        folder: where it lies; made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble = ""
        """Why nothing can be kept, once that is known; a benchmark goes on without."""
        self._known: dict[str, dict[str, Values]] = {}
        self._lock = threading.Lock()

    def get(self, identity: str, key: str) -> Values:
        """What is known of a model under a key, by name; infinite values as such."""
        with self._lock:
            if identity not in self._known:
                self._known[identity] = _read_lines(self._file(identity))
            return dict(self._known[identity].get(key, {}))

    def add(self, identity: str, key: str, values: Mapping[str, float]) -> None:
        """Keep numbers of a model; joins what is known under the key."""
        self.get(identity, key)
        line = json.dumps({"key": key, "values": {name: _written(value) for name, value in values.items()}})
        with self._lock:
            self._known[identity].setdefault(key, {}).update(values)
            file = self._file(identity)
            try:
                folder_inside(self.folder, file.parent.name)
                with open_no_follow(file, "a", encoding="utf-8", newline="\n") as opened:
                    # begun anew, so that a line that was cut off by a kill spoils no other
                    opened.write(f"\n{line}\n")
            except OSError as error:
                self.trouble = f"{file}: {error.strerror or error}"
            except UserError as error:
                self.trouble = str(error)

    def document(self, kind: str, key: str) -> Any:
        """A document that was kept, or None."""
        try:
            return parsed((self.folder / kind / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def keep_document(self, kind: str, key: str, content: Any) -> None:
        """Keep a document in place of what was kept under its key."""
        file = self.folder / kind / f"{key}.json"
        try:
            folder_inside(self.folder, kind)
            with placed(file) as aside:
                aside.write_text(json.dumps(content), encoding="utf-8")
        except (OSError, UserError) as error:
            self.trouble = str(error)

    def _file(self, identity: str) -> Path:
        return self.folder / "scores" / f"{identity}.jsonl"


def _read_lines(file: Path) -> dict[str, Values]:
    known: dict[str, Values] = {}
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return known
    for line in text.splitlines():
        try:
            entry = parsed(line)
            values = {str(name): _read(value) for name, value in entry["values"].items()}
            known.setdefault(str(entry["key"]), {}).update(values)
        except DAMAGED:
            continue  # empty, or cut off by a kill: it is found again
    return known


def _written(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _read(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError("no score is NaN")
    return number
