"""Which loss sees which original; mixing in a run; rates by sample; shares, gradients, skipped updates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srkit.errors import ExperimentError
from srkit.hooks import hookimpl
from srkit.training.run import Run
from srkit.training.terms import with_shares
from tests.execution.support import GAN, PLAIN, assert_same_run, changed, numbers, plan_of, prepared, run
from tests.training.test_step import advance, close, made, weights

PROBE = '''
"""Components that keep what they were handed."""
import torch
from torch import nn

SEEN = {}


class Probe(nn.Module):
    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def forward(self, views):
        SEEN[self.key] = views.hr.clone()
        views.discriminator(views.hr)
        return (views.sr - views.hr).abs().mean()


class Pair(nn.Module):
    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def forward(self, sr, hr):
        SEEN[self.key] = hr.clone()
        return (sr - hr).abs().mean()


class Game(nn.Module):
    def generator_term(self, views):
        SEEN["generator"] = views.hr.clone()
        return views.discriminator(views.sr).logits[0].mean()

    def discriminator_term(self, views):
        SEEN["discriminator"] = views.hr.clone()
        return views.discriminator(views.hr).logits[0].mean()


class Invert:
    def __call__(self, batch, draws):
        return 1 - batch


class Halve:
    def __call__(self, batch, draws):
        return batch[..., ::2, ::2]
'''

TARGET = (
    PLAIN.replace('[[pixel_loss]]\nuse = "mse"\n', "")
    + """
[target]
use = "./probe.py:Invert"
[[pixel_loss]]
use = "./probe.py:Pair"
name = "one"
key = "one"
[[feature_loss]]
use = "./probe.py:Probe"
name = "two"
key = "two"
[discriminator]
use = "dilated"
channels = 4
[adversarial_loss]
use = "./probe.py:Game"
name = "gan"
"""
)


class StopAt:
    """A plugin that ends the run after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    @hookimpl
    def srkit_step_end(self, run: Run, step: int) -> None:
        if step == self.step:
            run.request_stop("as the test wishes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    return tmp_path


def seen(one: Run) -> dict[str, torch.Tensor]:
    found = type(one.assembly.losses["one"]).forward.__globals__["SEEN"]
    found.clear()
    advance(one)
    return dict(found)


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        (None, {"one", "two"}),  # Real-ESRGAN's l1_gt_usm and percep_gt_usm, not gan_gt_usm
        ("['two']", {"two"}),
        ("['gan', 'one']", {"generator", "discriminator", "one"}),
    ],
)
def test_each_loss_sees_the_original_it_should(folder: Path, losses: str | None, wanted: set[str]) -> None:
    settings = [] if losses is None else [f"target.losses={losses}"]
    found = seen(made(folder, TARGET, *settings))
    plain = seen(made(folder, TARGET.replace('[target]\nuse = "./probe.py:Invert"\n', "")))
    assert set(found) == {"one", "two", "generator", "discriminator"}
    for key, original in found.items():
        close(original, 1 - plain[key] if key in wanted else plain[key])


def test_the_original_s_logits_are_kept_for_each_form_of_it(folder: Path) -> None:
    one = made(folder, TARGET)
    judged: list[torch.Tensor] = []
    assert one.assembly.discriminator is not None
    one.assembly.discriminator.register_forward_hook(lambda module, inputs, output: judged.append(inputs[0].detach()))
    original = seen(one)["two"]
    assert sum(torch.equal(one, original) for one in judged) == 1


def test_the_lr_is_made_of_the_plain_original(folder: Path) -> None:
    batches: list[torch.Tensor] = []
    for text in (TARGET, TARGET.replace('[target]\nuse = "./probe.py:Invert"\n', "")):
        one = made(folder, text)
        one.assembly.generator.register_forward_hook(lambda module, inputs, output: batches.append(inputs[0]))
        advance(one)
    assert torch.equal(batches[0], batches[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("losses = ['on']", r"target.losses: no loss is called 'on'. The losses are: one, two, gan."),
        ("losses = []", "target.losses: no loss sees the changed original."),
    ],
)
def test_a_wrong_list_of_losses_is_one_error(folder: Path, text: str, said: str) -> None:
    path = prepared(folder, TARGET.replace("[target]", f"[target]\n{text}"))
    with pytest.raises(ExperimentError, match=said) as caught:
        plan_of(path)
    assert len(caught.value.problems) == 1 and "tiny.toml:2" in str(caught.value)


def test_the_resolved_file_names_the_losses_and_trains_alike(folder: Path) -> None:
    text = PLAIN + '[target]\nuse = "usm-sharpen"\nsize = 5\n'
    run(prepared(folder, text), out=folder / "one")
    assert 'losses = [\n    "mse",\n]' in (folder / "one/experiment.toml").read_text(encoding="utf-8")
    run(folder / "one/experiment.toml", out=folder / "two")
    assert numbers(folder / "one") == numbers(folder / "two")


MIXED = GAN + "[augment]\nmixup = 0.4\ncutmix = 0.3\ncutblur = 0.3\n"


def test_mixing_is_the_same_however_the_batch_is_divided_and_after_a_resume(folder: Path) -> None:
    text = PLAIN + "[augment]\nmixup = 0.4\ncutmix = 0.3\ncutblur = 0.3\n[optimizer]\nuse = 'sgd'\nlr = 0.1\n"
    whole, parts = made(folder, text), made(folder, text, "optimizer.accumulation=2")
    advance(whole, 2), advance(parts, 2)
    close(weights(whole.assembly.generator), weights(parts.assembly.generator))
    path = prepared(folder, MIXED)
    run(path, out=folder / "whole")

    run(path, out=folder / "stopped", observers={"stop": StopAt(5)})
    run(path, out=folder / "stopped", resume=True)
    assert_same_run(folder / "whole", folder / "stopped")


