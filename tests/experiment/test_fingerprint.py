"""The hash of an experiment: of what its numbers depend on, wherever it lies and whatever options were added since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli

from srkit.contracts import Block, Factory
from srkit.experiment import complete, read_experiment
from srkit.experiment.fingerprint import experiment_digest
from srkit.experiment.resolved import resolve, write_toml
from srkit.registry import KINDS, NotFound, Registry
from tests.execution.support import PARTS, PLAIN

STAGES = """
[[stage]]
steps = 4
set = { "pixel_loss.mse.weight" = 1.0 }
[[stage]]
steps = 6
"""


def tree_of(folder: Path, text: str = PLAIN, **more: str) -> dict[str, Any]:
    """The tree of the `experiment.toml` that a run would write."""
    folder.mkdir(exist_ok=True)
    (folder / "parts.py").write_text(PARTS)
    path = folder / "x.toml"
    path.write_text(text)
    plan = complete(read_experiment(path, [f"{key}={value}" for key, value in more.items()]), Registry.installed())
    assert not plan.problems, plan.problems
    return tomli.loads(write_toml(resolve(plan, {})))


def digest(folder: Path, text: str = PLAIN, **more: str) -> str:
    return experiment_digest(tree_of(folder, text, **more), Registry.installed())


def test_place_length_logging_and_spelling_change_nothing(tmp_path: Path) -> None:
    first = digest(tmp_path / "a")
    assert digest(tmp_path / "b") == first
    assert digest(tmp_path, steps="60", **{"log.every": "5", "data.workers": "1", "checkpoint.keep": "9"}) == first
    assert digest(tmp_path, **{"generator.use": "srkit:espcn", "generator.channels": "8"}) == first
    assert digest(tmp_path, **{"optimizer.use": "srkit:adam"}) == first
    assert digest(tmp_path, **{"validation.metrics": '["srkit:psnr-y", "ssim-y"]'}) == first


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "4"},
        {"scale": "4"},
        {"data.patch_size": "48"},
        {"data.skip_broken": "true"},
        {"generator.channels": "9"},
        {"generator.use": "edsr"},
        {"lr": "1e-3"},
        {"optimizer.use": "adamw"},
        {"pixel_loss.mse.weight": "2.0"},
        {"augment.flip": "false"},
        {"validation.metrics": '["psnr-y"]'},
        {"validation.metrics": '["ssim-y", "psnr-y"]'},
    ],
    ids=str,
)
def test_what_numbers_depend_on_changes_it(change: dict[str, str], tmp_path: Path) -> None:
    assert digest(tmp_path, **change) != digest(tmp_path)


def test_the_last_stage_may_grow_and_no_other(tmp_path: Path) -> None:
    text = PLAIN.replace("steps = 6\n", "", 1) + STAGES
    first = digest(tmp_path, text)
    assert digest(tmp_path, text.replace("steps = 6", "steps = 60")) == first
    assert digest(tmp_path, text.replace("steps = 4", "steps = 40")) != first
    # to set an option back to its default is a change, in a stage
    assert digest(tmp_path, text.replace('set = { "pixel_loss.mse.weight" = 1.0 }', "")) != first


def test_whether_weights_are_begun_with_counts_and_not_where_they_lie(tmp_path: Path) -> None:
    tree = tree_of(tmp_path)
    registry = Registry.installed()
    plain, *begun = (
        experiment_digest(tree | init, registry)
        for init in ({}, {"init": {"generator": "/a/x"}}, {"init": {"generator": "C:\\b\\y"}})
    )
    assert begun[0] == begun[1] != plain


def block_before(*, channels: int, depth: int = 2) -> Any: ...
def block_since(*, channels: int, depth: int = 2, bias: bool = True) -> Any: ...
def network_before(*, scale: int, block: Factory[Block] = "weave") -> Any: ...  # type: ignore[assignment]  # by name
def network_since(*, scale: int, block: Factory[Block] = "weave", gain: float = 1.0) -> Any: ...  # type: ignore[assignment]


def test_an_option_that_is_added_with_its_default_changes_nothing() -> None:
    before, since = Registry(), Registry()
    before.register(KINDS["blocks"], weave=block_before)
    before.register(KINDS["generators"], net=network_before)
    since.register(KINDS["blocks"], weave=block_since)
    since.register(KINDS["generators"], net=network_since)

    def of(registry: Registry, generator: dict[str, Any]) -> str:
        return experiment_digest({"scale": 2, "generator": {"use": "net", **generator}}, registry)

    old = of(before, {"block": {"use": "weave", "depth": 2}})
    assert of(since, {"block": {"use": "here:weave", "depth": 2, "bias": True}, "gain": 1.0}) == old
    assert of(since, {"block": {"use": "weave", "depth": 2, "bias": False}, "gain": 1.0}) != old
    assert of(since, {"block": {"use": "weave", "depth": 3, "bias": True}, "gain": 1.0}) != old
    assert of(since, {"block": {"use": "weave", "depth": 2, "bias": 1}, "gain": 1.0}) != old  # 1 is not true


def test_code_of_ones_own_is_not_loaded_and_its_options_all_count(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, PLAIN + '[[feature_loss]]\nuse = "./parts.py:Notches"\n')
    (tmp_path / "parts.py").unlink()
    registry = Registry.installed()
    first = experiment_digest(tree, registry)
    assert tree["feature_loss"][0]["use"] == "./code/parts.py:Notches"
    tree["feature_loss"][0]["size"] = 4
    assert experiment_digest(tree, registry) != first


def test_keys_that_nobody_knows_count_and_components_that_are_not_here_are_named(tmp_path: Path) -> None:
    tree, registry = tree_of(tmp_path), Registry.installed()
    assert experiment_digest(tree | {"colour": "red"}, registry) != experiment_digest(tree, registry)
    with pytest.raises(NotFound, match="weave"):
        experiment_digest(tree | {"generator": {"use": "weave"}}, registry)
    for broken in ({"stage": [3]}, {"validation": {"metrics": 3}}, {"data": "x"}, {"stage": [{"set": 1}]}):
        assert experiment_digest(tree | broken, registry) != experiment_digest(tree, registry)
