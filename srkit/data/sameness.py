"""Whether two sets are the same data: by what their files hold where that is known, else by names, sizes and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["CONTENT", "ROLES", "content_key", "is_same_data"]

ROLES = ("train", "validate")
CONTENT = "_content"


def content_key(role: str) -> str:
    """Where a manifest keeps what the files of a role hold, beside the fingerprint under the role itself."""
    return f"{role}{CONTENT}"


def is_same_data(one: Mapping[str, Any], other: Mapping[str, Any], role: str) -> bool:
    """Whether what two manifests say of a role's data is the same: equal content under new times is.

    Args:
        one, other: the `data` of a manifest or a checkpoint.
        role: "train" or "validate".
    """
    if one.get(role) == other.get(role):
        return True
    known = one.get(content_key(role))
    return bool(known) and known == other.get(content_key(role))
