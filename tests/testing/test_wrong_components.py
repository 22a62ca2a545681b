"""Each rule catches the component that was made to break it, and no other rule is bothered by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from srkit.contracts import Claims
from srkit.registry import KINDS, Entry, Registry
from srkit.testing import check, rules_of, written_rules
from srkit.testing.imports import ImportFacts, look_at_imports
from tests.testing import wrong

QUIET = ImportFacts()
"""The file of the wrong components is imported already; what its import does is not the question."""


def offering(kind: str, name: str, module: str = wrong.__name__) -> Registry:
    """One component of a module, as an entry point offers it."""
    return Registry([Entry(KINDS[kind], name, f"{module}:{name}", "wrong", "0")])


@pytest.mark.parametrize(("kind", "name", "rule"), wrong.WRONG, ids=lambda one: str(one))
def test_a_wrong_component_is_caught_by_its_rule_alone(kind: str, name: str, rule: str) -> None:
    report = check(KINDS[kind], name, registry=offering(kind, name), facts=QUIET)
    assert [one.rule for one in report.broken] == [rule], str(report)
    assert report.broken[0].what
    assert f"broken {rule}: " in str(report) and max(map(len, str(report).splitlines())) <= 80


UNBROKEN = {"import-quiet", "import-quick"}
"""Rules that modules break, below."""


def test_every_rule_has_a_component_that_breaks_it() -> None:
    caught = {rule for _, _, rule in wrong.WRONG}
    everything = {rule.name for kind in KINDS.values() if kind.is_built for rule in rules_of(kind)}
    assert everything - caught - UNBROKEN == set()
    assert len(wrong.WRONG) >= 20


def test_an_excuse_takes_the_place_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(excused={"odd-sizes": "it halves the picture, and says so"})
    monkeypatch.setattr(wrong.Halving, "claims", claims, raising=False)
    report = check(KINDS["generators"], "Halving", registry=offering("generators", "Halving"), facts=QUIET)
    assert report.passed
    assert "excused odd-sizes" in str(report) and "says so" in str(report)


SCHEDULE = """
class Half:
    '''Halves the rate.'''

    def factor(self, step: int) -> float:
        return 0.5
"""

WORK = {
    "seeds": ("import-quiet", "import random\nrandom.seed(1)\n", "Python's random"),
    "prints": ("import-quiet", "print('welcome')\n", "'welcome'"),
    "sleeps": ("import-quick", "import time\ntime.sleep(0.4)\n", "seconds"),
    "ends": ("import-quiet", "import sys\nif 'pytest' not in sys.modules: sys.exit(3)\n", "process"),
    "nothing": ("", "", ""),
}
"""Module -> the rule that it breaks, what it does while it is imported, what is said of it."""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ImportFacts]]:
    """What their imports do, all found out in one go."""
    folder = tmp_path_factory.mktemp("modules")
    for name, (_, work, _) in WORK.items():
        (folder / f"{name}_at_import.py").write_text(work + SCHEDULE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield look_at_imports([f"{name}_at_import" for name in WORK])


@pytest.mark.parametrize("name", WORK)
def test_a_module_may_not_work_while_it_is_imported(
    name: str, modules: dict[str, ImportFacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_rules, "SECONDS", 0.3)
    rule, _, said = WORK[name]
    module = f"{name}_at_import"
    report = check(KINDS["schedules"], "Half", registry=offering("schedules", "Half", module), facts=modules[module])
    assert [one.rule for one in report.broken] == ([rule] if rule else []), str(report)
    assert said in str(report)
