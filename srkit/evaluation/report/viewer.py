"""The photos: a slider between two versions, and all of them beside each other, zoomed in step by the script."""

from __future__ import annotations

from collections.abc import Sequence

from srkit.evaluation.report.contents import Kept, Shown
from srkit.evaluation.report.encoding import StripPicture
from srkit.evaluation.report.markup import Html, joined, tag

__all__ = ["strips_html", "viewer_html"]

TIMES = "\N{MULTIPLICATION SIGN}"


def viewer_html(number: int, title: str, photos: Sequence[Shown], urls: Sequence[Sequence[str]]) -> Html:
    """One set's photos. Without the script all of them stand below each other, each with all its versions.

    Args:
        number: of the set, for the page's ids.
        title: of the set, for a screen reader.
        photos: that are shown.
        urls: of each photo's pictures.
    """
    panels = [
        _panel(f"photo-{number}-{place}", photo, own)
        for place, (photo, own) in enumerate(zip(photos, urls, strict=True))
    ]
    return tag("div", _tabs(number, photos), _tools(title, photos), *panels, class_="viewer", data_viewer=True)


def _tabs(number: int, photos: Sequence[Shown]) -> Html:
    tabs = [
        tag(
            "button",
            photo.name,
            type="button",
            role="tab",
            id=f"tab-photo-{number}-{place}",
            aria_controls=f"photo-{number}-{place}",
            aria_selected="true" if place == 0 else "false",
            tabindex=0 if place == 0 else -1,
        )
        for place, photo in enumerate(photos)
    ]
    return tag("div", *tabs, role="tablist", aria_label="Photos", class_="tabs scripted")


def _tools(title: str, photos: Sequence[Shown]) -> Html:
    models = list(dict.fromkeys(picture.model for photo in photos for picture in photo.pictures))
    return tag(
        "div",
        tag("label", tag("span", "left"), _choice("left", models)),
        tag("button", "\N{LEFT RIGHT ARROW}", type="button", data_do="swap", aria_label="Swap left and right"),
        tag("label", tag("span", "right"), _choice("right", models)),
        tag(
            "div",
            _zoom_button("out", "\N{MINUS SIGN}", "Zoom out"),
            tag("output", f"1{TIMES}", data_zoom=True, title="Pixels of the screen for one of the picture"),
            _zoom_button("in", "+", "Zoom in"),
            _zoom_button("fit", "fit", "Show the whole picture"),
            _zoom_button("one", "1:1", "One pixel of the picture for one of the screen"),
            role="group",
            aria_label="Zoom of all pictures",
            class_="zoom",
        ),
        class_="tools scripted",
        role="group",
        aria_label=f"Compare on {title}",
    )


def _choice(side: str, models: Sequence[str]) -> Html:
    return tag("select", *(tag("option", one, value=one) for one in models), data_side=side)


def _zoom_button(what: str, shown: str, name: str) -> Html:
    return tag("button", shown, type="button", data_do=what, aria_label=name)


def _panel(identity: str, photo: Shown, urls: Sequence[str]) -> Html:
    height, width = photo.pictures[0].pixels.shape[:2]
    versions = [
        tag(
            "li",
            tag(
                "figure",
                tag(
                    "div",
                    tag(
                        "img",
                        src=url,
                        width=width,
                        height=height,
                        alt=f"{photo.name}: {picture.model}{f', {picture.score}' if picture.score else ''}",
                    ),
                    class_="view",
                ),
                tag("figcaption", tag("span", picture.model), tag("span", picture.score, class_="score")),
            ),
            data_model=picture.model,
            data_score=picture.score,
        )
        for picture, url in zip(photo.pictures, urls, strict=True)
    ]
    return tag(
        "div",
        tag("h4", photo.name, class_="unscripted"),
        tag("ol", *versions, class_="strip"),
        tag("p", _where(photo), class_="how"),
        id=identity,
        class_="photo",
        role="tabpanel",
        aria_labelledby=f"tab-{identity}",
        data_width=width,
        data_height=height,
    )


def _where(photo: Shown) -> Html:
    width, height = photo.size
    if photo.is_whole:
        return joined(f"{width} {TIMES} {height} pixels, the whole picture.")
    left, top, across, down = photo.part
    return joined(
        f"{across} {TIMES} {down} pixels out of {width} {TIMES} {height}, from {left} to the right and {top} down: "
        "the part with the most detail."
    )


def strips_html(strips: Sequence[Kept], there: Sequence[StripPicture]) -> Html | None:
    """Strips that runs kept, with a word on those that found no room; nothing where there are none."""
    if not strips:
        return None
    left = len(strips) - len(there)
    return joined(*map(_strip, there), tag("p", f"{left} more strips found no room.", class_="how") if left else None)


def _strip(one: StripPicture) -> Html:
    name = f"{one.strip.run}: {one.strip.file.stem}"
    picture = tag("img", src=one.url, width=one.size[0], height=one.size[1], alt=f"strip of {name}")
    scrolled = tag("div", picture, class_="wide", tabindex=0, role="region", aria_label=f"strip of {name}")
    return tag("figure", tag("figcaption", name), scrolled, class_="kept")
