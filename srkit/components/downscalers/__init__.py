"""Ways to make the LR picture out of the HR one."""
