"""Studies: the runs of a `[matrix]`, executed by a launcher, resumed, and put side by side in one table."""
