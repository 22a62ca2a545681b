"""Ways to change weights by their gradients."""
