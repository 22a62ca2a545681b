"""Optimizers that ask for the loss again (LBFGS, SAM), and those whose groups cannot be told their rates."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from srkit.errors import SrkitError
from tests.cli.conftest import Command, srkit
from tests.execution.support import GAN, PLAIN, assert_same_run, changed, numbers, prepared, run
from tests.training.test_step import advance, close, made, weights

__all__ = ["srkit"]

OWN = '''
import torch


def lbfgs(parameters, max_iter: int = 4) -> torch.optim.Optimizer:
    """torch's own, which has `step(closure)`."""
    return torch.optim.LBFGS(parameters, lr=1.0, max_iter=max_iter)


class Sam(torch.optim.SGD):
    """Foret et al. 2021, arXiv 2010.01412: the gradient at the worst place near by. Its closure has a default."""

    def __init__(self, parameters, rho: float = 0.05) -> None:
        super().__init__(parameters, lr=1e-3)
        self.rho = rho

    def step(self, closure=None):
        if closure is None:
            raise RuntimeError("SAM wants a closure")
        weights = [one for group in self.param_groups for one in group["params"]]
        norm = torch.stack([one.grad.norm() for one in weights]).norm()
        kept = [one.detach().clone() for one in weights]
        for one in weights:
            one.data.add_(one.grad * (self.rho / norm))
        closure()
        for one, before in zip(weights, kept):
            one.data.copy_(before)
        return super().step()


class Declared(Sam):
    needs_closure = True


class Regroups(torch.optim.SGD):
    """Puts weights and biases apart, and forgets what else a group has."""

    def __init__(self, parameters, keeps: bool = False, loses: bool = False) -> None:
        groups = []
        for group in parameters:
            for some in ([one for one in group["params"] if one.dim() > 1], [one for one in group["params"] if one.dim() < 2]):
                if some:
                    groups.append({**(group if keeps else {}), "params": some[: len(some) - loses]})
        super().__init__(groups, lr=1e-3)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path)
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def with_optimizer(name: str, options: str = "", text: str = PLAIN) -> str:
    return text + f'[optimizer]\nuse = "./own.py:{name}"\nlr = 0.05\n{options}\n'


def first_pair(folder: Path, text: str) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """A generator as it begins, and the images of the first step."""
    one = made(folder, text)
    batches = one.batches(1)
    (part,) = one.stepper.pairing(next(batches), one.timeline.at(1), 0)
    batches.close()
    network = copy.deepcopy(one.assembly.generator).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return network, part.lr, part.hr


def test_lbfgs_takes_the_steps_that_torch_takes_by_hand(folder: Path) -> None:
    network, lr, hr = first_pair(folder, with_optimizer("lbfgs"))
    by_hand = torch.optim.LBFGS(network.parameters(), lr=0.05, max_iter=4)

    def closure() -> torch.Tensor:
        by_hand.zero_grad()
        loss = F.mse_loss(network(lr), hr)
        loss.backward()
        return loss

    by_hand.step(closure)
    one = made(folder, with_optimizer("lbfgs"))
    (terms,) = advance(one)
    close(weights(one.assembly.generator), weights(network))
    # the log has the loss before the update, as with any optimizer
    assert terms["loss"] == pytest.approx(
        advance(made(folder, with_optimizer("sgd").replace("./own.py:", "")))[0]["loss"]
    )


@pytest.mark.parametrize("name", ["Sam", "Declared"])
@pytest.mark.parametrize("parts", [1, 2])
def test_sam_takes_the_gradient_at_the_worst_place_near_by(folder: Path, name: str, parts: int) -> None:
    network, lr, hr = first_pair(folder, with_optimizer(name))
    begun = [one.detach().clone() for one in network.parameters()]
    gradients = torch.autograd.grad(F.mse_loss(network(lr), hr), list(network.parameters()))
    norm = torch.stack([one.norm() for one in gradients]).norm()
    with torch.no_grad():
        for weight, gradient in zip(network.parameters(), gradients, strict=True):
            weight += 0.05 * gradient / norm
    gradients = torch.autograd.grad(F.mse_loss(network(lr), hr), list(network.parameters()))
    wanted = torch.cat([(w - 0.05 * g).flatten() for w, g in zip(begun, gradients, strict=True)])
    one = made(folder, with_optimizer(name, f"accumulation = {parts}"))
    advance(one)
    close(weights(one.assembly.generator), wanted)


