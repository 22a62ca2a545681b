"""The open registry: what components there are, found by entry points, looked up by name. No torch on the way."""

from srkit.registry.discovery import Entry, discover
from srkit.registry.kinds import KINDS, RESERVED_OPTIONS, Kind, kind_named
from srkit.registry.loading import OWN, BrokenComponent, Component, NotFound
from srkit.registry.lookup import Listing, Registry
from srkit.registry.options import ContractError, Option, Signature
from srkit.registry.trust import Trust, Untrusted

__all__ = [
    "OWN",
    "KINDS",
    "RESERVED_OPTIONS",
    "BrokenComponent",
    "Component",
    "ContractError",
    "Entry",
    "Kind",
    "Listing",
    "NotFound",
    "Option",
    "Registry",
    "Signature",
    "Trust",
    "Untrusted",
    "discover",
    "kind_named",
]
