"""Files that appear whole or not at all: written aside in the same folder, then renamed into place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srkit.errors import UserError


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Gives a path to write to; when the block ends well, that file takes the place of `path` in one step.

    The name aside begins with a dot, so that a dataset of the folder never picks up a half-written picture. After an
    error nothing is left behind and what stood at `path` stays.

    Raises:
        UserError: the folder is missing or read-only, or the disk is full; names the path.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        aside.unlink(missing_ok=True)
