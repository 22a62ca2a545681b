"""Metrics and losses of torchmetrics, piq and pyiqa under their usual names, for srkit."""
