"""Which `.pth` files this torch may open: `weights_only` had holes that ran code before 2.10."""

from __future__ import annotations

from pathlib import Path

import torch
from packaging.version import InvalidVersion, Version

from srkit.errors import UserError
from srkit.weight_files.refusals import sha256_of

__all__ = ["KNOWN", "is_known", "require_safe_torch", "torch_is_safe", "torch_version"]

SAFE_TORCH = "2.10"
HOLES = "CVE-2025-32434, CVE-2026-24747"

KNOWN = {
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0": "vgg16-397923af.pth of torchvision",
    "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44": "vgg19-dcbb9e9d.pth of torchvision",
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02": "alexnet-owt-7be5be79.pth of torchvision",
    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0": "lpips_models/alex.pth of torchmetrics",
    "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868": "lpips_models/vgg.pth of torchmetrics",
    "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218": "dists_models/weights.pt of torchmetrics",
}
"""sha256 -> the file: what any torch may open. All 64 digits; the eight in torchvision's names can be hit by trying."""


def torch_version() -> str:
    """The version of the torch that is installed."""
    return str(torch.__version__)


def torch_is_safe() -> bool:
    """Whether this torch reads `.pth` files of strangers without running what is in them, as far as anyone knows."""
    try:
        return Version(torch_version()) >= Version(SAFE_TORCH)
    except InvalidVersion:
        return False


def is_known(path: Path) -> bool:
    """Whether a file is one of those that srkit names by their hash."""
    return sha256_of(path) in KNOWN


def require_safe_torch(path: Path) -> None:
    """Let a `.pth` file be opened by a torch without known holes alone, a file that srkit knows by any.

    Raises:
        UserError: the torch is older and the file a stranger's; with the way out.
    """
    if not torch_is_safe() and not is_known(path):
        raise UserError(
            f"{path} is not opened by torch {torch_version()}: before {SAFE_TORCH} reading a .pth file could run code "
            f"that is hidden in it ({HOLES}). pip install 'torch>={SAFE_TORCH}', or take the weights as .safetensors"
        )
