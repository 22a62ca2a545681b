"""What strangers hand over: a table of hostile inputs, the commands that read them, and what must not happen."""
