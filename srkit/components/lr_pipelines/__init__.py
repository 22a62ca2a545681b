"""Ways to make the LR picture in one piece, in place of downscaler and degradations."""
