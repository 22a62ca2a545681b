"""Every built-in keeps the rules that the registry asks of anyone's component."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import typing
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from srkit import components
from srkit.contracts import Shared
from srkit.registry.values import convert

FACTORIES = [
    "generators.espcn:Espcn",
    "generators.bicubic:Bicubic",
    "pixel_losses.mse:Mse",
    "pixel_losses.l1:L1",
    "pixel_losses.charbonnier:Charbonnier",
    "pixel_losses.huber:Huber",
    "feature_losses.vgg:vgg16",
    "feature_losses.vgg:vgg19",
    "discriminators.dilated:Dilated",
    "adversarial_losses.relativistic:Relativistic",
    "downscalers.pillow:Pillow",
    "downscalers.interpolation:TorchBilinear",
    "downscalers.interpolation:TorchBicubic",
    "downscalers.linear_light:LinearLight",
    "degradations.jpeg:Jpeg",
    "metrics.psnr:PsnrY",
    "metrics.psnr:PsnrRgb",
    "metrics.ssim:SsimY",
    "metrics.ssim:SsimRgb",
    "optimizers.adam:adam",
    "optimizers.adam:adamw",
    "optimizers.sgd:sgd",
    "schedules.constant:Constant",
    "schedules.multistep:Multistep",
    "schedules.cosine:Cosine",
]

GIVEN = {"self", "scale", "parameters", "steps", "shared"}
RESERVED = {"use", "name", "weight", "when", "lr"}


def factory(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    return getattr(import_module(f"srkit.components.{module}"), name)


def signature(made: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    function = made.__init__ if inspect.isclass(made) else made  # type: ignore[misc]
    if function in (object.__init__, __import__("torch").nn.Module.__init__):
        return {}, {}
    return dict(inspect.signature(function).parameters), typing.get_type_hints(function, include_extras=True)


@pytest.mark.parametrize("path", FACTORIES)
def test_options_are_annotated_keywords_whose_defaults_fit(path: str) -> None:
    parameters, hints = signature(factory(path))
    for name, parameter in parameters.items():
        if name == "self":
            continue
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert name in hints and name not in RESERVED
        if name in GIVEN:
            continue
        if parameter.default is not inspect.Parameter.empty:
            written = msgspec.to_builtins(parameter.default)
            assert convert(written, hints[name], Path()) == parameter.default
    assert hints.get("shared") in (None, Shared | None)


@pytest.mark.parametrize("path", FACTORIES)
def test_the_docstring_opens_with_a_short_summary_and_explains_every_option(path: str) -> None:
    made = factory(path)
    text = inspect.getdoc(made) or ""
    first, _, rest = text.partition("\n")
    assert first.endswith(".") and len(first) < 90 and rest.startswith("\n") | (rest == "")
    for name in signature(made)[0]:
        if name != "self":
            assert f"\n    {name}: " in text


def test_components_import_only_contracts_and_each_other() -> None:
    root = Path(components.__file__).parent
    allowed = ("srkit.contracts", "srkit.errors", "srkit.components")
    for file in root.rglob("*.py"):
        if "datasets" in file.parts:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith("srkit") and not name.startswith(allowed)], file
        at_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any("torchvision" in ast.dump(node) for node in at_top), file


def test_importing_them_all_brings_no_torchvision() -> None:
    modules = sorted({f"srkit.components.{path.partition(':')[0]}" for path in FACTORIES})
    code = f"import sys; import {', '.join(modules)}; print(sorted({{'torchvision', 'skimage'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
