"""The page in Chromium: the slider moves, all versions zoom in step, nothing is asked for, nothing is complained of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from srkit.evaluation.curves import Series
from srkit.evaluation.report.page import render
from srkit.evaluation.validated_on import ValidatedOn
from tests.evaluation.report.browser import Page, browser_path, browsing
from tests.evaluation.report.made import contents

CHROMIUM = browser_path()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this system's path to show the page (apt-get install chromium)"
)

HANDLE = "document.querySelector('.photo:not([hidden]) .handle')"
STAGE = "document.querySelector('.photo:not([hidden]) .stage')"
VALUE = f"{HANDLE}.getAttribute('aria-valuenow')"
VIEWS = "[...document.querySelectorAll('.photo:not([hidden]) img')]"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(contents(size=(96, 64))), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    assert CHROMIUM is not None
    with browsing(CHROMIUM) as page:
        try:
            page.tell("Browser.getVersion")
        except (OSError, AssertionError):
            pytest.skip(f"{CHROMIUM} is there and does not start")
        yield page


@pytest.fixture
def page(browser: Page, file: Path) -> Iterator[Page]:
    """The page, opened anew; afterwards it must have complained of nothing and asked for nothing but itself."""
    browser.open(file.as_uri())
    yield browser
    assert browser.trouble == []
    assert browser.requests == [file.as_uri()]


def middle(page: Page, selector: str) -> tuple[float, float]:
    """Where an element's middle is in the view, scrolled to."""
    box = page.ask(
        f"(() => {{ const e = {selector}; e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
        " return [b.left + b.width / 2, b.top + b.height / 2, b.width]; })()"
    )
    return box[0], box[1]


def test_the_line_moves_by_keyboard(page: Page) -> None:
    page.ask(f"{HANDLE}.focus()")
    assert page.ask(VALUE) == "50"
    page.press("ArrowLeft")
    page.press("ArrowLeft", shift=True)
    assert page.ask(VALUE) == "39"
    assert page.ask(f"{HANDLE}.getAttribute('aria-valuetext')") == "39% bicubic, 61% first"
    page.press("End")
    assert page.ask(VALUE) == "100"
    assert page.ask(f"getComputedStyle({HANDLE}).outlineStyle") == "solid"


def test_the_line_moves_by_pointer(page: Page) -> None:
    x, y = middle(page, STAGE)
    page.drag((x, y), (x + 100, y + 20))
    width = page.ask(f"{STAGE}.clientWidth")
    assert float(page.ask(VALUE)) == pytest.approx(50 + 100 * 100 / width, abs=1)
    page.drag((x - 60, y), (x - 60, y))  # a click moves it too
    assert float(page.ask(VALUE)) == pytest.approx(50 - 60 * 100 / width, abs=1)


def test_all_versions_zoom_and_move_in_step(page: Page) -> None:
    page.ask(f"{STAGE}.focus()")
    page.press("+")
    page.press("+")
    page.press("ArrowRight")
    shares = page.ask(
        f"{VIEWS}.map((image) => {{ const i = image.getBoundingClientRect(), v = image.parentElement"
        ".getBoundingClientRect(); return [(v.left - i.left) / i.width, (v.top - i.top) / i.height, v.width / i.width];"
        " })"
    )
    assert len(shares) == 2 + 4
    for left, top, seen in shares:
        assert seen == pytest.approx(1 / 2.25, abs=1e-3)
        assert top == pytest.approx((1 - 1 / 2.25) / 2, abs=1e-3)
        assert left == pytest.approx((1 - 1 / 2.25) / 2 + 0.1 / 2.25, abs=1e-3)
    before = page.ask(VALUE)
    x, y = middle(page, STAGE)
    page.drag((x - 100, y), (x - 200, y))  # what is enlarged is moved, the line stays
    assert page.ask(VALUE) == before
    moved = page.ask("parseFloat(document.querySelector('.viewer').style.getPropertyValue('--x'))")
    assert moved == pytest.approx(1.25 / 2 + 0.1 + 100 / page.ask(f"{STAGE}.clientWidth"), abs=0.01)


