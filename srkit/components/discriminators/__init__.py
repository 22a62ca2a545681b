"""Networks that tell originals from fakes."""
