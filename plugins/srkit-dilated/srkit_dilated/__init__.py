"""A block for srkit that learns how to mix dilations."""
