"""`srkit run` in several processes under torchrun: one of them speaks."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from srkit.errors import SaidElsewhere, SrkitError


@contextmanager
def once_a_machine() -> Iterator[None]:
    """While inside, only the first process of each machine speaks: what is read there all of them find alike."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        yield
        return
    try:
        with redirect_stderr(io.StringIO()):
            yield
    except SrkitError as error:
        raise SaidElsewhere(error.exit_code) from error
