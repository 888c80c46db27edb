"""A look at the fair pools from time to time: admins hear when twice as much is wanted as usual."""

import logging

from bot import text_pool
from bot.cli_views import when_in
from bot.desk import Desk
from bot.text import Words
from bot.upkeep import MINUTE_MS, Job

_log = logging.getLogger(__name__)

EVERY_MS = 5 * MINUTE_MS


class PoolWatch:
    """Tells of each pool once a period. After a restart it may tell once more."""

    def __init__(self, desk: Desk) -> None:
        """Tell whoever listens at this desk."""
        self._desk = desk
        self._told: dict[str, int] = {}

    @property
    def job(self) -> Job:
        """To be run again and again."""
        return Job("pools", self.run, EVERY_MS)

    async def run(self) -> int:
        """Look at every pool that somebody asked of lately; of how many was told."""
        told = 0
        for space, bound in self._desk.quotas.fair_bounds():
            for view in await self._desk.quotas.pooling.views("", (bound,)):
                opened = view.state.row.opens_at
                if not view.outlook.surprising or self._told.get(bound.book) == opened:
                    continue
                self._told[bound.book] = opened
                told += 1
                _log.warning("twice as much as usual is wanted of %s", bound.book)
                words = self._desk.spoken.get(space.platform) or self._plain()
                self._desk.news.alert(space, text_pool.surprise(words, view))
        return told

    def _plain(self) -> Words:
        """Where a platform has not spoken yet."""
        return Words(when_in(self._desk.quotas.rules.zone))
