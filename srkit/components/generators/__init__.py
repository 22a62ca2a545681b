"""Networks that make the large picture."""
