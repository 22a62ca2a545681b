"""The built-in datasets: `folder` and `sample-photos`."""
