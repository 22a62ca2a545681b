"""Files of weights hold data: nothing in one runs, reaches elsewhere or takes memory that its content does not."""

from __future__ import annotations

import pytest

from tests.trust.table.fixtures import Play
from tests.trust.table.model_files import MODEL_ROWS
from tests.trust.table.rows import Row, suite


@pytest.mark.parametrize("row", suite(MODEL_ROWS), ids=lambda row: row.name)
def test_a_hostile_model_file_harms_nothing(row: Row, harmless: Play) -> None:
    harmless(row)
