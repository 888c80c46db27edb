"""The story of prepaid_year.py for a few members; a whole year of a hundred is in tests/long.py."""

from pathlib import Path

import pytest

from tests.contracts.prepaid_year import play


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_refill_is_lost_or_doubled_over_a_year_of_outages(
    tmp_path: Path, seed: int
) -> None:
    figures = await play(tmp_path, members=4, days=366, seed=seed)
    assert figures.endswith("0 differences")
    assert "outages" in figures
