"""Whose code may be loaded: what the user installed, and own files that the user said yes to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srkit.errors import UserError
from srkit.registry.own_code import CodeFile, Place, place_of
from srkit.registry.trusted import read_trusted, trust_code, trust_folder, why_refused

__all__ = ["NOT_BUILT", "Question", "Trust", "Untrusted"]

NOT_BUILT = "not built: code you have not trusted"


@dataclass(frozen=True)
class Question:
    """What somebody is asked before own code runs.

    Attributes:
        file: the file that an experiment names.
        places: what would be trusted from then on.
    """

    file: CodeFile
    places: tuple[Place, ...]


class Untrusted(UserError):
    """A component is own code that was not trusted.

    Attributes:
        message: what was found, with the file's hash.
        hint: what to type once it was read.
        file: the code.
        attribute: what it was to give.
    """

    def __init__(self, message: str, hint: str, file: Path, attribute: str = "") -> None:
        self.message, self.hint, self.file, self.attribute = message, hint, file, attribute
        super().__init__(f"{message} {hint}")


class Trust:
    """What a user lets srkit load beside installed packages, in one command.

    Args:
        everything: `--trust` was given: own code and programs in files are loaded without a question.
        ask: answers whether a place may be trusted from now on; None where nobody can be asked.
    """

    def __init__(self, everything: bool = False, ask: Callable[[Question], bool] | None = None) -> None:
        self.everything = everything
        self._ask = ask
        self._granted: set[Place] = set()
        self._denied: set[Place] = set()

    def require(self, file: Path, named_in: Iterable[Path] = (), attribute: str = "") -> None:
        """Load nothing of a file unless it, and whatever names it, is trusted.

        Args:
            file: the real path of a Python file.
            named_in: the folders of the files that have a say in what it is called with.
            attribute: what is wanted of it; for the error.

        Raises:
            Untrusted: with the file's hash and what to type.
        """
        if self.everything:
            return
        own = place_of(file.parent)
        places = dict.fromkeys([*(place_of(one) for one in named_in), own])
        code = CodeFile.read(file)
        if astray := next((one for one in places if one.is_run and file.parent != one.code), None):
            message = f"{NOT_BUILT}: {code}, and a run's files may name only what lies in {astray.code}."
            raise Untrusted(message, f"Read it, then give --trust for this command{_alone(file)}.", file, attribute)
        missing = tuple(one for one in places if not self._is_trusted(one))
        if not missing or self._allowed(Question(code, missing)):
            return
        raise Untrusted(*_refusal(code, missing), file, attribute)

    def require_folder(self, folders: Iterable[Path], what: str) -> None:
        """Do something that reaches beyond reading files only for experiments in trusted folders.

        Raises:
            Untrusted: with what to type.
        """
        untrusted = [one for one in map(place_of, folders) if one.is_run or not self._is_trusted(one)]
        if untrusted and not self.everything:
            way_out = "give --trust for this command alone" if untrusted[0].is_run else _command(untrusted[:1])
            message = f"{what}, and {untrusted[0].folder} is not a folder that you trust."
            raise Untrusted(message, f"Read the file, then {way_out}", Path())

    def record_code(self, run: Path) -> None:
        """Trust the copies of own code that a run of this user's has just written, wherever they go.

        What only `--trust` let in is not written down.

        Raises:
            UserError: that cannot be written down.
        """
        place = Place(run.resolve(), is_run=True)
        if not self.everything and place.code.is_dir():
            trust_code(place.digest(), run)

    def _is_trusted(self, place: Place) -> bool:
        if place in self._granted:
            return True
        known = read_trusted()
        return place.digest() in known.code if place.is_run else known.has_folder(place.folder)

    def _allowed(self, question: Question) -> bool:
        can_be = not any(one in self._denied or (not one.is_run and why_refused(one.folder)) for one in question.places)
        if self._ask is None or not can_be:
            return False
        if not self._ask(question):
            self._denied |= set(question.places)
            return False
        for place in question.places:
            self._granted.add(place)
            if place.is_run:
                trust_code(place.digest(), place.folder)
            else:
                trust_folder(place.folder)
        return True


def _refusal(code: CodeFile, missing: Sequence[Place]) -> tuple[str, str]:
    """The fact and the way out."""
    run = next((one for one in missing if one.is_run), None)
    whole = f", of a run's code with the sha256 {run.digest()}" if run is not None else ""
    message = f"{NOT_BUILT}: {code}{whole}."
    for place in missing:
        if not place.is_run and (why := why_refused(place.folder)):
            hint = f"{place.folder} is never trusted ({why}): keep code and experiments in a folder of their own"
            return message, f"{hint}, or read it and give --trust for this command alone."
    return message, f"Read it, then type: {_command(missing)}"


def _command(places: Sequence[Place]) -> str:
    # the command comes last, so that nothing is copied with it
    return " && ".join(f"srkit trust {shlex.quote(str(one.folder))}" for one in places)


def _alone(file: Path) -> str:
    return f" alone, or copy {file.name} beside an experiment of your own"
