"""Training: the loop, stages, checkpoint and resume, precision."""
