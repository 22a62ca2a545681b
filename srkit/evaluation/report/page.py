"""The report as one HTML file: sections in order, style and script within, and a policy that lets nothing in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template

from srkit.evaluation.bench.entries import Comparison
from srkit.evaluation.curves import panels
from srkit.evaluation.report.charts import chart_grid, last_values, legend, panel_chart, scatter_chart
from srkit.evaluation.report.contents import Chapter, Contents, Subject
from srkit.evaluation.report.differences import different, file_html, flat, side_by_side
from srkit.evaluation.report.encoding import ROOM, Encoded, encode, encode_strips
from srkit.evaluation.report.markup import Html, joined, tag
from srkit.evaluation.report.provenance import OWN_FACTS, facts_of
from srkit.evaluation.report.tables import comparison_html, grid, note_list
from srkit.evaluation.report.viewer import strips_html, viewer_html

__all__ = ["render"]

PARTS = files("srkit.evaluation.report")


def render(contents: Contents) -> str:
    """The whole page. It asks for nothing outside of itself, and its policy would refuse it.

    Args:
        contents: at least one run.
    """
    style = _parts("report.css")
    script = f'\n"use strict";\n\n{_parts("viewer.js", "charts.js", "report.js")}'
    names = [one.name for one in contents.subjects]
    title = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    sections = list(_sections(contents))
    body = joined(
        _bar(sections),
        tag("main", _header(contents), *(content for _, _, content in sections)),
        tag("footer", tag("p", contents.made)),
    )
    return Template(_parts("report.html")).substitute(
        policy=_policy(style, script),
        title=tag("title", f"{title} - srkit report"),
        style=style,
        body=body,
        script=script,
    )


def _parts(*names: str) -> str:
    """Files of this folder, one behind the other."""
    return "\n".join(PARTS.joinpath(name).read_text(encoding="utf-8") for name in names)


def _policy(style: str, script: str) -> str:
    """The style and the script of this very page, pictures within it, and nothing else."""
    rules = ["default-src 'none'", "img-src data:", f"style-src {_hash(style)}", f"script-src {_hash(script)}"]
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _bar(sections: Sequence[tuple[str, str, Html]]) -> Html:
    links = [tag("a", title, href=f"#{identity}") for identity, title, _ in sections]
    switch = tag("button", "dark", type="button", data_do="theme", aria_pressed="false", class_="scripted")
    return tag("header", tag("nav", *links, aria_label="Sections"), switch, class_="bar")


def _header(contents: Contents) -> Html:
    subjects = contents.subjects
    title = subjects[0].name if len(subjects) == 1 else f"{len(subjects)} runs side by side"
    lines = [[one.name, one.state, *_setting(one)] for one in subjects]
    return joined(
        tag("h1", title),
        grid("The runs", ["run", "state", "network", "scale", "seed", "trained on"], lines, class_="runs"),
        note_list(contents.notes),
    )


def _setting(subject: Subject) -> list[str]:
    experiment = flat(subject.experiment)
    data = [experiment.get(f"data.train.{key}") for key in ("path", "use", "split")]
    return [
        experiment.get("generator.use", "-"),
        f"x{experiment['scale']}" if "scale" in experiment else "-",
        experiment.get("seed", "-"),
        " ".join(one for one in data if one) or "-",
    ]


def _sections(contents: Contents) -> Iterator[tuple[str, str, Html]]:
    """Id, title and content of each section that has something to show."""
    numbers = {one.name: number for number, one in enumerate(contents.subjects)}
    photos = [photo for chapter in contents.chapters for photo in chapter.photos]
    encoded = encode(photos)
    if contents.studies:
        tables = [_study(one) for one in contents.studies]
        yield "studies", "Studies", _section("studies", "Studies", *tables)
    scores = [_scores(chapter) for chapter in contents.chapters]
    if any(scores):
        yield "scores", "Scores", _section("scores", "Scores", *scores)
    if photos or any(chapter.notes for chapter in contents.chapters):
        parts = list(_viewers(contents.chapters, encoded))
        yield "photos", "Photos", _section("photos", "Photos", *parts)
    drawn = _curves(contents, numbers)
    if drawn:
        yield "curves", "Curves", _section("curves", "Curves", *drawn)
    plots = [scatter_chart(one, numbers) for chapter in contents.chapters for one in chapter.scatters]
    if plots:
        yield "balance", "Perception", _section("balance", "Perception and distortion", chart_grid(plots))
    yield "experiments", "Experiments", _section("experiments", "Experiments", *_experiments(contents.subjects))
    yield "provenance", "Provenance", _section("provenance", "Provenance", _provenance(contents.subjects))


def _section(identity: str, title: str, *content: Html | None) -> Html:
    return tag("section", tag("h2", title), *content, id=identity)


def _study(comparison: Comparison) -> Html:
    row = comparison.entries[0].row
    return joined(tag("h3", f"{row.set}, x{row.scale}: means over seeds"), comparison_html(comparison))


def _scores(chapter: Chapter) -> Html | None:
    if chapter.comparison is None:
        return None
    return joined(tag("h3", chapter.title), comparison_html(chapter.comparison))


def _viewers(chapters: Sequence[Chapter], encoded: Encoded) -> Iterator[Html]:
    if encoded.photos:
        yield tag("p", _KEYS, class_="how scripted")
        yield tag("p", encoded.form.in_words, class_="how")
    kept = encode_strips([one for chapter in chapters for one in chapter.strips], ROOM - encoded.size)
    place = 0
    for number, chapter in enumerate(chapters):
        if not chapter.photos and not chapter.notes:
            continue
        end = place + len(chapter.photos)
        photos, urls = encoded.photos[place:end], encoded.urls[place:end]
        place = end
        some = f"{len(photos)} of {chapter.of} photos, spread evenly over the set" if len(photos) < chapter.of else ""
        yield joined(
            tag("h3", chapter.title),
            tag("p", some, class_="how") if some and photos else None,
            note_list(chapter.notes),
            viewer_html(number, chapter.title, photos, urls) if photos else None,
            strips_html(chapter.strips, [one for one in kept if one.strip in chapter.strips]),
        )


_KEYS = (
    "Drag the line, or move it by the arrow keys. Zoom by the buttons, by + and \N{MINUS SIGN}, by pinching, or by the "
    "wheel with Ctrl; move the enlarged picture by dragging or by the arrow keys on it. All versions move in step. A "
    "version that is clicked goes to the right of the line, with Shift to its left."
)


def _curves(contents: Contents, numbers: dict[str, int]) -> list[Html]:
    """The charts under a legend that holds for all of them, and their last values as a table; none without numbers."""
    found = panels([one.curves for one in contents.subjects])
    if not found:
        return []
    runs = {line.run: numbers[line.run] for panel in found for line in panel.lines}
    table = grid("Last values", *last_values(found), class_="scores")
    return [
        legend({name: number for name, number in numbers.items() if name in runs}),
        chart_grid([panel_chart(panel, numbers) for panel in found]),
        tag("details", tag("summary", "Last values"), table),
    ]


def _experiments(subjects: Sequence[Subject]) -> Iterator[Html]:
    names, trees = [one.name for one in subjects], [flat(one.experiment) for one in subjects]
    if len(subjects) > 1:
        keys = different(trees)
        if keys:
            yield tag("p", f"What differs; marked where it is not as in {names[0]}.", class_="how")
            yield side_by_side("Settings that differ", names, trees, keys)
        else:
            yield tag("p", "All runs have the same settings.", class_="how")
    for one in subjects:
        mine = tag("summary", f"{one.name}: experiment.toml")
        yield tag("details", mine, file_html(one.text, subjects[0].text), class_="file")


def _provenance(subjects: Sequence[Subject]) -> Html:
    columns = [facts_of(one.manifest) for one in subjects]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    names = [one.name for one in subjects]
    return side_by_side("What the runs were made with", names, columns, keys, OWN_FACTS)
