"""From what a TOML file holds to what an annotation asks for; msgspec converts, this says plainly what did not fit."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from srkit.errors import nearest


class BadValue(ValueError):
    """A value that does not fit its annotation. `str()` is a sentence without the key; `hint` the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


def convert(value: Any, annotation: Any, base: Path) -> Any:
    """The value as the annotation asks for it.

    Args:
        value: what tomli gave.
        annotation: a type that msgspec knows, with `Path` allowed alone, in a union or in a list.
        base: the folder that relative paths are relative to.

    Raises:
        BadValue: with what was found and what was expected.
    """
    if _holds_path(annotation):
        return _convert_path(value, annotation, base)
    # one alternative at a time: msgspec 0.22 crashes the interpreter on some unions (a bounded number | a fixed tuple)
    for part in _alternatives(annotation):
        try:
            return msgspec.convert(value, part, strict=True)
        except msgspec.ValidationError as error:
            detail = str(error)
    raise BadValue(_sentence(value, annotation, detail), _hint(value, annotation))


def _holds_path(annotation: Any) -> bool:
    return annotation is Path or any(_holds_path(part) for part in get_args(annotation) if part is not annotation)


def _convert_path(value: Any, annotation: Any, base: Path) -> Any:
    parts = _alternatives(annotation)
    others = [part for part in parts if not _holds_path(part)]
    if others:
        try:
            return convert(value, Union[tuple(others)], base)  # noqa: UP007  (built from a list at run time)
        except BadValue:
            pass  # a path, then
    if Path in parts and isinstance(value, str):
        return (base / Path(value).expanduser()).resolve()
    sequences = [part for part in parts if get_origin(part) in (list, tuple)]
    if sequences and isinstance(value, list) and all(isinstance(item, str) for item in value):
        paths = [(base / Path(item).expanduser()).resolve() for item in value]
        return paths if get_origin(sequences[0]) is list else tuple(paths)
    raise BadValue(_sentence(value, annotation, ""))


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        if get_origin(inner) not in (Union, types.UnionType):
            return [annotation]
        return [Annotated[(part, *metas)] for part in _alternatives(inner)]
    if get_origin(annotation) in (Union, types.UnionType):
        # TOML has no null: an option that may be None is one that may be left out
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return [one for part in parts for one in _alternatives(part)]
    return [annotation]


def choices(annotation: Any) -> list[str]:
    """The words an annotation's Literals allow."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in choices(part)]


def _hint(value: Any, annotation: Any) -> str:
    return nearest(value, [str(word) for word in choices(annotation)]) if isinstance(value, str) else ""


def _sentence(value: Any, annotation: Any, detail: str) -> str:
    sentence = f"found {found(value)}, expected {expected(annotation)}"
    # msgspec says where in a list or table the fault is; that is worth keeping
    place = detail.rpartition(" - at `$")[2].rstrip("`") if " - at `$" in detail else ""
    return sentence + (f" (at {place})" if place else "")


_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    Path: "a path",
    type(None): "nothing",
    list: "a list",
    dict: "a table",
}


def expected(annotation: Any) -> str:
    """An annotation in a reader's words.

    >>> expected(int | tuple[int, int])
    'a whole number or a list of 2: a whole number, a whole number'
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return expected(arguments[0]) + _bounds(arguments[1:])
    if origin is Literal:
        return "one of " + ", ".join(repr(word) for word in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(expected(part) for part in arguments if part is not type(None))
    if origin is list:
        return f"a list, each {expected(arguments[0])}"
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each {expected(arguments[0])}"
        return f"a list of {len(arguments)}: " + ", ".join(expected(part) for part in arguments)
    if origin is dict:
        return f"a table, each value {expected(arguments[1])}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bounds(metas: tuple[Any, ...]) -> str:
    words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}
    bounds = [
        f"{sign} {getattr(meta, key)}"
        for meta in metas
        if isinstance(meta, msgspec.Meta)
        for key, sign in words.items()
        if getattr(meta, key) is not None
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def found(value: Any) -> str:
    """A TOML value as it may be shown in a message, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"the text {value!r}" if isinstance(value, str) else "a table" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
