"""The files of a new plugin, out of the templates beside this module."""

from __future__ import annotations

import keyword
import os
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from string import Template

import srkit
from srkit.data.placing import is_left_over, place_bytes
from srkit.errors import UserError
from srkit.links import is_link
from srkit.registry import Kind
from srkit.registry.discovery import CORE, canonical

__all__ = ["Names", "write_plugin"]

TEMPLATES = files("srkit.cli").joinpath("plugin_templates")

FUNCTIONS = ("optimizers", "commands")
"""Kinds whose template is a function, which is written in small letters."""

PLACES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "ci.yml": ".github/workflows/test.yml",
    "test_contract.py": "tests/test_contract.py",
}
"""Template -> where it goes; `init.py` and the components go into the package."""


EXAMPLES = {
    "generators": '[generator]\nuse = "NAME"',
    "blocks": '[generator]\nuse = "trunk"\nblock = { use = "NAME" }',
    "discriminators": '[discriminator]\nuse = "NAME"',
    "pixel_losses": '[[pixel_loss]]\nuse = "NAME"',
    "feature_losses": '[[feature_loss]]\nuse = "NAME"',
    "adversarial_losses": '[adversarial_loss]\nuse = "NAME"',
    "downscalers": '[downscaler]\nuse = "NAME"',
    "degradations": '[[degradation]]\nuse = "NAME"',
    "lr_pipelines": '[lr_pipeline]  # in the place of [downscaler] and [[degradation]]\nuse = "NAME"',
    "datasets": '[data]\ntrain = { use = "NAME" }',
    "metrics": '[validation]\nmetrics = ["psnr-y", "NAME"]',
    "optimizers": '[optimizer]\nuse = "NAME"',
    "schedules": '[schedule]\nuse = "NAME"',
    "launchers": '[matrix]\nseed = [1, 2, 3]\n\n[launcher]\nuse = "NAME"',
    "commands": "# `srkit NAME` calls the command",
    "plugins": "# the hooks of installed plugins are called in every run",
}
"""How a component of each kind is picked."""


RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names that no file or folder has on Windows, whatever stands behind a dot."""


def taken_by(name: str, package: str) -> str:
    """Whose name it is already, be it written in capitals or with other hyphens; empty where it is free.

    A package of that name would hide the other one, or be hidden by it.

    Args:
        name: of a distribution.
        package: of what it would be imported as.
    """
    names = {canonical(name), canonical(package)}
    if names & {"test", *map(canonical, sys.stdlib_module_names)}:  # which names all but its own tests
        return "Python's standard library"
    if {name.partition(".")[0].lower(), package} & RESERVED:
        return "Windows, for a device"
    if package == "tests":
        return "the folder of its own tests"
    for distribution in metadata.distributions():
        found = distribution.metadata["Name"] or ""
        if canonical(found) in names:
            return f"{found} itself, which is installed"
    for module, owners in metadata.packages_distributions().items():
        if canonical(module) in names:
            return f"{owners[0]}, which is imported as {module}"
    return ""


@dataclass(frozen=True)
class Names:
    """How a plugin and what is in it are called.

    Attributes:
        distribution: what is installed, such as `srkit-weave`.
        package: what is imported, such as `srkit_weave`.
        component: the registered name of its components, such as `weave`.
    """

    distribution: str
    package: str
    component: str

    @classmethod
    def of(cls, name: str) -> Names:
        """The names that follow from the one that was typed.

        Raises:
            UserError: no distribution or no package can have that name, or another one has it.
        """
        package = re.sub(r"[-.]+", "_", name).lower()
        if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?", name) or keyword.iskeyword(package):
            raise UserError(
                f"{name!r} cannot name a package: it begins with a letter and has letters, digits and hyphens, "
                "such as srkit-weave"
            )
        if owner := taken_by(name, package):
            raise UserError(f"{name!r} is taken by {owner}. Write something such as srkit-weave.")
        component = canonical(name).removeprefix(f"{CORE}-")
        return cls(name, package, component)

    def factory(self, kind: Kind) -> str:
        """The class or function of a kind's component."""
        words = [word for word in self.component.split("-") if word]
        if kind.plural in FUNCTIONS:
            plain = "_".join(words)
            if kind.plural == "commands":  # a package for a library's sake would hide that library
                return f"{plain}_command"
            return f"{plain}_" if keyword.iskeyword(plain) else plain
        # a class may not begin with a digit, which a name after `srkit-` can
        title = "".join(word[:1].upper() + word[1:] for word in words)
        return title if title.isidentifier() and not keyword.iskeyword(title) else f"My{title}"


def write_plugin(names: Names, kinds: list[Kind], folder: Path) -> list[Path]:
    """Write the package; the files, in the order of their names.

    Raises:
        UserError: the folder is there and holds something else than a part of the package, as a kill leaves it.
    """
    values = {
        "distribution": names.distribution,
        "package": names.package,
        "component": names.component,
        "version": srkit.__version__,
        "contract": str(srkit.contract),
        "entry_points": "".join(_entry_point(names, kind) for kind in kinds),
        "table": "\n".join(f"- `{names.component}`, one of the {kind.plural.replace('_', ' ')}" for kind in kinds),
        "example": "\n\n".join(EXAMPLES[kind.plural].replace("NAME", names.component) for kind in kinds),
    }
    written = {place: _filled(f"package/{name}.tmpl", values) for name, place in PLACES.items()}
    written[f"{names.package}/__init__.py"] = _filled("package/init.py.tmpl", values)
    written[f"{names.package}/py.typed"] = ""  # type checkers look into packages that have it
    for kind in kinds:
        text = _filled(f"components/{kind.plural}.py.tmpl", {**values, "Name": names.factory(kind)})
        written[f"{names.package}/{kind.plural}.py"] = text
    contents = {folder / place: text.encode() for place, text in written.items()}
    if os.path.lexists(folder) and not _is_part(folder, contents):
        raise UserError(f"{folder} is there already. Choose another name, or another place with --out.")
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        place_bytes(path, content)
    return sorted(contents)


def _is_part(folder: Path, contents: dict[Path, bytes]) -> bool:
    """Whether a folder holds nothing but some of these files, and not all."""
    if not folder.is_dir() or all(path.exists() for path in contents):
        return False

    def is_ours(path: Path) -> bool:
        return is_left_over(path.name) or (
            not is_link(path)
            and (path.is_dir() or (path in contents and path.is_file() and path.read_bytes() == contents[path]))
        )

    return all(map(is_ours, folder.rglob("*")))


def _filled(template: str, values: dict[str, str]) -> str:
    return Template(TEMPLATES.joinpath(template).read_text(encoding="utf-8")).substitute(values)


def _entry_point(names: Names, kind: Kind) -> str:
    module = f"{names.package}.{kind.plural}"
    target = module if kind.plural == "plugins" else f"{module}:{names.factory(kind)}"
    return f'\n[project.entry-points."{kind.group}"]\n{names.component} = "{target}"\n'
