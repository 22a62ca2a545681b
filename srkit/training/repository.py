"""The git repository one stands in, asked without its own configuration, hooks, filters or attributes' programs."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from srkit.programs import find_program

__all__ = ["git_commit"]

_PATIENCE = 10
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 1 << 16  # bytes of a file that holds a name; packed-refs may be longer
_SETTINGS = """\
[core]
bare = false
fileMode = false
autocrlf = input
safecrlf = false
precomposeunicode = true
"""
"""What decides whether a file counts as changed: its content, with line ends of either kind."""


def git_commit() -> str:
    """The commit of the repository one stands in, with `+` where files were changed; empty outside of one.

    The commit is read from the repository's own files. Whether files were changed is asked of git from a folder of
    settings made for this question: what a repository brings along may name programs for git to run (`core.fsmonitor`,
    filters, hooks), and git reads its `config` wherever the question is asked. Submodules, which have a configuration
    of their own, are not looked into. Without git, or where it does not understand the repository, no `+` is said.
    """
    try:
        found = _repository(Path.cwd())
        if found is None:
            return ""
        root, own, shared = found
        commit = _commit(own, shared)
        return commit + ("+" if commit and _is_changed(root, own, shared, commit) else "")
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _repository(folder: Path) -> tuple[Path, Path, Path] | None:
    """The work tree's root, its git folder, and the one that it shares with other work trees."""
    for root in (folder, *folder.parents):
        own = root / ".git"
        if own.is_file():
            named = _text(own)
            if not named.startswith("gitdir: "):
                return None
            own = _below(root, named.removeprefix("gitdir: "))
        if (own / "HEAD").is_file():
            common = own / "commondir"
            return root, own, _below(own, _text(common)) if common.is_file() else own
    return None


def _below(folder: Path, name: str) -> Path:
    """Where a path that a repository names leads.

    Raises:
        ValueError: to another machine, which would be told who asks.
    """
    if name.startswith(("//", "\\\\")):
        raise ValueError(name)
    return folder / name


def _commit(own: Path, shared: Path) -> str:
    """The hash that HEAD stands for; empty before the first commit and where it cannot be read."""
    text = _text(own / "HEAD")
    for _ in range(5):  # one name may stand for another
        if not text.startswith("ref: refs/") or ".." in text:
            break
        name = text.removeprefix("ref: ")
        loose = [folder / name for folder in (own, shared) if (folder / name).is_file()]
        text = _text(loose[0]) if loose else _packed(shared / "packed-refs", name)
    return text if _HASH.fullmatch(text) else ""


def _packed(file: Path, name: str) -> str:
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8", errors="replace") as lines:
        found = (line.partition(" ") for line in lines)
        return next((commit for commit, _, ref in found if ref.rstrip("\n") == name), "")


def _text(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.read(_LONGEST).strip()


def _is_changed(root: Path, own: Path, shared: Path, commit: str) -> bool:
    program = find_program("git")
    if program is None or not (own / "index").is_file():
        return False
    with tempfile.TemporaryDirectory(prefix="srkit-git-") as name:
        asked = Path(name)
        (asked / "refs").mkdir()
        (asked / "HEAD").write_text(f"{commit}\n", encoding="ascii")
        wide = "[extensions]\nobjectFormat = sha256\n" if len(commit) == 64 else ""
        version = f"repositoryformatversion = {1 if wide else 0}\n"
        (asked / "config").write_text(_SETTINGS + version + wide, encoding="ascii")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
            "GIT_DIR": str(asked),
            "GIT_WORK_TREE": str(root),
            "GIT_INDEX_FILE": str(own / "index"),
            "GIT_OBJECT_DIRECTORY": str(shared / "objects"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        command = [program, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"]
        done = subprocess.run(
            command, cwd=asked, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE
        )
        return done.returncode == 0 and bool(done.stdout.strip())
