"""From what a TOML file holds to what an annotation asks for; msgspec converts, this says plainly what did not fit."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from srkit.errors import nearest

LISTS = (list, tuple, Sequence)
TABLES = (dict, Mapping)


class BadValue(ValueError):
    """A value that does not fit its annotation. `str()` is a sentence without the key; `hint` the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class _Misfit(Exception):
    """What does not fit an alternative, by its place inside the value: `[1].x`."""

    def __init__(self, place: str = "") -> None:
        self.place = place


def convert(value: Any, annotation: Any, base: Path | None) -> Any:
    """The value as the annotation asks for it.

    Args:
        value: what tomli gave.
        annotation: a type that msgspec knows, with `Path` allowed wherever a type may stand.
        base: the folder that relative paths are relative to; None where no path may be named.

    Raises:
        BadValue: with what was found and what was expected.
    """
    try:
        return _fitted(value, annotation, base)
    except _Misfit as misfit:
        if base is None and _holds_path(annotation):
            raise BadValue(f"found {found(value)}, and a model file may name no path.") from None
        sentence = f"found {found(value)}, expected {expected(annotation)}"
        place = f" (at {misfit.place.removeprefix('.')})" if misfit.place else ""
        raise BadValue(f"{sentence}{place}.", _hint(value, annotation)) from None


def unsupported(annotation: Any) -> Any:
    """The part of an annotation that no TOML value can be converted to; None where all of it can."""
    for part in alternatives(annotation):
        bare = get_args(part)[0] if get_origin(part) is Annotated else part
        if bare is Path or bare is Any:
            continue
        if get_origin(bare) in (*LISTS, *TABLES):
            inner = [one for one in get_args(bare) if one is not Ellipsis]
            culprit = next((one for one in map(unsupported, inner) if one is not None), None)
            if culprit is not None:
                return culprit
            continue
        try:
            if isinstance(msgspec.inspect.type_info(part), msgspec.inspect.CustomType):
                return bare
        except (TypeError, ValueError, RuntimeError, NameError):
            return bare
    return None


def _fitted(value: Any, annotation: Any, base: Path | None) -> Any:
    # one alternative at a time: msgspec 0.22 crashes the interpreter on some unions (a bounded number | a fixed tuple);
    # paths last, since any text is one
    deepest = _Misfit()
    for part in sorted(alternatives(annotation), key=_holds_path):
        try:
            return _fitted_alternative(value, part, base)
        except _Misfit as misfit:
            deepest = max(deepest, misfit, key=lambda one: len(one.place))
    if (whole := _whole(value)) is not value:  # 1e3 is how one writes a thousand
        with suppress(_Misfit):
            return _fitted(whole, annotation, base)
    raise deepest


def _fitted_alternative(value: Any, part: Any, base: Path | None) -> Any:
    bare, metas = (get_args(part)[0], get_args(part)[1:]) if get_origin(part) is Annotated else (part, ())
    if bare is Path:
        if not isinstance(value, str) or base is None:
            raise _Misfit
        return (base / Path(value).expanduser()).resolve()
    if get_origin(bare) in LISTS and _needs_care(bare):
        return _list(value, bare, metas, base)
    if get_origin(bare) in TABLES and _needs_care(bare):
        return _table(value, bare, metas, base)
    return _by_msgspec(value, part)


def _by_msgspec(value: Any, annotation: Any) -> Any:
    try:
        return msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as error:
        # msgspec says where in a list or table the fault is
        raise _Misfit(str(error).rpartition(" - at `$")[2].rstrip("`") if " - at `$" in str(error) else "") from None


