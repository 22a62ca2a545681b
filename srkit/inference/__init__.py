"""Trained generators at work: the plain forward pass, and pictures upscaled with it."""
