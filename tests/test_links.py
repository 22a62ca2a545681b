"""Links inside folders: found, refused, never opened, filled or emptied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.links import folder_inside, is_link, odd_in, open_no_follow, refuse_links, remove_folder
from srkit.locks import held, is_held


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a file that nothing may happen to."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "precious").write_text("as it was")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "file").touch()
    return folder


def test_links_are_found_at_any_depth_and_not_entered(own: Path, elsewhere: Path) -> None:
    (elsewhere / "inner").symlink_to(elsewhere)
    links = [own / "file", own / "deep" / "folder", own / "deep" / "deeper" / "gone"]
    for link, target in zip(links, (elsewhere / "precious", elsewhere, own / "nowhere"), strict=True):
        link.symlink_to(target)
    assert sorted(odd_in(own)) == sorted(links)
    assert all(map(is_link, links)) and not is_link(own) and not is_link(own / "nothing")


def test_a_refusal_names_the_link_and_where_it_leads(own: Path, elsewhere: Path) -> None:
    refuse_links(own)
    (own / "deep" / "events").symlink_to(elsewhere)
    with pytest.raises(UserError) as refused:
        refuse_links(own)
    assert f"{own / 'deep' / 'events'} is a link to {elsewhere}" in str(refused.value)
    assert "Remove" in str(refused.value)


def test_of_many_links_three_are_named(own: Path, elsewhere: Path) -> None:
    for number in range(5):
        (own / str(number)).symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"and 2 more") as refused:
        refuse_links(own)
    assert str(refused.value).count("is a link to") == 3


def test_the_way_to_a_folder_may_lead_through_links(own: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(own)
    refuse_links(tmp_path / "link")
    assert folder_inside(tmp_path / "link", "a", "b").is_dir() and (own / "a" / "b").is_dir()
    with open_no_follow(tmp_path / "link" / "new", "w") as file:
        file.write("x")
    assert (own / "new").read_text() == "x"


def test_a_pipe_is_no_file(own: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(own / "metrics.jsonl")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        refuse_links(own)


@pytest.mark.parametrize("mode", ["w", "a", "r", "r+b", "wb", "ab", "a+b"])
@pytest.mark.parametrize("target", ["precious", "new"])
def test_nothing_is_opened_through_a_link(own: Path, elsewhere: Path, mode: str, target: str) -> None:
    (own / "link").symlink_to(elsewhere / target)
    with pytest.raises(UserError, match="is a link to"):
        open_no_follow(own / "link", mode)
    assert (elsewhere / "precious").read_text() == "as it was" and not (elsewhere / "new").exists()


def test_a_link_is_seen_before_where_the_system_has_no_flag_for_it(
    own: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srkit.links.NO_FOLLOW", 0)
    (own / "link").symlink_to(elsewhere / "precious")
    with pytest.raises(UserError, match="is a link to"):
        open_no_follow(own / "link", "w")
    assert (elsewhere / "precious").read_text() == "as it was"


def test_an_error_of_another_kind_is_the_system_s(own: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_no_follow(own / "none" / "file", "w")


@pytest.mark.parametrize("names", [("link",), ("link", "below"), ("deep", "link")])
def test_no_folder_is_made_through_a_link(own: Path, elsewhere: Path, names: tuple[str, ...]) -> None:
    (own / "link").symlink_to(elsewhere)
    (own / "deep" / "link").symlink_to(elsewhere / "new")
    with pytest.raises(UserError, match="is a link to"):
        folder_inside(own, *names)
    assert [one.name for one in elsewhere.iterdir()] == ["precious"]


def test_deleting_a_folder_spares_what_links_lead_to(own: Path, elsewhere: Path) -> None:
    (own / "link").symlink_to(elsewhere)
    with pytest.raises(UserError, match="is a link to"):
        remove_folder(own / "link")
    (own / "deep" / "link").symlink_to(elsewhere)
    remove_folder(own / "deep")
    assert not (own / "deep").exists() and (elsewhere / "precious").read_text() == "as it was"


def test_a_lock_is_not_taken_through_a_link(own: Path, elsewhere: Path) -> None:
    (own / ".lock").symlink_to(elsewhere / "lock")
    with pytest.raises(UserError, match="is a link to"), held(own / ".lock", "busy"):
        pass
    assert not is_held(own / ".lock") and not (elsewhere / "lock").exists()


def test_windows_junctions_are_links(monkeypatch: pytest.MonkeyPatch) -> None:
    class Junction:
        """What Windows says of one; its cloud placeholders, which stand for nothing else, have another tag."""

        st_mode = 0o040777
        st_reparse_tag = 0xA0000003

    monkeypatch.setattr(Path, "lstat", lambda _: Junction)
    assert is_link(Path("junction"))
    monkeypatch.setattr(Junction, "st_reparse_tag", 0x9000001A)
    assert not is_link(Path("placeholder"))
