"""A folder of images that somebody hands over costs no more than a bound, and its names do nothing."""

from __future__ import annotations

import pytest

from tests.trust.table.fixtures import Play
from tests.trust.table.image_files import IMAGE_ROWS
from tests.trust.table.rows import Row, suite


@pytest.mark.parametrize("row", suite(IMAGE_ROWS), ids=lambda row: row.name)
def test_a_hostile_image_harms_nothing(row: Row, harmless: Play) -> None:
    harmless(row)
