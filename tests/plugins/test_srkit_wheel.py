"""srkit's own wheel, installed and used outside the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.plugins.third_party import BUILT_IN_GENERATOR, EXPERIMENT
from tests.plugins.wheels import build, install, python, write_photos

WHERE = """
import sys
from pathlib import Path
import srkit
from srkit.cli.main import main
sys.argv = ["srkit", *sys.argv[2:]]
site = Path(sys.path.pop(0) or ".")  # what -c put there
try:
    main()
finally:
    home = Path(srkit.__file__).parent
    strays = [name for name, module in sys.modules.items() if name.split(".")[0] == "srkit"
              and not Path(module.__file__).is_relative_to(home)]
    print("FROM", home, *strays, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the tree, installed."""
    folder = tmp_path_factory.mktemp("srkit-wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "srkit", source / "srkit", ignore=shutil.ignore_patterns("__pycache__"))
    return install(build(source, folder / "wheels"), folder / "site")


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos")
    (tmp_path / "x.toml").write_text(EXPERIMENT, encoding="utf-8")
    return tmp_path


def srkit(*arguments: str, site: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command from the wheel; that nothing came from the checkout is part of the result."""
    done = python("-c", WHERE, "", *arguments, path=site, cwd=cwd)
    assert f"FROM {site / 'srkit'}" == done.stderr.splitlines()[-1], done.stderr
    return done


def test_it_lists_its_components(site: Path, workplace: Path) -> None:
    done = srkit("list", "--json", site=site, cwd=workplace)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 20
    assert {row["state"] for row in found} == {"ok"}
    again = python("-m", "srkit", "list", "--json", path=site, cwd=workplace)
    assert again.stdout == done.stdout


def test_it_checks_and_trains(site: Path, workplace: Path) -> None:
    assert srkit("check", "x.toml", *BUILT_IN_GENERATOR, site=site, cwd=workplace).returncode == 0
    done = srkit("run", "x.toml", *BUILT_IN_GENERATOR, "--out", "run", site=site, cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "bicubic" in done.stdout
    assert (workplace / "run" / "scores.json").is_file()


def test_it_begins_a_plugin(site: Path, workplace: Path) -> None:
    done = srkit("plugin", "new", "srkit-weave", "--kind", "metrics", site=site, cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "class Weave" in (workplace / "srkit-weave" / "srkit_weave" / "metrics.py").read_text()


def test_it_carries_its_types_and_license(site: Path) -> None:
    assert (site / "srkit" / "py.typed").is_file()
    assert list(site.glob("srkit-*.dist-info/**/LICENSE"))
    assert not (site / "tests").exists()
