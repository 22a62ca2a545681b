"""Commands in this process, as the command line's own tests run them."""

from tests.cli.conftest import srkit

__all__ = ["srkit"]
