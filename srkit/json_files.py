"""JSON that srkit wrote and somebody may have changed since: read without a surprise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from srkit.errors import UserError
from srkit.plain_files import plain_text

__all__ = ["DAMAGED", "as_type", "parsed", "read_object"]

LARGEST = 500_000_000
"""Bytes; the largest file of this kind, the manifest of a million prepared photos, has half as many."""

DAMAGED = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)
"""What taking a file apart raises where it holds something else than was written."""

DEEPEST, TOO_DEEP = 100, "lists or objects are nested too deep"

T = TypeVar("T")


def read_object(path: Path, what: str = "") -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        what: what the file should be, as "a scores.json of srkit".

    Raises:
        UserError: it is not there, too large, no JSON, or holds something else than an object; names the file.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise _refused(path, what, "it is larger than anything srkit writes there")
        content = parsed(plain_text(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise _refused(path, what, error) from None
    if _is_deep(content):
        raise _refused(path, what, TOO_DEEP)
    if not isinstance(content, dict):
        raise _refused(path, what, f"it holds {_ENGLISH[type(content)]} in place of an object")
    return content


def parsed(text: str | bytes) -> Any:
    """`json.loads`, with a ValueError also where lists or objects are nested too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def _is_deep(content: Any) -> bool:
    """Whether walking through it by functions that call themselves could end the process."""
    level = [content]
    for _ in range(DEEPEST):
        parts = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [below for part in parts for below in part if isinstance(below, (dict, list))]
        if not level:
            return False
    return True


def as_type(content: Any, kind: type[T], path: Path, what: str = "") -> T:
    """What a file holds as a dataclass or struct.

    Raises:
        UserError: it has another form; names the file and the place in it.
    """
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _refused(path, what, error) from None


_ENGLISH = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _refused(path: Path, what: str, why: object) -> UserError:
    return UserError(f"{path}: not {what}: {why}" if what else f"{path} cannot be read: {why}")
