"""A run as a process that saves and ends when the one that started it says so or is gone: its standard input ends."""

from __future__ import annotations

import _thread
import os
import runpy
import signal
import sys
import threading

__all__ = ["main"]

STANDARD_INPUT = 0


def main() -> None:
    """Do as `python -m srkit` does with the same arguments, watching standard input."""
    # a shell that starts something in the background has Ctrl-C ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_interrupt_at_end, daemon=True).start()
    sys.argv[0] = "srkit"
    runpy.run_module("srkit", run_name="__main__", alter_sys=False)


def _interrupt_at_end() -> None:
    """Wait for the end of standard input, then do as Ctrl-C does."""
    while os.read(STANDARD_INPUT, 1024):
        pass
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)  # also out of a call that waits
    else:
        _thread.interrupt_main(signal.SIGINT)  # Windows has no such signal


if __name__ == "__main__":
    main()
