"""Trials that take too long for the suite."""