def test_a_batch_of_one_has_no_partner(folder: Path) -> None:
    path = prepared(folder, changed(PLAIN, batch_size="1") + "[augment]\nmixup = 0.5\ncutblur = 0.5\n")
    with pytest.raises(ExperimentError, match="augment.mixup: a batch of one sample has no partner"):
        plan_of(path)
    with pytest.raises(ExperimentError, match="come to 1.5 of the samples"):
        plan_of(prepared(folder, PLAIN + "[augment]\nmixup = 1\ncutblur = 0.5\n"))


def test_rates_for_a_sample_are_multiplied_by_the_stage_s_batch(folder: Path) -> None:
    text = GAN.replace('use = "cosine"', 'use = "constant"')
    one = made(folder, "lr_per_sample = true\n" + text)
    assert one.timeline.at(1).lr == pytest.approx({"losses": 4e-3, "generator": 4e-3, "discriminator": 4e-3})
    assert one.timeline.at(5).lr["generator"] == pytest.approx(2 * 3e-4)
    own = made(folder, text.replace("steps = 6", "steps = 6\nlr_per_sample = true"))
    assert own.timeline.at(1).lr["generator"] == 1e-3 and own.timeline.at(5).lr["generator"] == pytest.approx(6e-4)
    advance(one)
    assert one.stepper.learning_rates()["generator"] == pytest.approx(4e-3)


# --- balance --------------------------------------------------------------------------------------------------------


def measured(one: Run) -> dict[str, float]:
    batches = one.batches(one.step + 1)
    one.step += 1
    span = one.timeline.at(one.step)
    one.stepper(one.step, span, lambda: next(batches), lambda terms: one.ledger.add(one.step, terms), measure=True)
    batches.close()
    return with_shares(one.ledger.read()) | one.stepper.readings()


def test_shares_are_of_the_weighted_sum_and_losses_are_shown_before_their_weight(folder: Path) -> None:
    found = measured(made(folder, GAN))
    weighted = {"mse": found["mse"], "Notches": 0.1 * found["Notches"], "relativistic": 3e-3 * found["relativistic"]}
    assert found["loss"] == pytest.approx(sum(weighted.values()), rel=1e-5)
    for name, value in weighted.items():
        assert found[f"share/{name}"] == pytest.approx(value / found["loss"], rel=1e-5)
    assert not [key for key in found if key.startswith("weighted")]


def test_the_gradient_s_norm_is_the_one_the_update_is_made_of(folder: Path) -> None:
    one = made(folder, PLAIN + '[optimizer]\nuse = "sgd"\nlr = 0.1\nmomentum = 0.0\n')
    begun = weights(one.assembly.generator)
    found = measured(one)
    moved = float((weights(one.assembly.generator) - begun).norm())
    assert found["gradient_norm/generator"] == pytest.approx(moved / 0.1, rel=1e-4)
    assert "skipped/generator" not in found and "share/mse" not in found


def test_colours_are_compared_with_the_lr_s(folder: Path) -> None:
    one = made(folder, PLAIN)
    with torch.no_grad():
        for weight in one.assembly.generator.parameters():
            weight.zero_()
    found = measured(one)
    batch = next(one.batches(1))
    assert batch.lr is not None or batch.hr is not None
    source = batch.lr if batch.lr is not None else batch.hr
    for colour, mean in zip(("red", "green", "blue"), source.float().mean((0, 2, 3)), strict=True):
        assert found[f"colour_shift/{colour}"] == pytest.approx(-float(mean), abs=0.6)  # SR is black


def test_fp16_counts_what_is_skipped_and_what_vanishes(folder: Path) -> None:
    one = made(folder, PLAIN, "precision=fp16")
    one.stepper.updater.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)  # overflows fp16
    begun = weights(one.assembly.generator)
    found = measured(one)
    assert found["updates/generator"] == found["skipped/generator"] == 1 and torch.equal(
        begun, weights(one.assembly.generator)
    )
    assert 0 <= found["zero_gradients/generator"] <= 1
    plain = made(folder, PLAIN, "precision=fp16", "loss_scaling=false", "pixel_loss.mse.weight=1e-4")
    scaled = made(folder, PLAIN, "precision=fp16", "pixel_loss.mse.weight=1e-4")
    lost, kept = measured(plain), measured(scaled)
    assert lost["zero_gradients/generator"] > 0.9 > 0.5 > kept["zero_gradients/generator"]
    assert "skipped/generator" not in lost and kept["skipped/generator"] == 0
    assert measured(made(folder, GAN, "precision=fp16"))["updates/discriminator"] == 2  # discriminator_steps
    with pytest.raises(ExperimentError, match="loss_scaling: losses are scaled in fp16 only"):
        plan_of(prepared(folder, "loss_scaling = false\n" + PLAIN))


def test_two_players_accumulate_like_the_whole_batch_without_batch_norm(folder: Path) -> None:
    text = changed(GAN, accumulation="1", dropout="0.0").replace('use = "dilated"', 'use = "dilated"\nnorm = "none"')
    text = text.replace("[optimizer]", '[optimizer]\nuse = "sgd"')
    one, other = made(folder, text), made(folder, text, "optimizer.accumulation=2")
    wanted, found = advance(one, 3), advance(other, 3)
    close(weights(other.assembly.generator), weights(one.assembly.generator))
    close(weights(other.assembly.discriminator), weights(one.assembly.discriminator))  # type: ignore[arg-type]
    assert found[2]["discriminator"] == pytest.approx(wanted[2]["discriminator"], rel=1e-5)
