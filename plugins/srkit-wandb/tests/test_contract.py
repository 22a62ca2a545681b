"""Every component of this package keeps srkit's contract."""

import pytest


@pytest.mark.srkit_components("srkit-wandb")
def test_it_keeps_its_contract(conformance):
    conformance.require()
