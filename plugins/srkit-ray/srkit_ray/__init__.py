"""Executes the runs of srkit's studies on a Ray cluster."""
