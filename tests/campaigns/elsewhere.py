"""A current folder full of modules and distributions that nobody installed."""

from __future__ import annotations

from collections.abc import Collection

from tests.trust.table.ground import RAN, Ground
from tests.trust.test_current_folder import ENTRY_POINTS

__all__ = ["ELSEWHERE", "REFERENCE", "plant"]

REFERENCE = "evil"
"""The name of the planted distribution, which no list may show."""

MODULES = (
    *("__future__", "typing", "pathlib", "collections", "enum", "random", "pickle", "json", "socket", "sitecustomize"),
    *("click", "rich", "pluggy", "msgspec", "tomli", "numpy", "torch", "PIL", "tensorboard", "scipy", "evilmod"),
)

ELSEWHERE = (
    ("--help",),
    ("list", "--json"),
    ("list", "--verify", "--json"),
    ("doctor",),
    ("schema",),
    ("show", "generators", "espcn"),
    ("show", "generators", "evilmod:Net"),
    ("check", "tiny.toml"),
    ("check", "tiny.toml", "--set", "generator.use=evil:evil"),
    ("run", "tiny.toml", "--out", "{out}/run", "--device", "cpu", "--quiet"),
    (
        "run",
        "tiny.toml",
        "--set",
        "matrix.seed=[1, 2]",
        "--jobs",
        "2",
        "--out",
        "{out}/study",
        "--device",
        "cpu",
        "--quiet",
    ),
    ("run", "tiny.toml", "--set", "data.workers=1", "--out", "{out}/run", "--device", "cpu", "--quiet"),
    ("inspect", "tiny.toml"),
    ("data", "tiny.toml", "--out", "{out}/sheet.png"),
    ("prepare", "photos", "--out", "{out}/p", "--patch-size", "16", "--workers", "2"),
    ("bench", "bicubic", "--on", "photos", "--scale", "2"),
    ("upscale", "photos", "--model", "runs/plain", "--out", "{out}/large"),
    ("export", "runs/plain", "--format", "onnx", "--out", "{out}/model.onnx"),
    ("report", "runs/plain", "--out", "{out}/page.html"),
    ("curves", "runs/plain", "--out", "{out}/curves.png"),
    ("plugin", "check"),
    ("plugin", "new", "srkit-weave", "--out", "{out}/weave"),
    ("evil",),
)
"""Commands that load modules, start processes or read what is installed."""


def plant(ground: Ground, but: Collection[str] = ()) -> None:
    """Put them there, but for some; each leaves a mark where it runs."""
    for name in MODULES:
        if name in but:
            continue
        source = (
            f"import os\nopen(os.path.join(os.environ[{RAN!r}], {name!r}), 'w').close()\nraise SystemExit('it ran')\n"
        )
        (ground.here / f"{name}.py").write_text(source, encoding="utf-8")
    info = ground.here / "evil-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    (info / "RECORD").write_text("evilmod.py,,\n", encoding="utf-8")
