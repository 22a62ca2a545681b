"""Many installed distributions: a folder for the path, with metadata and sources as pip leaves them."""

from __future__ import annotations

from pathlib import Path

KINDS = ("generators", "blocks", "pixel_losses", "metrics")
"""Of each of these every distribution has one."""

MODULE = '''"""Somebody's {kind}."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srkit.errors import OptionError


class Thing{number}(nn.Module):
    """Thing number {number} of the {kind}: one convolution and a factor.

    (B, channels, h, w) -> the same shape, as Somebody 2020, arXiv 2001.00001, has it.

    Args:
        channels: channels in and out.
        factor: what the result is multiplied with.
    """

    def __init__(self, channels: int, factor: float = 1.0) -> None:
        super().__init__()
        if factor <= 0:
            raise OptionError("factor", "it must be above 0.")
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same shape."""
        return torch.tanh(self.layer(x)) * self.factor
'''

METADATA = """Metadata-Version: 2.4
Name: {name}
Version: 1.{number}
Summary: Components for srkit.
Project-URL: Homepage, https://example.org/{name}
Requires-Python: >=3.11
Requires-Dist: srkit
Requires-Dist: torch>=2.4
Requires-Dist: numpy>=1.26
Provides-Extra: dev
Requires-Dist: pytest>=8; extra == "dev"

# {name}

What a README holds.
"""


def write_crowd(folder: Path, distributions: int) -> Path:
    """That many distributions of four components each; `example-plugin-7:thing-7` is one of the generators."""
    for number in range(distributions):
        name, package = f"example-plugin-{number}", f"example_plugin_{number}"
        info = folder / f"{package}-1.{number}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA.format(name=name, number=number), encoding="utf-8")
        points = [f"[srkit.{kind}]\nthing-{number} = {package}.{kind}:Thing{number}\n" for kind in KINDS]
        points.append(f"[srkit.contract]\n1 = {package}\n")
        (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
        (info / "RECORD").write_text("", encoding="utf-8")
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text('"""Components for srkit."""\n', encoding="utf-8")
        for kind in KINDS:
            text = MODULE.format(kind=kind, number=number)
            (folder / package / f"{kind}.py").write_text(text, encoding="utf-8")
    return folder
