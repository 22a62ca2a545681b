"""Words while something takes long before a run begins, or while pictures are checked."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST, AGAIN = 5.0, 20.0


def patiently(doing: str, notice: Callable[[str], None]) -> Callable[[int, int], None]:
    """What to call with (done, in all): says how far it is after 5 seconds, and then every 20.

    Args:
        doing: begins the sentence: "looking at the training pictures".
        notice: where it goes.
    """
    begun = time.monotonic()
    due = begun + FIRST

    def progress(done: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now < due or not 0 < done < total:
            return
        due = now + AGAIN
        left = (now - begun) / done * (total - done)
        shown = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
        notice(f"{doing}: {done:,} of {total:,}, about {shown} left")

    return progress


def impatiently(notice: Callable[[str], None]) -> Callable[[str], None]:
    """What `look_at` calls with the name of a picture that it has been waiting for."""
    return lambda name: notice(f"warning: still waiting for {name}; is its drive there? Ctrl-C ends it")
