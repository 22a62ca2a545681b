"""srkit: experiments with image super-resolution out of interchangeable parts."""

import sys

_asked = zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and any("m" in one and two[:5] == "srkit" for one, two in _asked):
    # `python -m srkit` looks for modules first in the folder one stands in. Nothing there may be taken for one of ours
    # or of Python's own, so that folder goes before anything else is imported, `__future__` included.
    del sys.path[0]

from srkit.api import bench, component, load, run

__all__ = ["__version__", "bench", "component", "contract", "load", "run"]

__version__ = "0.1.0"

contract = 1
"""The version of what components are called with and give: what a plugin may declare that it was written for."""
