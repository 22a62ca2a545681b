"""Names that somebody was told to paste, and suites, reach no code that is not trusted."""

from __future__ import annotations

import pytest

from tests.trust.table.fixtures import Play
from tests.trust.table.rows import Row, suite
from tests.trust.table.typed_names import TYPED_ROWS


@pytest.mark.parametrize("row", suite(TYPED_ROWS), ids=lambda row: row.name)
def test_a_hostile_name_harms_nothing(row: Row, harmless: Play) -> None:
    harmless(row)
