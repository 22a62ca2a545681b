"""From photos to patches: what is there, what will be cut, cutting it in processes, going on after a kill."""
