"""A component of each kind and an implementation of each hook, written from the reference alone; it shows them."""
