"""Every built-in keeps the contract that the kit holds anyone's component to."""

from __future__ import annotations

from typing import Any

import pytest

from srkit.registry import Entry, Registry
from srkit.testing import check
from srkit.testing.imports import ImportFacts, look_at_imports

REGISTRY = Registry.installed()
ENTRIES = [one for one in REGISTRY.entries() if one.distribution == "srkit" and one.kind.is_built]

SMALL: dict[str, dict[str, Any]] = {
    "generators:rrdb": {"channels": 4, "blocks": 1},
    "generators:rrdb-shuffle": {"channels": 4, "blocks": 1},
    "generators:srresnet": {"channels": 4, "blocks": 1},
    "generators:compact": {"channels": 4, "layers": 1},
    "generators:edsr": {"channels": 4, "blocks": 1},
    "generators:trunk": {"channels": 4, "blocks": 1},
    "generators:espcn": {"channels": 4},
    "discriminators:dilated": {"channels": 2},
    "discriminators:patch": {"channels": 2},
    "discriminators:unet": {"channels": 2},
    "discriminators:vgg128": {"input_size": 32, "channels": 2},
    "feature_losses:teacher": {"layers": ["layers.0"]},
    "feature_losses:vgg16": {"weights": "random", "layers": ["conv1_1", "conv2_1"]},
    "feature_losses:vgg19": {"weights": "random", "layers": ["conv1_1", "conv2_1"]},
}
"""What keeps the test short."""

NEEDS = {
    "feature_losses:dists": "weights",
    "feature_losses:lpips": "weights",
    "metrics:dists": "weights",
    "metrics:lpips": "weights",
    "metrics:niqe": "niqe_pris_params",
    "datasets:flowers102": "flowers-102",
    "datasets:packed": "packed set",
}
"""Components that may be missing what they need on this machine -> a word of what they then say."""


def label(entry: Entry) -> str:
    return f"{entry.kind.plural}:{entry.name}"


@pytest.fixture(scope="module")
def facts() -> dict[str, ImportFacts]:
    """What importing each module does, found out in one process."""
    return look_at_imports([one.module for one in ENTRIES])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded by a test."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_it_keeps_its_contract(entry: Entry, facts: dict[str, ImportFacts]) -> None:
    options = SMALL.get(label(entry))
    report = check(entry.kind, entry.qualified, registry=REGISTRY, options=options, facts=facts[entry.module])
    report.require()
    if not report.tried:
        assert label(entry) in NEEDS and NEEDS[label(entry)] in report.hindrance
        pytest.skip(report.hindrance)
