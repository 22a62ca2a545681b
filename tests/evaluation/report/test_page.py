"""The page as a file: whole, valid, nothing outside of it, nothing in it that was not escaped, small enough."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tomli

from srkit.evaluation.report.markup import VOID
from srkit.evaluation.report.page import render
from tests.evaluation.report.made import NAMES, comparison, contents, subject

NASTY = "<script>alert('1 & 2')</script>\"><img src=x onerror=alert(1)>${body}{{7*7}}"
IMPLIED = {"p", "li"}
"""Elements that HTML lets stay open; this page closes them."""


class Reader(HTMLParser):
    """Reads a page, and notes what is not as it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {tag} {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, f"<{tag}/>"
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    return render(contents())


@pytest.fixture(scope="module")
def page(text: str) -> Reader:
    return Reader(text)


def test_ids_are_unique_and_what_refers_to_one_finds_it(page: Reader) -> None:
    attributes = [one for _, one in page.elements]
    ids = [one["id"] for one in attributes if "id" in one]
    assert len(set(ids)) == len(ids)
    links = [one["href"][1:] for one in page.all("a") if one["href"]]
    wanted = [one[name] for one in attributes for name in ("aria-controls", "aria-labelledby") if name in one]
    assert {*links, *wanted} <= set(ids)
    assert {"scores", "photos", "curves", "balance", "experiments", "provenance"} <= set(ids)


def test_everything_has_a_name_for_those_who_do_not_see_it(page: Reader) -> None:
    assert all(one.get("alt") for one in page.all("img"))
    assert all(one.get("aria-label") for one in page.all("div") if one.get("role") in ("region", "group", "tablist"))
    assert all(one.get("scope") for one in page.all("th"))
    tables = len(page.all("table"))
    assert tables == len(page.all("caption")) > 4


def test_the_page_asks_for_nothing(text: str, page: Reader) -> None:
    addresses = [
        one[name] or "" for _, one in page.elements for name in ("src", "href", "srcset", "action") if name in one
    ]
    assert addresses and all(one.startswith(("data:", "#")) for one in addresses)
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org)", re.sub(r'"data:[^"]*"', "", text))


def test_its_policy_lets_nothing_in_but_its_own_style_and_script(text: str, page: Reader) -> None:
    policy = next(
        one["content"] or "" for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    for kind, element in (("style-src", "style"), ("script-src", "script")):
        own = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert len(own) == 1
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"
    assert not any(name == "style" or name.startswith("on") for _, one in page.elements for name in one)


def test_each_picture_is_there_once(text: str) -> None:
    pictures = re.findall(r"data:image/webp;base64,[^\"]+", text)
    assert len(pictures) == len(set(pictures)) == 2 * (2 + len(NAMES))


def test_names_are_escaped_wherever_they_stand() -> None:
    own = replace(
        contents((NASTY, "second")),
        made=NASTY,
        notes=(NASTY,),
        studies=(comparison((NASTY,)),),
    )
    nasty = subject(NASTY, text=f'scale = 2 # {NASTY}\n"{NASTY}" = 1', state=NASTY)
    nasty = replace(
        nasty, experiment={**nasty.experiment, NASTY: NASTY}, manifest={"versions": {NASTY: NASTY}, "x": NASTY}
    )
    chapter = replace(own.chapters[0], title=NASTY, notes=(NASTY,))
    chapter = replace(
        chapter, photos=[replace(one, name=f"{NASTY}{number}") for number, one in enumerate(chapter.photos)]
    )
    text = render(replace(own, subjects=[nasty, own.subjects[1]], chapters=[chapter]))
    page = Reader(text)
    assert len(page.all("script")) == 1 and "alert" not in re.findall(r"<script>(.*)</script>", text, re.DOTALL)[-1]
    assert all((one["src"] or "").startswith("data:image/webp") for one in page.all("img"))
    assert sum(NASTY in one for one in page.texts) > 10


def test_five_models_on_ten_photos_take_less_than_15_mb() -> None:
    """Of noise, which no format makes smaller: photographs of this size would do without any loss."""
    text = render(contents([f"model {number}" for number in range(5)], photos=10, size=(280, 210)))
    assert len(re.findall("data:image/webp", text)) == 70
    assert 5_000_000 < len(text) < 15_000_000
    assert "as WebP of quality" in text


def test_few_pictures_are_kept_without_loss(text: str) -> None:
    assert "as WebP without loss" in text


def test_a_run_that_has_nothing_yet_is_a_page_too() -> None:
    bare = subject("bare", state="not finished: step 0 of 9, no checkpoint yet", manifest={}, experiment={}, text="")
    bare = replace(bare, curves=replace(bare.curves, metrics={}, validation={}))
    page = Reader(render(replace(contents(), subjects=[bare], chapters=[])))
    assert "bare" in page.texts and "not finished: step 0 of 9, no checkpoint yet" in page.texts
    assert not page.all("img") and not page.all("svg")


def test_the_parts_of_the_page_come_with_the_package() -> None:
    root = Path(__file__).parents[3]
    declared = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    taken = {file for pattern in declared["srkit"] for file in (root / "srkit").glob(pattern)}
    parts = {
        one for one in (root / "srkit" / "evaluation" / "report").iterdir() if one.is_file() and one.suffix != ".py"
    }
    assert len(parts) == 5 and parts <= taken
