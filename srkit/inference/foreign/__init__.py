"""Weights that another program saved, recognised by an installed network and laid into a run folder."""
