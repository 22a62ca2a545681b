"""What is advised where memory ran out is something that the tool then accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srkit.assembly import assemble, rehearse
from srkit.errors import SrkitError
from srkit.experiment import Plan
from srkit.registry import Registry
from srkit.training.distributed import Processes
from srkit.training.failure import told
from srkit.training.lighter import explain_out_of_memory
from tests.execution.support import PLAIN, changed, plan_of, prepared

ERROR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")
REGISTRY = Registry.installed()


@dataclass(frozen=True)
class Setup:
    """An experiment that is sound: of each stage its own batch, or None; no stages at all where there are none."""

    accumulation: int
    processes: int
    batch: int
    stages: tuple[int | None, ...]
    patch: int
    mixup: float
    use: str

    def text(self) -> str:
        text = changed(PLAIN, batch_size=str(self.batch), patch_size=str(self.patch))
        text += f"[optimizer]\naccumulation = {self.accumulation}\n[augment]\nmixup = {self.mixup}\n"
        if self.use:
            text += f'[adversarial_loss]\nuse = "vanilla"\n[discriminator]\nuse = "{self.use}"\n'
        for own in self.stages:
            text = text.replace("steps = 6\n", "") + "[[stage]]\nsteps = 2\n"
            text += f"set.data.batch_size = {own}\n" if own is not None else ""
        return text


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    accumulation, processes = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    batches = st.integers(1, 12).map(lambda times: times * accumulation * processes)
    mixup = draw(st.sampled_from([0.0, 0.5]))
    batches = batches.filter(lambda one: one > 1) if mixup else batches
    stages = draw(st.lists(st.none() | batches, max_size=3))
    use, patch = draw(st.sampled_from([("", 4), ("", 34), ("vgg128", 128), ("patch", 32)]))
    return Setup(accumulation, processes, draw(batches), tuple(stages), patch, mixup, use)


def advised(plan: Plan, processes: int = 1) -> str:
    return str(explain_out_of_memory(ERROR, plan, torch.device("cpu"), processes))


def parts(plan: Plan, processes: int) -> list[int]:
    """How many samples each process works through at once, by stage; each in parts that are equal."""
    count = plan.experiment.optimizer.accumulation * processes
    batches = [one.experiment.data.batch_size for one in plan.stages]
    assert not any(batch % count for batch in batches)
    return [batch // count for batch in batches]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(setup=setups())
def test_every_advice_is_accepted_and_lightens_a_step(setup: Setup, tmp_path: Path) -> None:
    path = prepared(tmp_path, setup.text())
    plan = plan_of(path, registry=REGISTRY)
    before = parts(plan, setup.processes)
    said = advised(plan, setup.processes)
    ways = re.findall(r"(?:--set )?([a-z_.]+)(?:=| from \d+ to )(\d+)(?: in stage (\d+))?", said)
    assert len(ways) == said.count(";") + 1 or "What helps, in a new run: a smaller network" in said
    for key, value, stage in ways:
        if stage:
            stages = list(setup.stages)
            stages[int(stage) - 1] = int(value)
            prepared(tmp_path, Setup(**{**vars(setup), "stages": tuple(stages)}).text())
        tried = plan_of(path, *([] if stage else [f"{key}={value}"]), registry=REGISTRY)
        prepared(tmp_path, setup.text())
        rehearse(tried)
        assert not tried.problems, (key, value, stage)
        after = parts(tried, setup.processes)
        assert after < before or key == "data.patch_size"
        assert all(one <= other for one, other in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed(PLAIN, batch_size="6") + "[optimizer]\naccumulation = 2\n", "accumulation=3 .*batch_size from 6 to 2"),
        (changed(PLAIN, batch_size="5"), "accumulation=5 .*batch_size from 5 to 2"),
        (changed(PLAIN, batch_size="1"), "What helps, in a new run: data.patch_size from 32 to 24 "),
        (changed(PLAIN, batch_size="1", patch_size="2"), "What helps, in a new run: a smaller network "),
        (
            PLAIN.replace("steps = 6\n", "")
            + "[[stage]]\nsteps = 1\n[[stage]]\nsteps = 1\nset = { data.batch_size = 8 }\n",
            "accumulation=2 .*; data.batch_size from 4 to 2; data.batch_size from 8 to 4 in stage 2;",
        ),
        (
            PLAIN.replace("steps = 6\n", "") + '[[stage]]\nsteps = 1\nset = { "data.batch_size" = 2 }\n',
            r"accumulation=2 \(.*\); data.batch_size from 2 to 1 in stage 1;",
        ),
    ],
)
def test_what_is_advised(text: str, said: str, tmp_path: Path) -> None:
    assert re.search(said, advised(plan_of(prepared(tmp_path, text), registry=REGISTRY)))


def test_what_a_length_in_steps_and_epochs_forbids_is_not_advised(tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN + "[[stage]]\nepochs = 4.8\n")
    assert "batch_size" not in advised(plan_of(path, registry=REGISTRY))


def test_a_patch_that_a_network_does_not_take_is_not_advised(tmp_path: Path) -> None:
    text = changed(PLAIN, patch_size="128") + '[adversarial_loss]\nuse = "vanilla"\n[discriminator]\nuse = "vgg128"\n'
    assert "patch_size" not in advised(plan_of(prepared(tmp_path, text), registry=REGISTRY))


def test_shares_of_several_processes_stay_equal(tmp_path: Path) -> None:
    assembly = assemble(plan_of(prepared(tmp_path, changed(PLAIN, batch_size="6")), registry=REGISTRY))
    with (
        pytest.raises(SrkitError, match="accumulation=3 .*batch_size from 6 to 2;"),
        told(assembly, torch.device("cpu"), "in a test", Processes(0, 2)),
    ):
        raise ERROR


def test_the_errors_own_words_are_kept(tmp_path: Path) -> None:
    plan = plan_of(prepared(tmp_path), registry=REGISTRY)
    assert advised(plan).endswith(f"({ERROR})")
    assert str(explain_out_of_memory(MemoryError(), plan, torch.device("cpu"), 1)).endswith("(MemoryError)")
