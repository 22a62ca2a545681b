"""Losses between pixels."""
