"""What one update does: accumulated or not, clipped, by groups, averaged, in fp16; and the two players apart."""

from pathlib import Path
from typing import Any

import pytest
import torch

from srkit.errors import ExperimentError
from srkit.experiment.resolved import resolve
from srkit.readiness import Prepared, make_ready, make_run
from srkit.training.precision import best_precision
from srkit.training.run import Run
from tests.execution.support import GAN, PLAIN, changed, numbers, plan_of, prepared, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    return tmp_path


def made(folder: Path, text: str, *settings: str) -> Run:
    """A run that has not begun."""
    ready: Prepared = make_ready(plan_of(prepared(folder, text), *settings), "cpu", None, lambda _: None)
    return make_run(ready, folder / "unused", None, {})


def advance(one: Run, steps: int = 1) -> list[dict[str, float]]:
    """Some steps; gives each one's terms."""
    found = []
    batches = one.batches(one.step + 1)
    for step in range(one.step + 1, one.step + steps + 1):
        one.stepper(step, one.timeline.at(step), lambda: next(batches), lambda terms, s=step: one.ledger.add(s, terms))
        one.step = step
        found.append(one.ledger.read())
    batches.close()
    return found


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in network.parameters()])


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


# --- the generator alone --------------------------------------------------------------------------------------------

SGD = PLAIN + '[optimizer]\nuse = "sgd"\nlr = 0.1\n[[degradation]]\nuse = "jpeg"\nquality = [40, 90]\n'


def test_accumulation_equals_the_whole_batch(folder: Path) -> None:
    one = made(folder, SGD)
    begun = weights(one.assembly.generator)
    wanted = advance(one, 3)
    for parts in (2, 4):
        other = made(folder, SGD, f"optimizer.accumulation={parts}")
        found = advance(other, 3)
        close(weights(other.assembly.generator), weights(one.assembly.generator))
        assert [line["mse"] for line in found] == pytest.approx([line["mse"] for line in wanted], rel=1e-5)
    assert not torch.allclose(begun, weights(one.assembly.generator), atol=1e-4)


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_accumulation_equals_the_whole_batch_in_a_game_too(folder: Path, norm: str) -> None:
    text = changed(GAN, accumulation="1", dropout="0.0").replace("channels = 4", f'channels = 4\nnorm = "{norm}"')
    one = made(folder, text)
    wanted = advance(one, 3)
    other = made(folder, changed(text, accumulation="2"))
    found = advance(other, 3)
    for before, after in zip(wanted, found, strict=True):
        for name in ("mse", "relativistic", "discriminator", "loss"):
            assert after[name] == pytest.approx(before[name], rel=1e-5), name


def test_clip_norm_bounds_the_step(folder: Path) -> None:
    for clip in (1e-3, 1e-2):
        one = made(folder, SGD, f"optimizer.clip_norm={clip}")
        begun = weights(one.assembly.generator)
        advance(one)
        assert float((weights(one.assembly.generator) - begun).norm()) == pytest.approx(0.1 * clip, rel=1e-3)


def test_groups_have_a_rate_of_their_own_and_0_freezes(folder: Path) -> None:
    names = [name for name, _ in made(folder, SGD).assembly.generator.named_parameters()]
    first, last = names[0], names[-1]

    def moved(*settings: str) -> dict[str, torch.Tensor]:
        one = made(folder, SGD + f'[[optimizer.group]]\nmatch = "{last}"\nlr_scale = 0.1\n', *settings)
        begun = {name: weight.detach().clone() for name, weight in one.assembly.generator.named_parameters()}
        advance(one)
        return {name: weight.detach() - begun[name] for name, weight in one.assembly.generator.named_parameters()}

    plain = made(folder, SGD)
    begun = {name: weight.detach().clone() for name, weight in plain.assembly.generator.named_parameters()}
    advance(plain)
    own = {name: weight.detach() - begun[name] for name, weight in plain.assembly.generator.named_parameters()}
    slower = moved()
    close(slower[first], own[first])
    close(slower[last], own[last] * 0.1)
    frozen = moved("optimizer.group=[{ match = '" + last + "', lr_scale = 0 }]")
    assert not frozen[last].any() and frozen[first].any()


def test_the_average_follows_its_formula(folder: Path) -> None:
    one = made(folder, PLAIN + "[ema]\ndecay = 0.5\n", "lr=1e-2")
    average = weights(one.assembly.generator).double()
    for step in range(1, 6):
        advance(one)
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weights(one.assembly.generator).double()
        assert one.stepper.ema is not None
        close(weights(one.stepper.ema.network).double(), average)
    assert not torch.equal(weights(one.model), weights(one.assembly.generator))


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precisions_train(folder: Path, precision: str) -> None:
    whole = made(folder, GAN)
    half = made(folder, GAN, f"precision={precision}")
    wanted, found = advance(whole, 3), advance(half, 3)
    assert found[2]["loss"] == pytest.approx(wanted[2]["loss"], rel=0.05)
    assert found != wanted
    state = half.stepper.updater.state_dict()["scaler"]
    assert (state["_growth_tracker"] == 3) is (precision == "fp16")
    assert not torch.equal(weights(half.assembly.generator), weights(made(folder, GAN).assembly.generator))


