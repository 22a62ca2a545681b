"""The commands as functions, for notebooks and scripts: what they give shows itself as a table and a picture."""
