"""Losses between what a frozen network sees."""
