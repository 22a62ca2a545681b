"""The command line: one file a command; it prints, and nothing imports it."""
