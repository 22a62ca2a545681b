"""Losses of the two players of a GAN."""