SPECTRAL = changed(GAN, accumulation="1", dropout="0.3", discriminator_steps="1").replace(
    "channels = 4", 'channels = 4\nnorm = "spectral"'
)


def test_what_a_pass_moves_on_is_moved_on_once_a_step(folder: Path) -> None:
    """Dropout, and the vectors of spectral norm; each evaluation sees the same."""
    text = SPECTRAL.replace("[optimizer]\n", '[optimizer]\nuse = "./own.py:Sam"\n')
    assert text != SPECTRAL
    one, plain = made(folder, text), made(folder, SPECTRAL.replace("[optimizer]\n", '[optimizer]\nuse = "sgd"\n'))
    assert [line["loss"] for line in advance(one)] == [line["loss"] for line in advance(plain)]
    assert one.assembly.discriminator is not None and plain.assembly.discriminator is not None
    own, others = dict(one.assembly.discriminator.named_buffers()), dict(plain.assembly.discriminator.named_buffers())
    vectors = [name for name in own if name.endswith("_u")]
    # of a first step: the discriminator's weights in it were the same for both
    assert vectors and all(torch.equal(own[name], others[name]) for name in vectors)


def test_a_run_with_closures_goes_on_from_its_checkpoint_to_the_last_bit(folder: Path) -> None:
    for name in ("lbfgs", "Sam"):
        path = prepared(folder, with_optimizer(name) + "[validation]\nevery = 2\n")
        path.write_text(path.read_text().replace("every = 3", "every = 2"))  # checkpoints
        run(path, out=folder / f"whole-{name}")
        run(path, "steps=4", out=folder / f"half-{name}")
        run(path, out=folder / f"half-{name}", resume=True)
        assert_same_run(folder / f"whole-{name}", folder / f"half-{name}")
        losses = [line["loss"] for line in numbers(folder / f"whole-{name}")]
        assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [("", "lose lr_scale"), ("loses = true", "was handed"), ("keeps = true\nloses = true", "was handed")],
)
def test_an_optimizer_whose_groups_cannot_be_told_their_rates_is_refused(
    folder: Path, options: str, said: str, srkit: Command
) -> None:
    path = prepared(folder, with_optimizer("Regroups", options))
    checked = srkit("check", "tiny.toml")
    spoken = " ".join(checked.out.split())
    assert checked.code == 2 and "tiny.toml:23 optimizer.use: the optimizer 'Regroups'" in spoken, spoken
    assert said in spoken and "super().__init__(parameters, defaults)" in spoken
    with pytest.raises(SrkitError, match=said):
        made(folder, path.read_text(encoding="utf-8"))


def test_groups_of_its_own_that_keep_what_they_had_are_fine(folder: Path) -> None:
    plain = with_optimizer("sgd", "momentum = 0.0").replace("./own.py:", "")
    one, other = made(folder, with_optimizer("Regroups", "keeps = true")), made(folder, plain)
    advance(one, 2), advance(other, 2)
    assert len(one.stepper.updater.optimizer.param_groups) == 2
    close(weights(one.assembly.generator), weights(other.assembly.generator))


def test_closures_and_scaled_losses_are_refused_together(folder: Path, srkit: Command) -> None:
    prepared(folder, with_optimizer("lbfgs", text=PLAIN.replace('"fp32"', '"fp16"')))
    said = srkit("check", "tiny.toml")
    spoken = " ".join(said.out.split())
    assert said.code == 2 and "tiny.toml:5 precision: the optimizer 'lbfgs' computes losses by a closure" in spoken, (
        spoken
    )
    prepared(folder, with_optimizer("lbfgs", text=PLAIN.replace('"fp32"', '"fp16"\nloss_scaling = false')))
    assert srkit("check", "tiny.toml").code == 0