def test_the_pair_is_chosen_and_what_is_shown_is_said(page: Page) -> None:
    page.ask(
        "(() => { const s = document.querySelector('[data-side=left]'); s.value = 'original';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    x, y = middle(page, f"{VIEWS}.at(-1)")
    page.drag((x, y), (x, y))
    labels = page.ask(f"[...{STAGE}.querySelectorAll('.label')].map((one) => one.textContent)")
    assert labels == ["second 27.00 dB", "original"]
    assert page.ask(f"{STAGE}.getAttribute('aria-label')") == "original left of the line, second right of it"
    assert page.ask(f"{STAGE}.querySelector('.before img').src === {VIEWS}.at(-4).src")
    assert page.ask(f"{VIEWS}.every((image) => image.complete && image.naturalWidth === 96)")


def test_photos_are_tabs(page: Page) -> None:
    page.ask("document.querySelector('[role=tab]').focus()")
    page.press("ArrowRight")
    assert page.ask("document.activeElement.textContent") == "01.png"
    assert page.ask("[...document.querySelectorAll('.photo')].map((one) => one.hidden)") == [True, False]
    page.press("Home")
    assert page.ask("[...document.querySelectorAll('.photo')].map((one) => one.hidden)") == [False, True]


def test_values_are_read_off_the_lines_and_runs_hidden(page: Page) -> None:
    page.ask("document.querySelector('svg.plot').focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    reading = page.ask("document.querySelector('.reading').textContent").split("\n")
    assert reading[0] == "step 10" and float(reading[1].removeprefix("first")) == pytest.approx(12, rel=0.02)
    page.ask("document.querySelector('[data-toggles=\"0\"]').click()")
    hidden = (
        "[...document.querySelectorAll('g[data-run=\"0\"]')].every((one) => getComputedStyle(one).display === 'none')"
    )
    assert page.ask(hidden)
    page.press("ArrowRight")
    assert page.ask("document.querySelector('.reading').textContent").split("\n")[1].startswith("second")


def test_a_run_that_was_over_has_a_dash_and_the_baseline_its_value(browser: Page, tmp_path: Path) -> None:
    whole = contents()
    long, short = whole.subjects
    ended = {name: Series(one.steps[:10], one.values[:10]) for name, one in short.curves.metrics.items()}
    scores = {"psnr-y": Series((50,), (27.5,))}
    sets = {"validated_on": ValidatedOn("set5", 2, "", frozenset("f"), ("bicubic", {"psnr-y": 26.5}))}
    curves = replace(short.curves, metrics=ended, validation=scores, **sets)
    subjects = [replace(long, curves=replace(long.curves, **sets)), replace(short, curves=curves)]
    path = tmp_path / "report.html"
    path.write_text(render(replace(whole, subjects=subjects)), encoding="utf-8", newline="\n")
    browser.open(path.as_uri())

    def read(chart: str, key: str, times: int) -> list[str]:
        browser.ask(f"{chart}.querySelector('svg.plot').focus()")
        for _ in range(times):
            browser.press(key)
        return str(browser.ask(f"{chart}.querySelector('.reading').textContent")).split("\n")

    loss = "document.querySelectorAll('.chart')[0]"
    assert read(loss, "ArrowRight", 10)[0] == "step 50"
    assert "\u2013" not in "".join(read(loss, "ArrowRight", 0))
    after = read(loss, "ArrowRight", 1)
    assert after[0] == "step 55" and after[2] == "second  \u2013" and "\u2013" not in after[1]
    score = "[...document.querySelectorAll('.chart')].find((one) => one.textContent.includes('PSNR-Y of validation'))"
    last = read(score, "ArrowLeft", 1)
    assert last[0] == "step 100" and last[2:] == ["second  \u2013", "bicubic  26.5"]
    assert browser.trouble == []


def test_light_and_dark(browser: Page, file: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    browser.open(file.as_uri(), dark=True)
    browser.ask("localStorage.clear()")
    dark = browser.ask(background)
    browser.open(file.as_uri())
    light = browser.ask(background)
    assert dark != light
    switch = "document.querySelector('[data-do=theme]')"
    assert browser.ask(f"{switch}.getAttribute('aria-pressed')") == "false"
    browser.ask(f"{switch}.click()")
    assert browser.ask(background) == dark and browser.ask(f"{switch}.getAttribute('aria-pressed')") == "true"
    browser.ask("localStorage.clear()")
    assert browser.trouble == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(browser: Page, file: Path, width: int) -> None:
    browser.open(file.as_uri(), (width, 740))
    assert browser.ask("document.documentElement.scrollWidth") <= width
    small = "[...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && e.textContent.trim() &&"
    small += " !e.closest('svg') && parseFloat(getComputedStyle(e).fontSize) < 12).length"
    assert browser.ask(small) == 0


def test_without_scripts_all_photos_are_there(browser: Page, file: Path) -> None:
    browser.open(file.as_uri(), script=False)
    assert browser.ask("1") == 1  # the tab's own scripts are off, the debugger's are not
    assert browser.ask("[...document.querySelectorAll('.photo')].every((one) => one.checkVisibility())")
    assert not browser.ask("document.querySelector('.tools').checkVisibility()")
