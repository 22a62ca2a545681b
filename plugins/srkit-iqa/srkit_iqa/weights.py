"""Weights that a library downloads: fetched and looked at before the library is let to them."""

from __future__ import annotations

import sys
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from srkit.errors import OptionError, UserError
from srkit.weight_files.torch_files import load_torch_file

__all__ = ["fetched"]


def fetched(name: str, url: str) -> Path:
    """The file in torch's hub folder, downloaded where it is not there.

    Raises:
        OptionError: it cannot be had, holds other things than tensors, or is not safe to open by this torch; says how
            to bring it.
    """
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / url.rpartition("/")[2]
    if not file.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=f"{file.name}-", dir=folder) as aside:
                new = Path(aside) / file.name
                torch.hub.download_url_to_file(url, str(new), progress=sys.stderr.isatty())
                new.replace(file)
        except (OSError, RuntimeError, HTTPException) as error:
            raise OptionError(
                "use",
                f"{name} needs weights that are not on this machine and cannot be downloaded "
                f"({' '.join(str(error).split())}). Put {file.name} from {url} into {folder}.",
            ) from error
    try:
        load_torch_file(file)
    except UserError as error:
        raise OptionError("use", str(error)) from error
    except Exception as error:  # a broken pickle raises whatever its bytes happen to say
        raise OptionError(
            "use", f"{name} needs weights, and {file} does not hold them. Put {file.name} from {url} in its place."
        ) from error
    return file
