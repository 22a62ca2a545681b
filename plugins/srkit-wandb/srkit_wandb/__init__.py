"""Tracks srkit's runs with Weights & Biases, where `SRKIT_WANDB` asks for it."""
