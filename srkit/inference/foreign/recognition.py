"""Which installed network a file of foreign weights belongs to: each is asked, and has to fit to the last tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srkit.contracts import Foreign
from srkit.errors import FAILURES, OptionError, UserError
from srkit.inference.building import TooLarge, built_to_fit, no_larger_than
from srkit.inference.exported import exported_model, is_exported
from srkit.inference.initial import compared
from srkit.inference.own_code import own_names
from srkit.inference.weights import AVERAGED, GENERATORS, SUFFIXES, Weights, read_weights
from srkit.registry import KINDS, Component, Registry

ROLES = {"generator": "generators", "discriminator": "discriminators"}
SHOWN = 8
LR_IMAGES = ("downscaler", "lr_pipeline", "degradation")
"""The tables of an experiment that say how LR images are made."""


@dataclass(frozen=True)
class Recognized:
    """A file's network.

    Attributes:
        role: `generator` or `discriminator`.
        component: what builds the network.
        foreign: layout, options, what was assumed.
        network: the network with the file's weights, on the CPU.
        weights: the file.
        lr_images: the tables of an experiment that say how LR images were made, as far as the file tells and they name
            registered components.
        trained_on: the fingerprint of the training images; empty where the file does not tell.
    """

    role: str
    component: Component
    foreign: Foreign
    network: nn.Module
    weights: Weights
    lr_images: Mapping[str, Any] = field(default_factory=dict)
    trained_on: str = ""


def recognize(path: Path, registry: Registry) -> Recognized:
    """Find the network a file belongs to, and load it.

    Raises:
        UserError: the file cannot be read, no network knows it, several do, or the one that does leaves something over.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; srkit import takes files of weights")
    if _is_own(path):
        return _by_own_words(path, registry)
    weights = read_weights(path, "generator")
    ordered = weights.file.suffix != ".safetensors"  # that format sorts its tensors
    said: list[str] = []
    refusal: _Unknown | None = None
    while True:
        try:
            one = _recognized(path, weights, ordered, registry)
            break
        except _Unknown as error:
            if refusal is None or (isinstance(error, _Unfit) and not isinstance(refusal, _Unfit)):
                refusal = error
        # what a trainer calls the network stands before every name; some networks' own names begin alike too
        if (inner := _within(weights)) is None:
            raise refusal
        sentence, weights = inner
        said.append(sentence)
    if weights.inside and len(weights.inside) + len(weights.beside) > 1:
        said.insert(0, f"the weights are those under {'.'.join(weights.inside)!r}")
    return replace(one, weights=weights, foreign=replace(one.foreign, assumed=(*one.foreign.assumed, *said)))


class _Unknown(UserError):
    """No network knows the weights."""


class _Unfit(_Unknown):
    """A network knows them, and they do not fit it."""


_NETWORKS = (*AVERAGED, *(f"{name}_ema" for name in GENERATORS), *GENERATORS, "module", "_orig_mod")
"""Before which names the generator's may stand where a file holds several networks, averaged ones first."""


def _within(weights: Weights) -> tuple[str, Weights] | None:
    """The weights of the generator alone without what stands before each of their names, and a sentence on that.

    None where no name has anything before it, or none of several is a generator's.
    """
    heads = Counter(name.partition(".")[0] for name in weights.tensors)
    head = next(iter(heads)) if len(heads) == 1 else next((one for one in _NETWORKS if one in heads), None)
    if head is None:
        return None
    prefix = f"{head}."
    tensors = {name.removeprefix(prefix): one for name, one in weights.tensors.items() if name.startswith(prefix)}
    if not tensors:
        return None
    left = tuple(f"{one} ({count} tensor{'s' * (count > 1)})" for one, count in heads.items() if one != head)
    sentence = (
        f"of what the file holds, the names that begin with {prefix!r} were taken, without that"
        if left
        else f"every name begins with {prefix!r}, which was taken away"
    )
    return sentence, replace(weights, tensors=tensors, beside=(*weights.beside, *left))


def _recognized(path: Path, weights: Weights, ordered: bool, registry: Registry) -> Recognized:
    found: list[Recognized] = []
    misfits: list[str] = []
    failed: dict[str, BaseException] = {}
    for role, component in _asked(registry):
        try:
            if (one := _fitted(role, component, weights, ordered)) is not None:
                found.append(one)
        except _Misfit as misfit:
            misfits.append(str(misfit))
        except TooLarge as error:
            misfits.append(str(error).removeprefix(f"{path}: "))
        except FAILURES as error:  # a component of anyone's; the others may know the file
            failed[f"{component.kind.singular} {component.use!r}"] = error
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(f"{one.component.use} ({one.foreign.layout})" for one in found)
        raise UserError(f"{path}: {names} take these weights for theirs; SRKIT_LOAD_PLUGINS leaves a plugin out")
    first, *others = ["; ".join(misfits)] if misfits else _unknown(weights, registry)
    others += [
        f"{label} failed while it looked at the file: {type(why).__name__}: {why}" for label, why in failed.items()
    ]
    kind = _Unfit if misfits else _Unknown
    raise kind(f"{path}: {first}", *others) from next(iter(failed.values()), None)


