"""Searches an experiment's options with Optuna: `srkit tune`."""
