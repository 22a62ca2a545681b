"""HTML and SVG out of Python: whatever is not markup yet is escaped on its way into it."""

from __future__ import annotations

from srkit.printable import as_html as escape

__all__ = ["Html", "joined", "tag"]

VOID = {"img", "input", "link", "meta", "br", "hr", "wbr", "line", "path", "polyline", "circle", "rect"}
"""Elements that are written without an end: HTML's own, and SVG's that hold nothing here."""

SHAPES = {"line", "path", "polyline", "circle", "rect"}


class Html(str):
    """Text that is markup already; any other text is escaped when it becomes a part of a page."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: object) -> Html:
    """An element.

    >>> tag("p", "a < b", tag("b", "c"), class_="note", data_run=1, hidden=True, title=None)
    '<p class="note" data-run="1" hidden>a &lt; b<b>c</b></p>'

    Args:
        name: of the element.
        children: markup, or text, which is escaped; None is nothing.
        attributes: underscores stand for hyphens, one at the end is dropped; True gives a bare attribute, None and
            False none.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.removesuffix("_").replace("_", "-")
        words.append(label if value is True else f'{label}="{escape(str(value))}"')
    if name in VOID:
        return Html(f"<{' '.join(words)}{'/' if name in SHAPES else ''}>")
    return Html(f"<{' '.join(words)}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Html:
    """Several pieces, one behind the other."""
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in children if one is not None))