def test_schedule_and_stages_change_what_they_say_at_their_step(folder: Path) -> None:
    text = (
        GAN.replace('set = { "pixel_loss.mse.weight" = 2.0, "data.batch_size" = 2 }', "")
        + """
[stage.set]
"pixel_loss.mse.weight" = 5.0
"data.batch_size" = 2
"precision" = "bf16"
"degradation.jpeg.quality" = [10, 10]
"adversarial_loss.discriminator_steps" = 3
"feature_loss.Notches.weight" = 0
"""
    )
    one = made(folder, text.replace('use = "cosine"', 'use = "constant"'))
    for step in (4, 5):
        span = one.timeline.at(step)
        late = step == 5
        assert span.batch_size == (2 if late else 4)
        assert span.precision == ("bf16" if late else "fp32")
        assert span.weights == ({"mse": 5.0, "Notches": 0} if late else {"mse": 1.0, "Notches": 0.1})
        assert span.discriminator_steps == (3 if late else 2)
        assert span.lr["generator"] == (3e-4 if late else 1e-3)
    assert one.timeline.at(5).position(5) == 4 * 4 and one.timeline.at(6).position(6) == 4 * 4 + 2
    lines = advance(one, 5)
    assert "Notches" in lines[3] and "Notches" not in lines[4]
    assert one.stepper.learning_rates() == {"generator": 3e-4, "discriminator": 1e-3}
    step = one.assembly.lr_makers[1].after[0].degrade
    assert vars(step) != vars(one.assembly.lr_makers[0].after[0].degrade)


def test_epochs_become_steps(folder: Path) -> None:
    text = GAN.replace("steps = 4", "epochs = 8").replace("steps = 6", "epochs = 2.5")
    spans = made(folder, text).timeline.spans
    assert [(span.first, span.last) for span in spans] == [(1, 10), (11, 16)]  # 5 photos, batches of 4 and 2
    assert made(folder, "steps = 16\n" + text).timeline.total == 16


def test_an_epoch_goes_through_the_data_once_though_the_discriminator_wants_fresh_pictures(folder: Path) -> None:
    text = GAN.replace("steps = 4", "epochs = 8").replace('"same"', '"fresh"')
    timeline = made(folder, text).timeline
    assert timeline.spans[0].last == 5  # 8 times 5 photos, two batches of 4 a step
    assert timeline.spans[1].start == 8 * 5


def test_steps_beside_epochs_are_compared_once_the_photos_are_counted(folder: Path) -> None:
    text = "steps = 17\n" + GAN.replace("steps = 4", "epochs = 8").replace("steps = 6", "epochs = 2.5")
    with pytest.raises(ExperimentError, match=r"tiny.toml:1 steps: steps = 17, .* come to 16 with this data \(10, 6\)"):
        made(folder, text)


def test_auto_in_a_stage_has_an_outcome(folder: Path) -> None:
    text = GAN.replace('"data.batch_size" = 2', '"data.batch_size" = 2, precision = "auto"')
    plan = plan_of(prepared(folder, text))
    said: list[str] = []
    ready = make_ready(plan, "cpu", None, said.append)
    resolved = resolve(plan, ready.outcomes)
    best = best_precision(torch.device("cpu"))[0]
    assert resolved["stage"][1]["set"]["precision"] == best and resolved["precision"] == "fp32"
    assert ready.timeline.spans[1].precision == best and any(f"precision {best}:" in one for one in said)


def test_parameters_of_losses_train(folder: Path) -> None:
    one = made(folder, GAN)
    advance(one, 2)
    scales = next(one.assembly.losses["Notches"].parameters())
    assert float((scales.detach() - 1).abs().max()) > 0
    own = made(folder, GAN + '[optimizer.losses]\nuse = "sgd"\nlr = 0.5\n')
    advance(own)
    assert own.stepper.learning_rates()["losses"] == 0.5 * own.stepper.updater.schedule.factor(1)
    still = made(folder, GAN + '[optimizer.losses]\nuse = "sgd"\n', "precision=fp16", "feature_loss.Notches.weight=0")
    advance(still, 2)  # a loss at weight 0 leaves its optimizer nothing to do
    assert torch.equal(next(still.assembly.losses["Notches"].parameters()), torch.ones(3))


