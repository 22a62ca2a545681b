"""The conformance kit that plugin authors run: rules for each kind, a report in plain words, a pytest plugin.

    from srkit.registry import KINDS
    from srkit.testing import check

    check(KINDS["blocks"], "my_package.blocks:Gated").require()

In a plugin's tests the pytest plugin, which comes with srkit, does it for all that a distribution offers:

    @pytest.mark.srkit_components("my-distribution")
    def test_it_keeps_its_contract(conformance):
        conformance.require()
"""

from srkit.testing.conformance import check, check_distribution, rules_of
from srkit.testing.report import Report
from srkit.testing.rule import Result, Rule

__all__ = ["Report", "Result", "Rule", "check", "check_distribution", "rules_of"]
