"""Commands in this process, as the command line's own tests run them, and grounds for hostile inputs."""

from tests.cli.conftest import srkit
from tests.trust.table.fixtures import ground, harmless, in_process, trained

__all__ = ["ground", "harmless", "in_process", "srkit", "trained"]