# --- two players ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", ["same", "fresh"])
def test_each_player_s_step_leaves_the_other_alone(folder: Path, batch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(folder, changed(GAN, discriminator_batch=f'"{batch}"'))
    generator, discriminator = one.assembly.generator, one.assembly.discriminator
    assert discriminator is not None and one.stepper.discriminator_updater is not None
    events: list[str] = []

    def watching(name: str, updater: Any, mine: torch.nn.Module, other: torch.nn.Module) -> None:
        original = updater.step

        def step(*arguments: Any) -> None:
            assert all(weight.grad is not None for weight in mine.parameters())
            assert all(weight.grad is None for weight in other.parameters()), f"{name}'s step moves the other"
            before = weights(other)
            original(*arguments)
            assert torch.equal(before, weights(other))
            events.append(name)

        monkeypatch.setattr(updater, "step", step)

    watching("generator", one.stepper.updater, generator, discriminator)
    watching("discriminator", one.stepper.discriminator_updater, discriminator, generator)
    advance(one, 2)
    assert events == ["generator", "discriminator", "discriminator"] * 2
    assert all(weight.requires_grad for weight in discriminator.parameters())
    assert discriminator.training and generator.training


LEARNED = """
import torch
from torch import nn


class Learned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def generator_term(self, views):
        return -(self.gain * views.discriminator(views.sr).logits[0]).mean()

    def discriminator_term(self, views):
        return (self.gain * (views.discriminator(views.sr).logits[0] - views.discriminator(views.hr).logits[0])).mean()
"""


def test_what_an_adversarial_loss_learns_is_learned_in_the_generator_s_step_alone(folder: Path) -> None:
    (folder / "learned.py").write_text(LEARNED, encoding="utf-8")
    game = 'use = "./learned.py:Learned"'
    one = made(folder, GAN.replace('use = "relativistic"\ncapped = true', game))
    gain = one.assembly.adversarial.gain
    advance(one)
    moved = float(gain)
    assert moved != 1 and gain.grad is None and gain.requires_grad
    still = made(
        folder, GAN.replace('use = "relativistic"\ncapped = true', game), "adversarial_loss.discriminator_steps=1"
    )
    advance(still)
    assert float(still.assembly.adversarial.gain) == moved  # however often the discriminator learns


DOWNSCALES = """
import torch


class Downscales:
    def __call__(self, views):
        shrunk = views.downscale(views.hr)
        views.note("levels", ((shrunk - views.lr) * 255).abs().max())
        return (views.sr - views.hr).square().mean()
"""


def test_a_loss_shrinks_pictures_as_lr_pictures_are_made_in_any_precision(folder: Path) -> None:
    (folder / "shrinks.py").write_text(DOWNSCALES, encoding="utf-8")
    text = PLAIN.replace('use = "mse"', 'use = "./shrinks.py:Downscales"') + '[downscaler]\nuse = "matlab-bicubic"\n'
    (terms,) = advance(made(folder, text, "precision=bf16"))
    assert terms["Downscales/levels"] <= 0.51  # LR pictures are rounded to whole levels


def test_the_original_is_judged_once_and_without_graph_in_the_generator_s_step(folder: Path) -> None:
    one = made(folder, changed(GAN, accumulation="1", discriminator_steps="1"))
    passes: list[tuple[bool, bool]] = []
    discriminator = one.assembly.discriminator
    assert discriminator is not None
    discriminator.register_forward_hook(
        lambda module, inputs, output: passes.append((inputs[0].requires_grad, output.requires_grad))
    )
    advance(one)
    # generator's step: the fake with graph, the original without; discriminator's: both, the fake detached
    assert sorted(passes[:2]) == [(False, False), (True, True)]
    assert passes[2:] == [(False, True), (False, True)]


def test_at_weight_0_there_is_no_game(folder: Path) -> None:
    one = made(folder, GAN, "adversarial_loss.weight=0")
    assert one.assembly.discriminator is not None
    before = weights(one.assembly.discriminator)
    (terms,) = advance(one)
    assert "discriminator" not in terms and torch.equal(before, weights(one.assembly.discriminator))


def test_the_average_is_judged_kept_and_loaded(folder: Path) -> None:
    from srkit.inference.model import load_model
    from srkit.registry import Registry
    from srkit.training.checkpoint import load

    outcome = run(prepared(folder, GAN), out=folder / "out")
    saved = load(folder / "out/checkpoints/step-00000010")
    assert set(saved.modules) == {"generator", "discriminator", "ema"}
    model = load_model(folder / "out", Registry.installed())
    assert model.scale == 2 and not model.network.training and model.complaints == []
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, saved.modules["ema"][key])
        assert not torch.equal(value, saved.modules["generator"][key])
    assert numbers(folder / "out", "validation.jsonl")[-1]["psnr-y"] == outcome.rows[1].metrics["psnr-y"].mean
    early = load_model(folder / "out/checkpoints/step-00000010", Registry.installed())
    assert early.checkpoint.name == "step-00000010"
