"""srkit: experiments with image super-resolution out of interchangeable parts."""

__version__ = "0.1.0"
