"""Every form in which a stranger may name code, as the generator of an experiment."""

from __future__ import annotations

import os
import py_compile
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import tomli_w

from tests.trust.table.experiment_places import FILE, base, written
from tests.trust.table.ground import Ground
from tests.trust.table.rows import BRIEFLY, Given, Row, kin

__all__ = ["CALLABLES", "FORM_ROWS", "NAMES", "plant_bytecode"]

CALLABLES = (
    *("os:system", "subprocess:Popen", "builtins:eval", "click:edit", "pathlib:Path.write_text", "shutil:rmtree"),
    *("torch:load", "torch.hub:load", "srkit.registry.trusted:trust_folder", "srkit.cli.main:main", "srkit:run"),
    *("srkit.components.generators.espcn:nn.Conv2d", "srkit.contracts:Generator", "antigravity:fly"),
    *("os:remove", "os:execv", "subprocess:run", "builtins:exec", "builtins:open", "click:echo", "click:launch"),
    *("pathlib:Path.unlink", "shutil:move", "torch:save", "pickle:loads", "runpy:run_path", "numpy:save", "numpy:load"),
    *("importlib:import_module", "PIL.Image:open", "webbrowser:open", "pdb:run", "pip:main", "srkit.locks:held"),
    *("srkit.training.folder:write_text", "srkit:load", "srkit.cli.plugin_files:write_package"),
    *("srkit.components:extras",),
)
"""What an installed module has and nobody declared as a component."""

NAMES = (
    *("evilmod:Net", "evilmod.inner:Net", "__main__:Net", "this:s", "", ":", "a:b:c", "..:Net", "...os:system"),
    *(" os:system ", "os:sys\x1b[31mtem", "\u202eten:Net", "[red]espcn[/red]", "a" * 1000 + ":Net"),
    *("evil-1.0:Net", "__main__:x", "site:main", "a:", ":b", ".:Net", "os..path:join", "os.:system", "os:system()"),
    *("os:system.__call__", "os: system", "os\n:system", "\x1b]0;title\x07espcn", "espcn\x00", "<b>espcn</b>"),
    *("espcn; rm -rf ~", "$(touch x)", "x." * 500 + "x:Net", "espcn\u2028", "e\u0301spcn", "\ud7ffespcn"),
)
"""What is no name of anything, or one that a stranger planted in the current folder."""


def _named(use: str, *, briefly: bool = True) -> Row:
    def make(ground: Ground) -> Given:
        for folder in (ground.here, ground.here / "evilmod"):
            ground.code(folder / ("__init__.py" if folder.name == "evilmod" else "evilmod.py"), "evilmod.py")
        ground.code(ground.here / "evilmod" / "inner.py")
        os.environ["PYTHONPATH"] = str(ground.here)  # the ground's fixture puts it back
        return written(ground, "generator", {"use": use, "command": ground.touch("command")})

    return Row(f"the generator {use[:40]!r}", "experiment", make, in_suite=BRIEFLY if briefly else ())


def _file(what: str, use: Callable[[Ground], str], plant: Callable[[Ground], object], says: str = "") -> Row:
    def make(ground: Ground) -> Given:
        plant(ground)
        return written(ground, "generator", {"use": use(ground)})

    return Row(what, "experiment", make, says)


def _beside(use: str, plant: Callable[[Ground], object] | None = None, says: str = "") -> Row:
    return _file(f"the generator {use}", lambda _: use, plant or _evil, says)


def _evil(ground: Ground) -> Path:
    return ground.code(ground.here / "evil.py")


def _outside(ground: Ground) -> Path:
    return ground.code(ground.root / "evil.py")


def _linked(ground: Ground) -> None:
    (ground.here / "link.py").symlink_to(_outside(ground))


def _linked_folder(ground: Ground) -> None:
    ground.code(ground.root / "elsewhere" / "evil.py")
    (ground.here / "parts").symlink_to(ground.root / "elsewhere")


def _compiled(name: str) -> Callable[[Ground], object]:
    def plant(ground: Ground) -> None:
        py_compile.compile(str(_evil(ground)), cfile=str(ground.here / name))
        (ground.here / "evil.py").unlink()

    return plant