def _whole(value: Any) -> Any:
    """Floats that are whole numbers as such, in lists too; the very value where there are none."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list) and any(_whole(one) is not one for one in value):
        return [_whole(one) for one in value]
    return value


def _list(value: Any, annotation: Any, metas: tuple[Any, ...], base: Path | None) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    items = _by_msgspec(value, _with_metas(list[Any], metas))
    if origin is tuple and arguments[-1] is not Ellipsis:
        if len(items) != len(arguments):
            raise _Misfit
        asked = list(arguments)
    else:
        asked = [arguments[0]] * len(items)
    fitted = [
        _inside(item, one, base, f"[{place}]") for place, (item, one) in enumerate(zip(items, asked, strict=True))
    ]
    return tuple(fitted) if origin is tuple else fitted


def _table(value: Any, annotation: Any, metas: tuple[Any, ...], base: Path | None) -> Any:
    keys, values = get_args(annotation)
    whole: Any = types.GenericAlias(dict, (keys, Any))
    items = _by_msgspec(value, _with_metas(whole, metas))
    return {key: _inside(below, values, base, f".{key}") for key, below in items.items()}


def _with_metas(annotation: Any, metas: tuple[Any, ...]) -> Any:
    return Annotated[(annotation, *metas)] if metas else annotation


def _inside(value: Any, annotation: Any, base: Path | None, place: str) -> Any:
    try:
        return _fitted(value, annotation, base)
    except _Misfit as misfit:
        raise _Misfit(place + misfit.place) from None


def _needs_care(annotation: Any) -> bool:
    """Whether msgspec cannot be given it whole: it holds a union or a path."""
    if annotation is Path or get_origin(annotation) in (Union, types.UnionType):
        return True
    return get_origin(annotation) is not Literal and any(_needs_care(part) for part in get_args(annotation))


def _holds_path(annotation: Any) -> bool:
    return annotation is Path or any(_holds_path(part) for part in get_args(annotation) if part is not annotation)


def alternatives(annotation: Any) -> list[Any]:
    """The types a value may have: the members of a union without None, each with the bounds that hold for it."""
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        if get_origin(inner) not in (Union, types.UnionType):
            return [annotation]
        return [_bounded(part, metas) for part in alternatives(inner)]
    if get_origin(annotation) in (Union, types.UnionType):
        # TOML has no null: an option that may be None is one that may be left out
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return [one for part in parts for one in alternatives(part)]
    return [] if annotation is type(None) else [annotation]


def _bounded(part: Any, metas: list[Any]) -> Any:
    """An alternative of a union with those of the union's bounds that can hold for it."""
    numbers = ("ge", "gt", "le", "lt", "multiple_of")
    is_number = part in (int, float)
    kept = [
        meta
        for meta in metas
        if isinstance(meta, msgspec.Meta)
        and (is_number if any(getattr(meta, key) is not None for key in numbers) else get_origin(part) is not Literal)
    ]
    return _with_metas(part, tuple(kept))


def choices(annotation: Any) -> list[str]:
    """The words an annotation's Literals allow."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in choices(part)]


def _hint(value: Any, annotation: Any) -> str:
    words = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, dict)) else []
    known = [str(word) for word in choices(annotation)]
    close = (nearest(word, known) for word in words if isinstance(word, str) and word not in known)
    return next(filter(None, close), "") or (_unquoted(value, annotation) if isinstance(value, str) else "")


def _unquoted(value: str, annotation: Any) -> str:
    """What to write where a text holds what should not have been one."""
    parts = [get_args(one)[0] if get_origin(one) is Annotated else one for one in alternatives(annotation)]
    if bool in parts and value.strip().lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"Write {'true' if value.strip().lower() in ('true', 'yes', 'on') else 'false'}, without quotes."
    if int in parts or float in parts:
        try:
            number = float(value)
        except ValueError:
            return ""
        return f"Write {int(number) if number.is_integer() and float not in parts else number!r}, without quotes."
    return ""


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
        inner = arguments[0]
        if get_origin(inner) in (Union, types.UnionType):
            return " or ".join(expected(part) for part in alternatives(annotation))
        return expected(inner) + ("" if get_origin(inner) is Literal else _bounds(arguments[1:]))
    if origin is Literal:
        return "one of " + ", ".join(repr(word) for word in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(expected(part) for part in arguments if part is not type(None))
    if origin in (list, Sequence):
        return f"a list, each {expected(arguments[0])}"
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each {expected(arguments[0])}"
        return f"a list of {len(arguments)}: " + ", ".join(expected(part) for part in arguments)
    if origin in TABLES:
        return f"a table, each value {expected(arguments[1])}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bounds(metas: tuple[Any, ...]) -> str:
    words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": ", length >=", "max_length": ", length <="}
    bounds = [
        f"{sign} {getattr(meta, key)}"
        for meta in metas
        if isinstance(meta, msgspec.Meta)
        for key, sign in words.items()
        if getattr(meta, key) is not None
    ]
    return f" {' and '.join(bounds)}".replace(" ,", ",") if bounds else ""


def found(value: Any) -> str:
    """A TOML value as it may be shown in a message, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"the text {value!r}" if isinstance(value, str) else "a table" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def plain(value: Any) -> Any:
    """A default as JSON and TOML can hold it; what they cannot hold, as text."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
