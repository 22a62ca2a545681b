"""Every component of this package keeps srkit's contract."""

import pytest

from srkit.testing import Report


@pytest.mark.srkit_components("srkit-spandrel")
def test_it_keeps_its_contract(conformance: Report) -> None:
    conformance.require()