def plant_bytecode(ground: Ground, source: Path) -> None:
    """Beside an innocent file, what a compiler would have made of it, with other content; times and size agree."""
    evil = ground.code(source.with_name("planted.py"), "bytecode")
    content = evil.read_bytes()
    size = len(source.read_bytes())
    evil.write_bytes(content)
    times = source.stat()
    os.utime(evil, ns=(times.st_atime_ns, times.st_mtime_ns))
    cached = source.parent / "__pycache__" / f"{source.stem}.cpython-{sys.version_info[0]}{sys.version_info[1]}.pyc"
    py_compile.compile(str(evil), cfile=str(cached))
    code = bytearray(cached.read_bytes())
    code[12:16] = size.to_bytes(4, "little")  # the size of the source that it says it was made of
    cached.write_bytes(code)
    unchecked = bytes(code[:4]) + (1).to_bytes(4, "little") + bytes(8) + bytes(code[16:])
    (cached.with_suffix(".opt-1.pyc")).write_bytes(unchecked)
    evil.unlink()


def _raw(what: str, text: Callable[[Ground], str]) -> Row:
    """A file that is no usual TOML, or reaches elsewhere."""

    def make(ground: Ground) -> Given:
        (ground.here / FILE).write_text(text(ground), encoding="utf-8")
        return Given(FILE)

    return Row(what, "experiment", make)


def _extends(target: str) -> Row:
    return _raw(f"extends {target[:40]!r}", lambda _: tomli_w.dumps({"extends": target} | base()))


NETWORK = (
    "\\\\host\\share\\evil.py:Net",
    "//host/share/evil.py:Net",
    "file:///evil.py:Net",
    "https://host/evil.py:Net",
)

FORM_ROWS = (
    *kin((_named(use, briefly=number > 3) for number, use in enumerate(CALLABLES)), 14),
    *kin((_named(use, briefly=number > 3) for number, use in enumerate(NAMES)), 14),
    _beside("evil.py:Net", says="trusted"),
    _beside("././evil.py:Net", says="trusted"),
    _beside("./evil.py:Net.forward", says="trusted"),
    _beside("./evil.py:builtins.eval", says="trusted"),
    _beside("./evil.py:Path"),
    _beside("../evil.py:Net", _outside, "trusted"),
    _file("an absolute path", lambda ground: f"{ground.root}/evil.py:Net", _outside, "trusted"),
    _beside("~/evil.py:Net", lambda ground: ground.code(ground.home / "evil.py"), "trusted"),
    *(_beside(use) for use in NETWORK),
    _beside("./link.py:Net", _linked, "trusted"),
    _beside("./parts/evil.py:Net", _linked_folder, "trusted"),
    _beside("./my evil.py:Net", lambda ground: ground.code(ground.here / "my evil.py"), "trusted"),
    _beside("./e\x1b[31mvil.py:Net", lambda ground: ground.code(ground.here / "e\x1b[31mvil.py"), "trusted"),
    _beside("./my.evil.py:Net", lambda ground: ground.code(ground.here / "my.evil.py"), "trusted"),
    _beside("./folder.py:Net", lambda ground: ground.code(ground.here / "folder.py" / "__init__.py")),
    _beside("./evil.pyc:Net", _compiled("evil.pyc")),
    _beside("./evil.so:Net", lambda ground: shutil.copy(_evil(ground), ground.here / "evil.so")),
    _beside("./evil.py", says="evil.py:"),
    _beside("./evil.PY:Net", lambda ground: ground.code(ground.here / "evil.PY")),
    _beside("./absent.py:Net", lambda _: None),
    _raw("tables nested 20000 deep", lambda _: tomli_w.dumps(base()) + "x = " + "[" * 20_000 + "]" * 20_000),
    _raw("a number of 5000 digits", lambda _: "seed = " + "9" * 5000 + "\n" + tomli_w.dumps(base())),
    _extends("/etc/passwd"),
    _extends("//host/share/base.toml"),
    _extends(FILE),
    _extends("absent\x1b[31m.toml"),
    _extends("."),
    _extends("/dev/zero"),
)
"""Forms of names of code, and files that are odd themselves."""
