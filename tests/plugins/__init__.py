"""A third-party package, built, installed, used and broken; and srkit itself as a wheel outside its checkout."""
