"""Blocks that generators are built of."""
