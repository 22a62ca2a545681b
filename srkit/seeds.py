"""Seeds out of keys, for whatever is random; no torch on the way."""

from __future__ import annotations

from hashlib import blake2b


def derived_seed(*key: int | str) -> int:
    """A 63-bit seed out of a key; different keys give independent streams."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 1
