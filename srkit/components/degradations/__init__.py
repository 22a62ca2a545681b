"""Ways to spoil the LR picture."""