def _is_own(path: Path) -> bool:
    """Whether srkit exported it; what is damaged is told of by whoever reads it next."""
    with suppress(UserError):
        return path.is_file() and path.suffix in SUFFIXES and is_exported(path)
    return False


def _by_own_words(path: Path, registry: Registry) -> Recognized:
    """The generator that a file of srkit's own describes, as `load`, `upscale` and `bench` build it.

    Raises:
        UserError: as `exported_model`.
    """
    model = exported_model(path, registry)
    assert model.trained_on is not None and model.scale is not None
    kind, table = KINDS["generators"], dict(model.trained_on.experiment["generator"])
    component = registry.registered_only.find(kind, str(table.pop("use")), path.resolve().parent)
    weights = read_weights(path, "generator")
    foreign = Foreign("an export of srkit", {"scale": model.scale, **table}, weights.tensors)
    lr_images = {key: one for key in LR_IMAGES if (one := model.trained_on.experiment.get(key))}
    if own_names(lr_images, registry):
        lr_images = {}
        foreign = replace(foreign, assumed=("LR images are made as by default: the file names own code for it",))
    fingerprint = model.trained_on.fingerprint
    return Recognized("generator", component, foreign, model.load(model.scale), weights, lr_images, fingerprint)


class _Misfit(Exception):
    """A network takes a file for its own, but cannot be built so or does not fit."""


def _fitted(role: str, component: Component, weights: Weights, ordered: bool) -> Recognized | None:
    """The network with the weights, if it takes them for its own.

    Raises:
        _Misfit: it does, and they do not fit.
    """
    with no_larger_than(weights.tensors, weights.file):
        foreign = component.factory.recognize(dict(weights.tensors), ordered)  # type: ignore[attr-defined]
    if foreign is None:
        return None
    looks = f"it looks like {foreign.layout} ({component.kind.singular} {component.name!r}), but"

    def check(own: Mapping[str, Tensor]) -> None:
        fit = compared(own, foreign.weights)
        if not fit.is_whole:
            raise _Misfit(f"{looks} not everything fits: {fit}")

    try:
        network = built_to_fit(partial(_build, component, foreign.options), weights.tensors, weights.file, check)
    except OptionError as error:
        raise _Misfit(f"{looks} {error.key}: {error.why}") from error
    network.load_state_dict(foreign.weights)
    return Recognized(role, component, foreign, network, weights)


def _asked(registry: Registry) -> Iterator[tuple[str, Component]]:
    """The installed networks that can recognise files."""
    for role, plural in ROLES.items():
        for entry in registry.entries(KINDS[plural]):
            with suppress(UserError):  # a broken one recognises nothing; `srkit list` tells
                component = registry.find(KINDS[plural], entry.qualified, Path.cwd())
                if callable(getattr(component.factory, "recognize", None)):
                    yield role, component


def _build(component: Component, options: Mapping[str, Any]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = component.factory(**options)
    return network


def _unknown(weights: Weights, registry: Registry) -> list[str]:
    """What is said of a file that nobody knows, line by line."""
    names = list(weights.tensors)
    first = ", ".join(f"{name} {tuple(weights.tensors[name].shape)}" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [
        f"no network knows these weights: {first}{more}.",
        *_by_spandrel(weights.tensors),
        "Known are",
        *(f"  {component.name}: {_known(component)}" for _, component in _asked(registry)),
        "A component of yours can join them by a static method `recognize`, see srkit.contracts.Foreign",
    ]


def _known(component: Component) -> str:
    doc = " ".join((component.factory.recognize.__doc__ or "").split())  # type: ignore[attr-defined]
    return doc.partition("; for `srkit import`")[0].rstrip(".")


def _by_spandrel(tensors: dict[str, Tensor]) -> list[str]:
    """A sentence where spandrel, if it is installed, has a network for the weights."""
    try:
        from spandrel import MAIN_REGISTRY
    except ImportError:
        return []
    for support in MAIN_REGISTRY.architectures("detection"):
        if support.architecture.detect(tensors):
            return [
                f"spandrel knows them as {support.architecture.name}; `srkit bench` takes such a file as it is, "
                "but it cannot be trained."
            ]
    return []
