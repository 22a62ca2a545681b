"""What leaves srkit can do nothing where it arrives: terminal, spreadsheet, Markdown, LaTeX, a page."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srkit.errors import ExperimentError, Problem, UserError
from srkit.printable import as_csv, as_html, as_json, as_latex, as_markdown, code_span, printable, printable_lines

HOSTILE = {
    "clear screen": "\x1b[2J",
    "link": "\x1b]8;;http://evil\x1b\\x",
    "title": "\x9d0;x\x9c",
    "C1 colour": "\x9b31m",
    "bell, back, return": "\a\b\r",
    "line": "a\nerror: b",
    "next line": "a\x85b",
    "separators": "a\u2028b\u2029c",
    "right to left": "\u202egnp.exe",
    "isolates": "\u2066a\u2069",
    "marks": "\u200e\u200f\u061c",
    "nothing to see": "a\u200bb\u200cc\u200dd\u2060e\ufefff\xadg\u3164h\u115fi\u180ej\u034fk",
    "tags": "a\U000e0041\U000e007f",
    "bytes that are no text": "a\udcff",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_seen_is_spelled_out(text: str) -> None:
    shown = printable(text)
    assert all(one.isprintable() for one in shown) and "\\" in shown
    assert shown.encode("latin-1", "replace") and shown.encode()  # no surrogate is left
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["plain", "größe 写真 фото.png", "e\u0301", "🙂.png", "a b", "\u00a0\u3000", "\\x1b"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert printable(text) == text


def test_how_it_is_spelled() -> None:
    assert printable("\x1b[1m\u202e\n\U000e0041\udcff") == r"\x1b[1m\u202e\n\U000e0041\udcff"
    assert printable_lines("a\n\tb\x1b\r") == "a\n\tb\\x1b\\r"


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_of_unicodes_controls_gets_through(text: str) -> None:
    for one in printable(text):
        assert unicodedata.category(one) not in ("Cc", "Zl", "Zp", "Cs")
        assert unicodedata.bidirectional(one) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize(
    "text",
    ["=cmd()", "+a", "-a", "@SUM(1)", "\t=1", "\r=1", "  =1", "\n=1", "'=1", '"=1', "\uff1d1", "\uff0ba", "\uff0da", "\uff20a", "\u00a0=1",
     "-5x", "+1+1", "-2-3", "=1+1", "-", "+-1", "-1e5,=b", "-nan"],
)  # fmt: skip
def test_a_cell_is_no_formula(text: str) -> None:
    row = io.StringIO()
    csv.writer(row).writerow([as_csv(text)])
    (cell,) = next(csv.reader(io.StringIO(row.getvalue())))
    # what is not seen is spelled out, which begins no formula either
    assert cell.startswith(("'", "\\")) and "\n" not in cell


@pytest.mark.parametrize(
    "text", ["+1.56", "-0.0003", "-5", "+1e-5", "-inf", "+inf", "-.5", "12", "espcn", "a-b", "inf"]
)
def test_a_number_and_a_name_stay(text: str) -> None:
    assert as_csv(text) == text


@pytest.mark.parametrize("number", [-1.5, 3, None, True])
def test_what_is_no_text_stays_what_it_is(number: object) -> None:
    assert as_csv(number) is number


def test_a_json_document_says_the_same_without_them() -> None:
    text = "".join(HOSTILE.values()) + "größe 写真"
    document = json.dumps({text: [text]}, ensure_ascii=False, indent=1)
    shown = as_json(document)
    assert printable_lines(shown) == shown and "größe 写真" in shown
    assert json.loads(shown) == {text: [text]}
    assert tomllib.loads(as_json('a = "\u202e\x9b"')) == {"a": "\u202e\x9b"}


class Reader(HTMLParser):
    """What a browser makes of a page: elements with attributes, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", ["<script>x</script>", "</script>", '" onload="x', "' onload='x", "&lt;", "a\u202eb"])
def test_html_is_text_in_elements_and_attributes(text: str) -> None:
    page = Reader(f"<p title=\"{as_html(text)}\" class='{as_html(text)}'>{as_html(text)}</p>")
    assert page.elements == [("p", {"title": printable(text), "class": printable(text)})]
    assert page.text == printable(text)


MARKUP = [
    "<img src=x onerror=y>", "[a](http://b)", "![a](b)", "http://evil.com", "HTTPS://evil.com", "www.evil.com",
    "ftp://a.b", "a@b.com", "mailto:a@b.com", "**a**", "__a__", "*a*", "~~a~~", "`a`", "a|b", "a\nb", "a\r\n# b", "a\u2028b",
    "&lt;b&gt;", "<!-- a", "\\<b>", "\\[a](b)", "$x$", "[^1]", "[ ]", "x\x1b[1m",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_is_text_to_a_renderer(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it", reason="comes with rich")
    renderer = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    page = Reader(
        renderer.render(f"| a {as_markdown(text)} | second |\n| --- | --- |\n| b {as_markdown(text)} | second |")
    )
    kinds = [kind for kind, _ in page.elements]
    assert kinds == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert page.text.split("\n").count("second") == 2
    assert f"b {printable(text)}" in page.text.split("\n")


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_has_no_address_that_becomes_a_link_by_itself(text: str) -> None:
    assert not re.search(r"(?<!\\)://|www\.|mailto:|@|<", as_markdown(text), re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "shown"), [("a.png", "`a.png`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\nb", r"`a\nb`")]
)
def test_a_span_of_code_ends_where_it_should(text: str, shown: str) -> None:
    assert code_span(text) == shown


@pytest.mark.parametrize(
    "text", [r"\input{/etc/passwd}", r"\write18{rm}", "^^5cinput", "a&b\\\\", "a_b^c~d", "{}$%#", "a\nb"]
)
def test_latex_is_text(text: str) -> None:
    shown = as_latex(text)
    known = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[&%$#_{}]"
    rest = re.sub(known, "", shown)
    assert not re.search(r"[\\&%$#_^~]", rest) and "\n" not in shown


@pytest.mark.parametrize("text", ["[5cm]", "*", "[x]"])
def test_behind_the_end_of_a_row_nothing_is_an_option(text: str) -> None:
    assert as_latex(text)[0] == "{"


def test_the_text_of_an_error_is_printable_in_python_too() -> None:
    error = UserError("a\x1b[31m\u202e", "b\nc")
    assert str(error) == "a\\x1b[31m\\u202e\nb\\nc" and f"{error}" == "a\\x1b[31m\\u202e b\\nc"
    problem = Problem("no \x1b[2J", file="an\x1bfile.toml", line=3)
    assert str(ExperimentError([problem])) == "an\\x1bfile.toml:3: no \\x1b[2J"
