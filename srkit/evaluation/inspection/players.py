"""One training step as inspection runs it: both networks with the experiment's losses, on any device, without data."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly.borrowed import lend
from srkit.assembly.parts import SharedParts, as_module, takes_lr, wants_views
from srkit.contracts import DiscriminatorOutput, GeneratorOutput, Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import FAILURES, in_short
from srkit.experiment import Plan
from srkit.layer_outputs import layer_outputs, needed_layers
from srkit.registry.trust import NOT_BUILT

__all__ = ["Players", "judge", "players_of", "run_step"]

FILLED = 1e-3
"""What weights that were built without content are filled with: memory does not depend on it."""


@dataclass(frozen=True)
class Players:
    """Who takes part in a training step.

    Attributes:
        generator, discriminator: the networks; no discriminator where no GAN is trained.
        losses: by name; some perhaps on torch's meta device.
        adversarial: the adversarial loss, or None.
        scale: SR pixels of a LR pixel.
        shift: HR pixels that the discriminator's pictures are smaller by on each axis.
        averaged: whether averaged weights are kept too.
        shrinks: whether there is a downscaler that a loss may ask for.
        left_out: losses that cannot be counted, name -> why.
    """

    generator: nn.Module
    discriminator: nn.Module | None
    losses: Mapping[str, nn.Module]
    adversarial: Any
    scale: int
    shift: int = 0
    averaged: bool = False
    shrinks: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)

    def networks(self) -> list[nn.Module]:
        """All that holds weights."""
        adversarial = [self.adversarial] if isinstance(self.adversarial, nn.Module) else []
        critic = [self.discriminator] if self.discriminator is not None else []
        return [self.generator, *critic, *self.losses.values(), *adversarial]

    def copied(self, device: torch.device | str) -> Players:
        """Copies in train mode on a device."""
        # in one go, because losses may share a network
        own = copy.deepcopy((self.generator, self.discriminator, dict(self.losses), self.adversarial))
        made = replace(self, generator=own[0], discriminator=own[1], losses=own[2], adversarial=own[3])
        for network in made.networks():
            _move(network, torch.device(device))
        made.generator.train()
        if made.discriminator is not None:
            made.discriminator.train()
        return made


def players_of(plan: Plan, generator: nn.Module, discriminator: nn.Module | None) -> Players:
    """The networks with the plan's losses, which are built on torch's meta device; what cannot be is left out."""
    experiment, shared = plan.experiment, SharedParts()
    losses: dict[str, nn.Module] = {}
    left_out: dict[str, str] = {}
    for table in ("pixel_loss", "feature_loss"):
        for index, entry in enumerate(getattr(experiment, table)):
            made = _built(plan, (table, index), shared, entry.name, left_out)
            losses |= {entry.name: as_module(made)} if made is not None else {}
    adversarial, table_of = None, experiment.adversarial_loss
    if discriminator is not None and table_of is not None:
        adversarial = _built(plan, ("adversarial_loss",), shared, table_of.name, left_out)
    shift = table_of.shift_crop - 1 if table_of is not None else 0
    whole = Players(
        generator,
        discriminator,
        losses,
        adversarial,
        experiment.scale,
        shift,
        averaged=experiment.ema is not None,
        shrinks=experiment.lr_pipeline is None,
        left_out=left_out,
    )
    return _usable(whole, max(1, experiment.data.patch_size // experiment.scale))


def _built(plan: Plan, path: tuple[Any, ...], shared: SharedParts, name: str, left_out: dict[str, str]) -> Any:
    pick = plan.picks.get(path)
    if pick is None or plan.typing.is_faulty(pick.path):
        refused = any(one.message.startswith(NOT_BUILT) for one in plan.typing.problems_at(path))
        left_out[name] = NOT_BUILT if refused else "it is not described rightly; srkit check says more"
        return None
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            built = pick.build(shared=shared)
        lend(built, pick.component.kind)
        return built
    # A factory may raise anything where tensors have no content; then nothing is known of this loss.
    except FAILURES as error:
        left_out[name] = _said(error)
        return None


def _usable(players: Players, side: int) -> Players:
    """Without the losses that do not run on tensors without content."""
    own = players.copied("meta")
    lr = torch.zeros(2, 3, side, side, device="meta")
    with layer_outputs(own.generator, needed_layers(own.losses.values())) as layers:
        output = own.generator(lr)
    sr = output.sr if isinstance(output, GeneratorOutput) else output
    views = _views(own, lr, sr.detach().requires_grad_(), getattr(output, "extras", {}))
    views.layers = layers
    left_out = dict(players.left_out)
    for name, loss in own.losses.items():
        try:
            _value(loss(views) if wants_views(loss) else loss(views.sr, views.hr))
        except FAILURES as error:
            left_out[name] = _said(error)
    if own.adversarial is not None:
        judge(own, sr, lr)  # a discriminator that does not take such pictures is to be heard of
        try:
            _value(own.adversarial.generator_term(views))
            _value(own.adversarial.discriminator_term(views))
        except FAILURES as error:
            left_out["adversarial loss"] = _said(error)
    losses = {name: loss for name, loss in players.losses.items() if name not in left_out}
    adversarial = None if "adversarial loss" in left_out else players.adversarial
    return replace(players, losses=losses, adversarial=adversarial, left_out=left_out)


def run_step(players: Players, lr: Tensor) -> None:
    """The forward and backward passes of one update of each network; nothing is updated.

    Args:
        players: copies of which the gradients may be touched.
        lr: (B, 3, h, w).
    """
    fake = _generator_pass(players, lr)
    for network in players.networks():
        network.zero_grad()
    if players.discriminator is None:
        return
    players.discriminator.requires_grad_(True)
    views = _views(players, lr, fake, {})
    if players.adversarial is not None:
        term = _value(players.adversarial.discriminator_term(views))
    else:
        term = sum(
            (_logits(judge(players, one, lr)) for one in (views.hr, views.sr)), torch.zeros((), device=lr.device)
        )
    term.backward()
    players.discriminator.zero_grad()


def _generator_pass(players: Players, lr: Tensor) -> Tensor:
    if players.discriminator is not None:
        players.discriminator.requires_grad_(False)
    with layer_outputs(players.generator, needed_layers([*players.losses.values(), players.adversarial])) as layers:
        output = players.generator(lr)
    sr = output.sr if isinstance(output, GeneratorOutput) else output
    views = _views(players, lr, sr, getattr(output, "extras", {}))
    views.layers = layers
    terms = [_value(one(views) if wants_views(one) else one(sr, views.hr)) for one in players.losses.values()]
    if players.adversarial is not None:
        terms.append(_value(players.adversarial.generator_term(views)))
    elif players.discriminator is not None:
        terms.append(_logits(judge(players, sr, lr)))
    total = torch.stack(terms).sum() if terms else sr.square().mean()
    total.backward()
    return sr.detach()


def _views(players: Players, lr: Tensor, sr: Tensor, extras: Mapping[str, Any]) -> Views:
    views = Views(
        sr=sr,
        hr=torch.full_like(sr, 0.5).detach(),
        lr=lr,
        step=1,
        draws=SampleDraws(StreamKey(0, 0, 1), range(len(lr)), "inspect"),
        extras=extras,
        downscale=(lambda image: F.interpolate(image, lr.shape[-2:], mode="area")) if players.shrinks else None,
        make_ema_sr=sr.detach if players.averaged else None,
    )
    if players.discriminator is not None:
        views.discriminator = lambda image: judge(players, image, lr)
    return views


def judge(players: Players, image: Tensor, lr: Tensor) -> DiscriminatorOutput:
    """The discriminator's output for HR pictures, cut as the experiment's shift cuts them."""
    network = players.discriminator
    assert network is not None
    height, width = (side - players.shift for side in image.shape[-2:])
    image = image[..., :height, :width]
    given = {"lr": lr} if takes_lr(network) else {}
    output = network(image, **given)
    return output if isinstance(output, DiscriminatorOutput) else DiscriminatorOutput([output])


def _logits(output: DiscriminatorOutput) -> Tensor:
    return torch.stack([one.square().mean() for one in output.logits]).sum()


def _value(term: Tensor | dict[str, Tensor]) -> Tensor:
    parts = list(term.values()) if isinstance(term, dict) else [term]
    return torch.stack([one.float().reshape(()) for one in parts]).sum()


@torch.no_grad()
def _move(network: nn.Module, device: torch.device) -> None:
    """To a device, weights without content with some."""
    tensors = [*network.parameters(), *network.buffers()]
    if device.type == "meta" or not any(one.is_meta for one in tensors):
        network.to(device)
        return
    network.to_empty(device=device)
    for one in (*network.parameters(), *network.buffers()):
        one.fill_(FILLED if one.is_floating_point() else 0)


def _said(error: BaseException) -> str:
    return in_short(error)[:120]
