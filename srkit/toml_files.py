"""TOML that somebody wrote: read without a surprise."""

from __future__ import annotations

import re
from typing import Any

import tomli

__all__ = ["NotToml", "parsed_toml"]

_LONG_NUMBER = re.compile(r"[\d_]{4300,}")
"""What Python takes no number from."""


class NotToml(ValueError):
    """A text that is no TOML.

    Attributes:
        why: what is wrong, in a few words.
        line: the line it stands in, from 1, where that is known.
    """

    def __init__(self, why: str, line: int | None = None) -> None:
        self.why = why
        self.line = line
        super().__init__(why)


def parsed_toml(text: str) -> dict[str, Any]:
    """`tomli.loads`, with one kind of error whatever is wrong.

    Raises:
        NotToml: it is no TOML, its lists or tables are nested too deep, or a number in it has thousands of digits.
    """
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise NotToml(error.msg, error.lineno) from None
    except RecursionError:
        raise NotToml("lists or tables are nested too deep") from None
    except ValueError:  # Python's limit on digits
        found = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        raise NotToml("a number has thousands of digits", line) from None
