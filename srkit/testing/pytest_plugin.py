"""The pytest plugin: a test that names `conformance` runs once for each component of a distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from srkit.testing.imports import ImportFacts
    from srkit.testing.report import Report

MARK = "srkit_components"


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", f"{MARK}(distribution): the distribution whose components are checked")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each component that the marked distribution offers."""
    if "conformance" not in metafunc.fixturenames:
        return
    from srkit.errors import UserError
    from srkit.registry import Registry
    from srkit.testing.conformance import entries_of

    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is None or len(mark.args) != 1:
        raise pytest.UsageError(f'{metafunc.definition.nodeid}: write @pytest.mark.{MARK}("my-distribution") above it')
    try:
        entries = entries_of(mark.args[0], Registry.installed())
    except UserError as error:
        raise pytest.UsageError(f"{error} `pip install -e .` installs the package in this folder.") from None
    metafunc.parametrize("conformance", entries, ids=lambda one: f"{one.kind.plural}-{one.name}", indirect=True)


@pytest.fixture(scope="session")
def _srkit_imports() -> dict[str, ImportFacts]:
    """What importing each module does, as far as it is known."""
    return {}


@pytest.fixture
def conformance(request: Any, _srkit_imports: dict[str, ImportFacts]) -> Report:
    """The report on one component; skips where it cannot be built here, for want of weights or data."""
    from srkit.registry import Registry
    from srkit.testing.conformance import check, entries_of
    from srkit.testing.imports import look_at_imports

    entry = request.param
    registry = Registry.installed()
    if entry.module not in _srkit_imports and not entry.read().broken:
        own = [one.module for one in entries_of(entry.distribution, registry) if not one.read().broken]
        _srkit_imports.update(look_at_imports(own))
    report = check(entry.kind, entry.qualified, registry=registry, facts=_srkit_imports.get(entry.module))
    if report.passed and not report.tried:
        pytest.skip(report.hindrance)
    return report
