"""Nothing that an experiment file names, in whatever place, runs or writes before somebody said yes."""

from __future__ import annotations

import pytest

from tests.trust.table.experiment_places import PLACE_ROWS
from tests.trust.table.fixtures import Play
from tests.trust.table.rows import Row, suite


@pytest.mark.parametrize("row", suite(PLACE_ROWS), ids=lambda row: row.name)
def test_a_hostile_experiment_is_refused(row: Row, harmless: Play) -> None:
    harmless(row)
