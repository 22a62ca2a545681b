"""U-Nets for srkit: a generator, and a discriminator that looks at several sizes of a picture."""
