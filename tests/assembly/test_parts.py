"""Live objects out of a plan: their weights are a function of the seed and the part, what is shared is built once."""

from __future__ import annotations

import fnmatch

import pytest
import torch
from torch import nn

from srkit.assembly import assemble
from srkit.assembly.groups import parameter_groups
from srkit.errors import ExperimentError
from srkit.experiment.schema import OptimizerGroup
from tests.assembly.conftest import Stage
from tests.experiment.conftest import BASE

GAN = '[discriminator]\nuse = "dilated"\nchannels = 2\n[adversarial_loss]\nuse = "relativistic"\n'


def weights(stage: Stage, *settings: str, text: str = BASE) -> torch.Tensor:
    generator = assemble(stage.sound(text, *settings)).generator
    return torch.cat([one.detach().flatten() for one in generator.parameters()])


def test_initial_weights_are_a_function_of_the_seed(stage: Stage) -> None:
    torch.manual_seed(1)
    first = weights(stage)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(weights(stage), first)
    assert torch.equal(weights(stage, text=BASE + GAN), first), "another part does not change them"
    assert not torch.equal(weights(stage, "seed=1"), first)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_one_network_for_all_losses(stage: Stage) -> None:
    vgg = '[[feature_loss]]\nuse = "vgg16"\nweights = "random"\nlayers = ["conv1_1"]\n'
    losses = assemble(stage.sound(BASE + vgg + vgg.replace("conv1_1", "conv1_2"))).losses
    assert list(losses) == ["mse", "vgg16", "vgg16-2"]
    assert losses["vgg16"].trunk is losses["vgg16-2"].trunk


def test_a_refusal_has_file_line_and_key(stage: Stage) -> None:
    text = BASE.replace('"espcn"', '"./own.py:Fine"').replace("scale = 2", "scale = 4")
    with pytest.raises(ExperimentError, match="x.toml:1 scale: the generator 'Fine' cannot do this: it can do 2 and 3"):
        assemble(stage.sound(text))


# --- parameter groups -------------------------------------------------------------------------------------------------


def network() -> nn.Module:
    return nn.ModuleDict({"body": nn.Linear(1, 2), "tail": nn.Linear(2, 1)})


def test_the_first_pattern_that_fits_wins() -> None:
    groups = [OptimizerGroup(match="tail.*", lr_scale=0.1), OptimizerGroup(match=["*.bias"], lr_scale=0.5)]
    found = parameter_groups(network(), groups)
    assert [(one["lr_scale"], len(one["params"])) for one in found] == [(1.0, 1), (0.1, 2), (0.5, 1)]


def test_zero_freezes() -> None:
    net = network()
    found = parameter_groups(net, [OptimizerGroup(match="body.*", lr_scale=0)])
    assert [len(one["params"]) for one in found] == [2]
    assert [name for name, one in net.named_parameters() if not one.requires_grad] == ["body.weight", "body.bias"]
    assert parameter_groups(network(), [OptimizerGroup(match="*", lr_scale=0)]) == []


def test_patterns_are_those_of_file_names_and_know_case() -> None:
    assert fnmatch.fnmatchcase("tail.weight", "t??l.*")
    found = parameter_groups(network(), [OptimizerGroup(match="Tail.*", lr_scale=0.1)])
    assert len(found) == 1
