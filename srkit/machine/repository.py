"""The commit of the git repository one stands in, found out without its own configuration, which may run commands."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from srkit.machine.programs import program

__all__ = ["git_commit"]

PATIENCE = 10
"""Seconds to wait for git."""

DEEPEST = 5
"""References that name another one."""

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class _Repository:
    """A checkout: its top folder, its own git folder, and the one that holds references and objects."""

    top: Path
    own: Path
    common: Path


def git_commit() -> str:
    """The commit of the repository one stands in, with `+` where tracked files were changed; empty outside of one."""
    try:
        repository = _find(Path.cwd())
        commit = _commit(repository) if repository is not None else ""
        if repository is None or not commit:
            return ""
        return commit + ("+" if _is_changed(repository, commit) else "")
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _find(folder: Path) -> _Repository | None:
    for top in (folder, *folder.parents):
        own = top / ".git"
        if own.is_file():  # of a further work tree or a submodule
            _, _, path = own.read_text(encoding="utf-8").partition("gitdir:")
            own = (top / path.strip()).resolve()
        if (own / "HEAD").is_file():
            common = own / "commondir"
            shared = own / common.read_text(encoding="utf-8").strip() if common.is_file() else own
            return _Repository(top, own, shared.resolve())
    return None


def _commit(repository: _Repository) -> str:
    """The hash that HEAD comes to; empty before the first commit."""
    text = (repository.own / "HEAD").read_text(encoding="utf-8").strip()
    for _ in range(DEEPEST):
        if _HASH.fullmatch(text):
            return text
        name = text.removeprefix("ref:").strip()
        if not name.startswith("refs/") or ".." in name:
            return ""
        places = [one / name for one in (repository.own, repository.common) if (one / name).is_file()]
        text = places[0].read_text(encoding="utf-8").strip() if places else _packed(repository.common, name)
    return ""


def _packed(common: Path, name: str) -> str:
    packed = common / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def _is_changed(repository: _Repository, commit: str) -> bool:
    """Ask git, by a git folder of our own that has no configuration but knows the repository's index and objects."""
    git = program("git")
    if git is None:
        return False
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text(f"{commit}\n", encoding="utf-8")
        kind = "[extensions]\nobjectformat = sha256\n" if len(commit) == 64 else ""
        version = 1 if kind else 0
        (folder / "config").write_text(f"[core]\nrepositoryformatversion = {version}\n{kind}", encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        given = {
            "GIT_DIR": str(folder),
            "GIT_WORK_TREE": str(repository.top),
            "GIT_INDEX_FILE": str(repository.own / "index"),
            "GIT_OBJECT_DIRECTORY": str(repository.common / "objects"),
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        options = [
            "-c",
            "core.fsmonitor=false",
            "-c",
            f"core.hooksPath={os.devnull}",
            "-c",
            "core.untrackedCache=false",
        ]
        question = ["status", "--porcelain", "-uno", "--ignore-submodules=all", "--no-renames"]
        done = subprocess.run(
            [git, *options, *question],
            env=kept | given,
            cwd=repository.top,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )
        return bool(done.stdout.strip())
