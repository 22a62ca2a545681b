"""Nothing that an experiment file names, in whatever place, runs or writes before somebody said yes."""

from __future__ import annotations

import pytest

from tests.campaigns.table.experiment_places import PLACE_ROWS
from tests.campaigns.table.fixtures import Play
from tests.campaigns.table.rows import Row


@pytest.mark.parametrize("row", PLACE_ROWS, ids=lambda row: row.name)
def test_a_hostile_experiment_is_refused(row: Row, harmless: Play) -> None:
    harmless(row)
