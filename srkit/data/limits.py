"""How large an image may be and how much memory decoding may take: two variables of the environment, and defaults."""

from __future__ import annotations

import os
import re
from functools import cache

from srkit.errors import UserError

__all__ = ["DECODE_MEMORY", "MAX_PIXELS", "decode_memory", "in_words", "max_pixels", "require_limits"]

DECODE_MEMORY, MAX_PIXELS = "SRKIT_DECODE_MEMORY", "SRKIT_MAX_PIXELS"

_MOST_PIXELS = 100_000_000
_LEAST_MEMORY = 1 << 20
_UNKNOWN = 4_000_000_000  # where the system does not say what is free
_LOCAL_RANKS = "LOCAL_WORLD_SIZE"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def max_pixels() -> int:
    """The most pixels of an image that lies in a folder: `SRKIT_MAX_PIXELS`, by default 100 million.

    Raises:
        UserError: the variable holds something else than a whole number above 0.
    """
    text = os.environ.get(MAX_PIXELS, "")
    if not text:
        return _MOST_PIXELS
    plain = text.replace("_", "").strip()
    if not (plain.isascii() and plain.isdecimal() and 0 < len(plain) < 19 and int(plain)):
        raise UserError(f"{MAX_PIXELS}={text!r} is no number of pixels; write a whole number such as {_MOST_PIXELS}")
    return int(plain)


def decode_memory() -> int:
    """Bytes that decoding may take at a time: `SRKIT_DECODE_MEMORY`, by default half of what is free at first.

    Raises:
        UserError: the variable holds no size.
    """
    text = os.environ.get(DECODE_MEMORY, "")
    return _size(text) if text else _half_of_free()


def require_limits() -> None:
    """Say what is wrong with the variables before any image is looked at.

    Raises:
        UserError: naming the variable.
    """
    max_pixels()
    if text := os.environ.get(DECODE_MEMORY, ""):
        _size(text)


def in_words(size: int) -> str:
    """A number of bytes for a reader.

    >>> in_words(4_249_000_000)
    '4.2 GB'
    """
    if size < 1_000_000_000:
        return f"{max(1, round(size / 1_000_000)):,} MB"
    return f"{size / 1_000_000_000:,.1f} GB"


@cache
def _size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = 0
    if match is not None and len(match[1]) < 19:
        size = int(float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2].lower() or " "))
    if size < _LEAST_MEMORY:
        raise UserError(f"{DECODE_MEMORY}={text!r} is no size of memory; write one above 1 MiB, such as 4GB or 500MB")
    return size


@cache
def _half_of_free() -> int:
    # once in a process: what decoding itself takes would make it smaller and smaller
    from srkit.data.free_memory import free_memory  # not on the way to a list

    free = free_memory()
    ranks = os.environ.get(_LOCAL_RANKS, "")
    share = int(ranks) if ranks.isdecimal() and int(ranks) else 1
    return max(_LEAST_MEMORY, (_UNKNOWN if free is None else free // 2) // share)
