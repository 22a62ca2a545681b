"""The house as it was drawn: layout, imports, the public surface, the generated tables."""
