"""What the learning rate is multiplied with over a run."""
