"""Libraries that srkit does without: imported when a component needs one, with the line that installs it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from srkit.errors import OptionError

__all__ = ["library"]


def library(module: str, extra: str) -> Any:
    """A module of a library that comes with one of srkit's extras.

    Args:
        module: its name, such as `schedulefree`.
        extra: the extra that brings it.

    Raises:
        OptionError: it is not installed; says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = (error.name or module).partition(".")[0]
        raise OptionError(
            "use", f"this needs the library {name!r}, which is not installed: pip install 'srkit[{extra}]'."
        ) from error
