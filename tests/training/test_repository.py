"""The commit of a manifest: right, and found without running anything that the repository names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from srkit.programs import find_program
from srkit.training.repository import git_commit

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="git makes the repositories")

PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
NAME = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    assert GIT is not None
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | PLAIN
    command = [GIT, *NAME, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    monkeypatch.chdir(folder)
    return folder


@needs_git
def test_the_commit_and_whether_files_were_changed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert git_commit() == commit
    (repository / "new.txt").write_text("not tracked\n")
    assert git_commit() == commit
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    assert git_commit() == commit
    (repository / "a.txt").write_text("two\n")
    assert git_commit() == f"{commit}+"
    git(repository, "add", "a.txt")
    assert git_commit() == f"{commit}+"
    (repository / "a.txt").write_text("one\n")
    git(repository, "add", "a.txt")
    os.utime(repository / "a.txt", (1, 1))
    assert git_commit() == commit


@needs_git
def test_packed_refs_detached_heads_and_work_trees(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    git(repository, "gc", "-q")
    assert git_commit() == commit
    git(repository, "worktree", "add", "-q", "-b", "other", str(repository.parent / "other"))
    git(repository, "checkout", "-q", "--detach")
    assert git_commit() == commit
    monkeypatch.chdir(repository.parent / "other")
    assert git_commit() == commit
    (repository.parent / "other" / "a.txt").write_text("else\n")
    assert git_commit() == f"{commit}+"


@needs_git
def test_nothing_the_repository_names_is_run(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = repository.parent / "ran"
    program = repository / "evil.sh"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {marker}\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil merge=evil text\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "hooks").mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "pre-auto-gc"):
        shutil.copy(program, repository / "hooks" / hook)
    (repository / "included").write_text(f"[core]\nfsmonitor = {program}\nsshCommand = {program}\n")
    with (repository / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\nfsmonitor = {program}\nhooksPath = {repository / 'hooks'}\npager = {program}\neditor = {program}\n"
            f'sshCommand = {program}\n[diff]\nexternal = {program}\n[diff "evil"]\ntextconv = {program}\n'
            f'[filter "evil"]\nclean = {program}\nsmudge = {program}\nprocess = {program}\nrequired = true\n'
            f'[alias]\nstatus = !{program}\nrev-parse = !{program}\n[includeIf "gitdir:**"]\n'
            f"path = {repository / 'included'}\n[pager]\nstatus = {program}\n[credential]\nhelper = !{program}\n"
        )
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    shutil.copy(program, repository / "git")  # a program of that name in the folder one stands in
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", str(repository), os.environ["PATH"])))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_EXEC_PATH", str(repository))
    os.utime(repository / "a.txt", (1, 1))
    assert git_commit() == commit
    (repository / "a.txt").write_text("two\n")
    assert git_commit() == f"{commit}+"
    assert not marker.exists()


@needs_git
def test_a_submodule_s_configuration_is_not_read(repository: Path) -> None:
    marker = repository.parent / "ran"
    program = repository.parent / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    inner = repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "b.txt").write_text("b\n")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    git(repository, "add", "inner")
    git(repository, "commit", "-qm", "with a repository inside")
    git(inner, "config", "core.fsmonitor", str(program))
    marker.unlink(missing_ok=True)
    (inner / "b.txt").write_text("c\n")
    assert git_commit() == git(repository, "rev-parse", "HEAD")
    assert not marker.exists()


def test_outside_of_a_repository_and_in_a_damaged_one_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert git_commit() == ""
    (tmp_path / ".git").mkdir()
    for head in ("ref: refs/heads/none\n", "ref: ../../../../etc/passwd\n", "ref: refs/../../secret\n", "garbage", ""):
        (tmp_path / ".git" / "HEAD").write_text(head)
        assert git_commit() == ""
    shutil.rmtree(tmp_path / ".git")
    for link in ("gitdir: //host/share/x\n", "gitdir: \\\\host\\share\n", "gitdir: nowhere\n", "what"):
        (tmp_path / ".git").write_text(link)
        assert git_commit() == ""


def test_a_program_is_never_taken_from_the_current_folder_or_a_relative_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = ".exe" if os.name == "nt" else ""
    for folder in ("here", "here/sub", "system"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"nvidia-smi{ending}").write_text("#!/bin/sh\n")
        (tmp_path / folder / f"nvidia-smi{ending}").chmod(0o755)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", "sub", str(tmp_path / "here"))))
    assert find_program("nvidia-smi") is None
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", "sub", str(tmp_path / "here"), str(tmp_path / "system"))))
    found = find_program("nvidia-smi")
    assert found is not None and Path(found).parent == tmp_path / "system"
