"""Environments of their own, without a network and without installing everything anew."""

from __future__ import annotations

import os
import sysconfig
import venv
from pathlib import Path


def environment(place: Path) -> Path:
    """The Python of an environment of its own that sees what is installed here."""
    venv.create(place, with_pip=False)
    paths = {"base": str(place), "platbase": str(place)}
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
    site = Path(sysconfig.get_path("purelib", scheme, vars=paths))
    here = sysconfig.get_path("purelib")
    # a .pth file's own lines are not followed further, and srkit itself may be installed by one
    (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")
    return Path(sysconfig.get_path("scripts", scheme, vars=paths)) / ("python.exe" if os.name == "nt" else "python")
