"""Benchmarks: many models on many sets, side by side, from results that are kept."""
