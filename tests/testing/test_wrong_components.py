"""Each rule catches the component that was made to break it, and no other rule is bothered by it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from torch import Tensor, nn

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


class Textless(Exception):
    def __str__(self) -> str:
        raise ValueError("no text either")


def deaf(suppressing: bool = False) -> None:
    """Never ends, and catches whatever would end it."""
    while not suppressing:
        try:  # noqa: SIM105  (another way than the one below)
            time.sleep(60)
        except BaseException:
            pass
    while True:
        with suppress(BaseException):
            time.sleep(60)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda: sys.exit(3), "SystemExit"),
        (lambda: (_ for _ in ()).throw(GeneratorExit()), "GeneratorExit"),
        (lambda: (_ for _ in ()).throw(Textless()), "Textless: its text cannot be shown"),
        (lambda: time.sleep(60), "still at it"),
        (lambda: deaf(), "still at it"),
        (lambda: deaf(suppressing=True), "still at it"),
    ],
    ids=["exits", "a BaseException", "an error without text", "endless", "deaf", "deaf by suppress"],
)
def test_whatever_a_component_does_is_a_broken_rule(
    fault: Callable[[], object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srkit.testing.conformance.SECONDS", 0.3)
    monkeypatch.setattr("srkit.testing.limits.AGAIN", 0.1)

    def forward(self: nn.Module, lr: Tensor) -> Tensor:
        fault()
        return lr

    monkeypatch.setattr(wrong.Enlarging, "forward", forward)
    report = check(KINDS["generators"], "Enlarging", registry=offering("generators", "Enlarging"), facts=QUIET)
    assert not report.passed and said in " ".join(str(report).split()), str(report)


def test_an_excuse_hides_no_other_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong.Chained, "claims", Claims(excused={"history": "it is so"}), raising=False)
    report = check(KINDS["schedules"], "Chained", registry=offering("schedules", "Chained"), facts=QUIET)
    assert {one.rule: one.state for one in report.results}["history"] == "excused"
    monkeypatch.setattr(
        wrong.Halving, "claims", Claims(excused={"runs": "it does", "odd-sizes": "it halves"}), raising=False
    )
    report = check(KINDS["generators"], "Halving", registry=offering("generators", "Halving"), facts=QUIET)
    states = {one.rule: one.state for one in report.results}
    assert states["runs"] == "kept" and states["deterministic"] == "kept"


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
