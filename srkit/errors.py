"""The errors a user can cause, and how they are said: the fact, the choices, the next step; never a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from srkit.printable import printable

FAILURES = (Exception, SystemExit)
"""What code of anybody's may raise: `sys.exit()` in a component or a hook is its failure, and ends no command."""


class SrkitError(Exception):
    """Something went wrong that is not the user's input; the command ends with exit code 1 and this one message.

    Args:
        lines: the message; several are its lines, and a line end within one of them is no such.
    """

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The message, line by line."""
        return tuple(map(str, self.args)) or (type(self).__name__,)

    def __str__(self) -> str:
        return "\n".join(map(printable, self.lines))

    def __format__(self, how: str) -> str:
        """Inside of another sentence it is one line."""
        return format(" ".join(printable(line.strip()) for line in self.lines), how)

    def about(self, where: str) -> SrkitError:
        """The same error, and as much the user's, with the name of what it is about in front."""
        kind = UserError if isinstance(self, UserError) else SrkitError
        return kind(f"{where}: {self}")

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message and its notes, as the command line does, and no traceback."""
        shown = [f"{type(self).__name__}: {self.lines[0]}", *self.lines[1:], *getattr(self, "__notes__", ())]
        return list(map(printable, shown))


class UserError(SrkitError):
    """The user's input is wrong; the command ends with exit code 2 and this one message."""

    exit_code = 2


class SrkitWarning(UserWarning):
    """What srkit itself warns of from Python; of all warnings the command line shows these, and those of own code."""


class SaidElsewhere(SrkitError):
    """Another process of the same run says what went wrong; this one ends without a word."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__("another process of this run says what went wrong")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in an experiment file.

    Attributes:
        message: what was found and what was expected.
        key: the dotted path of the value (`generator.channels`), empty where no key is to blame.
        file: the file the value comes from, or `--set`.
        line: the line in that file, from 1.
        hint: the nearest known name or the way out.
        severity: "error", or "warning" for what does not keep the experiment from running.
    """

    message: str
    key: str = ""
    file: str = ""
    line: int | None = None
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = self.file + (f":{self.line}" if self.line is not None else "")
        head = " ".join(part for part in (where, f"{self.key}:" if self.key else "") if part)
        if head and not self.key:
            head += ":"
        return f"{head} {self.message}{f' {self.hint}' if self.hint else ''}".strip()


def in_line_order(problems: Iterable[Problem], files: Sequence[str]) -> list[Problem]:
    """Problems in the order of these files and the lines in each; before them those of the command line."""
    ranks = {file: rank for rank, file in enumerate(dict.fromkeys(files))}
    return sorted(problems, key=lambda one: (ranks.get(one.file, -1), one.line or 0))


class ExperimentError(UserError):
    """All problems of one experiment file, together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(map(str, self.problems))


class OptionError(UserError):
    """Raised by a component's factory that cannot do what it is asked.

    Args:
        key: the option (or `scale`, `channels`) that cannot be met.
        why: the reason and what is possible, as a sentence.
    """

    def __init__(self, key: str, why: str) -> None:
        self.key = key
        self.why = why
        self.pick: Any = None
        """The pick that was being built; filled in by whoever called the factory."""
        super().__init__(f"{key}: {why}")


class BadImage(UserError):
    """A picture that cannot be used: unreadable, truncated, too small, too large. Its message begins with the path."""

    def __init__(self, path: Path | str, why: str) -> None:
        self.path = Path(path)
        self.why = why
        super().__init__(f"{path}: {why}")


class TooLarge(BadImage):
    """An image larger than `SRKIT_MAX_PIXELS` or `SRKIT_DECODE_MEMORY` allow; true only as long as these stay."""


def text_of(error: object) -> str:
    """What anybody's error says of itself, in one line; also where asking it raises, or gives no text."""
    try:
        return " ".join(str(error).split())
    except BaseException as second:  # whatever it is, it is that error's own
        return f"its text cannot be shown, since __str__ raises {type(second).__name__}"


def in_short(error: object) -> str:
    """Type and text of anybody's error in one line; the type alone where it has no text."""
    name, said = type(error).__name__, text_of(error)
    return f"{name}: {said}" if said else name


def value_in_short(value: object) -> str:
    """Anybody's value as Python writes it, in one line; its type where it cannot be written."""
    try:
        return " ".join(repr(value).split())[:200]
    except BaseException as error:  # as above
        return f"a {type(value).__name__} whose __repr__ raises {type(error).__name__}"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known names, or the empty string.

    >>> nearest("espnc", ["espcn", "rrdb"])
    "Did you mean 'espcn'?"
    """
    close = nearest_names(name, known)
    return f"Did you mean {' or '.join(repr(one) for one in close)}?" if close else ""


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are probably meant, the nearest first; at most three."""
    names = list(dict.fromkeys(known))
    # a qualified name only where the bare one is not there to be meant
    names = [one for one in names if ":" in name or ":" not in one or one.rpartition(":")[2] not in names]
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    close += [one for one in names if len(name) > 2 and one.startswith(name) and one not in close][: 3 - len(close)]
    return close
