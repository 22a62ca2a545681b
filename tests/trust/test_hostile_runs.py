"""Nothing in a run folder or a study that somebody hands over runs or is followed elsewhere."""

from __future__ import annotations

import pytest

from tests.trust.table.fixtures import Play
from tests.trust.table.rows import Row, suite
from tests.trust.table.run_folders import RUN_ROWS


@pytest.mark.parametrize("row", suite(RUN_ROWS), ids=lambda row: row.name)
def test_a_hostile_run_harms_nothing(row: Row, harmless: Play) -> None:
    harmless(row)
