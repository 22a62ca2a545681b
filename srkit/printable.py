"""Text as it may leave srkit: what a reader cannot see is spelled out, and nothing in it is taken for markup."""

from __future__ import annotations

import html
import re

__all__ = ["as_csv", "as_html", "as_json", "as_latex", "as_markdown", "code_span", "printable", "printable_lines"]

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters: ESC begins colours, links, titles
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # invisible ones
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # of no width; those that turn the direction of what follows
    "\u2028\u2029"  # line and paragraph separators
    "\ufe00-\ufe0f\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # marks, tags
    "\ud800-\udfff"  # what a file's name has in place of bytes that are no text
)
_HIDDEN = re.compile(f"[\t\n{_UNSEEN}]")
_HIDDEN_IN_LINES = re.compile(f"[{_UNSEEN}]")


def printable(text: str) -> str:
    r"""Text in one line, with every character that cannot be seen spelled out as Python writes it.

    >>> print(printable("a\x1b[2J\nb"))
    a\x1b[2J\nb
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_spelled, text)


def printable_lines(text: str) -> str:
    """The same for text of several lines of srkit's own making: line ends and tabs stay."""
    return text if text.isascii() and text.isprintable() else _HIDDEN_IN_LINES.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def as_json(document: str) -> str:
    r"""A JSON document, whose strings alone can hold such characters, that says the same without them.

    >>> as_json('{"a\x7f": 1}')
    '{"a\\u007f": 1}'
    """
    return _HIDDEN_IN_LINES.sub(_json_escape, document)


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def as_html(text: str) -> str:
    """Text inside of an element or of a quoted attribute."""
    return html.escape(printable_lines(text))


_FORMULA = re.compile("[\\s'\"]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


def as_csv(cell: object) -> object:
    """A cell that no spreadsheet computes: a number stays one, and what begins as a formula gets an apostrophe.

    >>> as_csv("=cmd()"), as_csv("+1.56"), as_csv(-2.5)
    ("'=cmd()", '+1.56', -2.5)
    """
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]inf", re.ASCII)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


_MARKDOWN = {
    **{one: f"\\{one}" for one in "\\`*_[]!|~$"},
    # as entities, which every renderer knows, also those that know no escape of these
    **{one: f"&#{ord(one)};" for one in "<>&@"},
}
_LINK = re.compile(r"(www(?=\.)|(mailto|xmpp)(?=:)|(?=://))", re.IGNORECASE)
"""Behind which an address would become a link by itself."""


def as_markdown(text: str) -> str:
    r"""Text in one line, with no HTML, link, picture or emphasis in it.

    >>> print(as_markdown("<b> [a](b) http://c"))
    &#60;b&#62; \[a\](b) http\://c
    """
    escaped = "".join(_MARKDOWN.get(one, one) for one in printable(text))
    return _LINK.sub(lambda found: f"{found[0]}\\", escaped)


def code_span(text: str) -> str:
    """Text as code of Markdown, in which only its own end has a meaning.

    >>> print(code_span("a.png"), code_span("a`b"))
    `a.png` ``a`b``
    """
    text = printable(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    room = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{room}{text}{room}{fence}"


_LATEX = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "±": "$\\pm$",
    "†": "$\\dagger$",
    **{one: f"\\{one}" for one in "&%$#_{}"},
    **{one: f"{{{one}}}" for one in "[]*"},  # behind the end of a row they would be its options
}


def as_latex(text: str) -> str:
    r"""Text in one line as LaTeX shows it.

    >>> print(as_latex("a_b 5%"))
    a\_b 5\%
    """
    return "".join(_LATEX.get(one, one) for one in printable(text))
