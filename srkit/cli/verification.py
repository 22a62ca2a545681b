"""Whether components can be imported, each tried in a process of its own that may crash or hang without harm."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from srkit.errors import FAILURES
from srkit.machine.programs import safe_children
from srkit.registry import Listing, Registry, kind_named

PATIENCE = 120.0
"""Seconds an import may take."""


def verified(listings: Sequence[Listing]) -> list[Listing]:
    """The listings after a real import of each, as many at a time as there are processors."""
    with safe_children(), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(partial(_verified, _processes()), listings))


def _processes() -> Any:
    """Where the system can, processes that begin with torch in them, which each would else import anew."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", __name__])
    return context


def _verified(processes: Any, listing: Listing) -> Listing:
    if listing.state == "broken":
        return listing
    answers, answer = processes.Pipe(duplex=False)
    entry = listing.entry
    process = processes.Process(target=_import, args=(entry.kind.plural, entry.qualified, Path.cwd(), answer))
    process.start()
    answer.close()  # so that a process that dies is the end of the pipe
    try:
        if not answers.poll(PATIENCE):
            return replace(listing, state="broken", reason=f"its import takes longer than {PATIENCE:.0f} seconds")
        reason = answers.recv_bytes().decode()
    except EOFError:
        process.join()
        reason = f"its import ended the process with {process.exitcode}"
    finally:
        process.kill()
        process.join()
        answers.close()
    return replace(listing, state="broken", reason=reason) if reason else listing


def _import(kind: str, qualified: str, folder: Path, answer: Connection) -> None:
    """In the process: send what is wrong, or nothing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a component reads or prints is not for the list
        os.dup2(nowhere, stream)
    try:
        Registry.installed().find(kind_named(kind), qualified, folder)
    except FAILURES as error:
        answer.send_bytes(" ".join(str(error).split()).encode())
    else:
        answer.send_bytes(b"")
