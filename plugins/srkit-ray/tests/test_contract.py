"""Every component of this package keeps srkit's contract."""

import pytest


@pytest.mark.srkit_components("srkit-ray")
def test_it_keeps_its_contract(conformance):
    conformance.require()
