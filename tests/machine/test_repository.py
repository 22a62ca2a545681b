"""The commit in the manifest, asked of git without running what a repository's own configuration names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from srkit.machine.programs import program
from srkit.machine.repository import git_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "a@b.c")
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "--quiet")
    (folder / "a.txt").write_text("one\n")
    git("add", "a.txt")
    git("commit", "--quiet", "-m", "first")
    return folder


def test_the_commit_and_a_plus_where_a_tracked_file_changed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git("rev-parse", "HEAD")
    assert git_commit() == commit
    (repository / "untracked.txt").write_text("x")
    assert git_commit() == commit
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    assert git_commit() == commit
    (repository / "a.txt").write_text("two\n")
    assert git_commit() == commit + "+"
    git("add", "-A", "..")
    assert git_commit() == commit + "+"


def test_packed_references_other_work_trees_and_detached_heads(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "HEAD")
    git("pack-refs", "--all")
    assert git_commit() == commit
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    assert git_commit() == commit
    (tmp_path / "other" / "a.txt").write_text("two\n")
    assert git_commit() == commit + "+"
    monkeypatch.chdir(repository)
    git("checkout", "--quiet", "--detach")
    assert git_commit() == commit


def test_outside_of_one_before_the_first_commit_and_in_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert git_commit() == ""
    git("init", "--quiet")
    assert git_commit() == ""
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert git_commit() == ""
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/../../../etc/passwd\n")
    assert git_commit() == ""


COMMANDS = {
    "fsmonitor": "[core]\nfsmonitor = {program}\n",
    "hooks": "[core]\nhooksPath = {folder}\n",
    "filter": '[filter "x"]\nclean = {program}\nsmudge = {program}\nprocess = {program}\nrequired = true\n',
    "textconv": '[diff "x"]\ntextconv = {program}\ncommand = {program}\n[diff]\nexternal = {program}\n',
    "pager": "[core]\npager = {program}\n[pager]\nstatus = {program}\n",
    "alias": "[alias]\nstatus = !{program}\n",
    "include": "[include]\npath = {folder}/more.config\n",
}


@pytest.mark.skipif(os.name == "nt", reason="the commands are shell scripts")
@pytest.mark.parametrize("case", COMMANDS)
def test_no_command_of_the_repository_s_configuration_runs(case: str, repository: Path, tmp_path: Path) -> None:
    folder, ran = tmp_path / "commands", tmp_path / "ran"
    folder.mkdir()
    for name in ("evil", "post-index-change", "fsmonitor-watchman"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
        (folder / name).chmod(0o755)
    (folder / "more.config").write_text(COMMANDS["fsmonitor"].format(program=folder / "evil", folder=folder))
    with (repository / ".git" / "config").open("a") as file:
        file.write(COMMANDS[case].format(program=folder / "evil", folder=folder))
    (repository / ".gitattributes").write_text("* filter=x diff=x\n")
    (repository / "a.txt").write_text("two\n")
    assert git_commit().endswith("+")
    assert not ran.exists()


@pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")
def test_a_program_in_the_current_folder_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\n")
    (tmp_path / "git").chmod(0o755)
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", str(tmp_path), "bin"]))
    assert program("git") is None
    shutil.copy(tmp_path / "git", tmp_path / "bin" / "git")
    monkeypatch.setenv("PATH", os.pathsep.join([".", str(tmp_path / "bin")]))
    assert program("git") == str(tmp_path / "bin" / "git")
