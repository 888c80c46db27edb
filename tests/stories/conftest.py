"""What stories on both platforms begin with."""

import pytest

from tests.stage import STAGES, Opens


@pytest.fixture(params=STAGES, ids=["discord", "slack"])
def stage_of(request: pytest.FixtureRequest) -> Opens:
    """Opens the stage of one platform."""
    opens: Opens = request.param
    return opens
