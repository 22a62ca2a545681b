"""From a plan to live objects, and the rehearsal that finds contradictions without computing."""

from srkit.assembly.parts import Assembly, SharedParts, assemble, build_pick, takes_lr, wants_views
from srkit.assembly.rehearsal import rehearse

__all__ = ["Assembly", "SharedParts", "assemble", "build_pick", "rehearse", "takes_lr", "wants_views"]
