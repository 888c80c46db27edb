"""What admins should know without asking, each told once in its period or hour.

Nothing here decides anything: an alert that is lost, or told again after a restart, changes no
balance. What is told stands in the books or in the log anyway.
"""

import logging
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from bot import text_alerts, text_pool
from bot.desk import Desk
from bot.messages import Answer, Ask, End, Failure
from quota.ledger import Difference
from quota.members import Member, Requester, Space
from quota.rules import Terms
from quota.verdicts import Balance, Lapsed, Settlement
from quota.windows import Calendar

_log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
# So many failures in a row, each soon after the one before, are no accident.
FAILURES_IN_A_ROW = 3
SOON_MS = 10 * 60_000
ALL_OF_IT = 100


class Alerts:
    """Watches settlements, ends of answers, lapses and proofs."""

    def __init__(self, desk: Desk) -> None:
        """Tell the hearers of this desk's news."""
        self._desk = desk
        self._told: dict[Hashable, int] = {}
        self._failures: dict[str, list[int]] = defaultdict(list)

    def watch(self) -> "Alerts":
        """Listen from now on."""
        self._desk.quotas.after_settlement.append(self.settled)
        self._desk.chat.on_end.append(self.ended)
        self._desk.chat.on_absurd.append(self.absurd)
        return self

    def settled(self, requester: Requester, terms: Terms, done: Settlement) -> None:
        """An overrun, or a shared limit that has crossed a threshold."""
        try:
            space = requester.member.space
            if done.house_tokens or done.house_credits:
                self._overrun(space, terms, done)
            for balance in done.balances:
                if balance.kind == "shared" and balance.limit.scope.kind != "house":
                    self._shared(space, balance)
        except Exception:  # an answer must not suffer from what is said about it
            _log.exception("no alert could be made of a settlement")

    def ended(self, ask: Ask, end: End) -> None:
        """Answers that fail one after the other."""
        name = ask.model or self._desk.chat.models.default.key
        if isinstance(end, Answer):
            self._failures.pop(name, None)
        if not isinstance(end, Failure) or end.code not in {"provider", "timeout"}:
            return
        now, space = self._desk.clock.now(), ask.requester.member.space
        recent = [at for at in self._failures[name] if at > now - SOON_MS]
        self._failures[name] = [*recent[-FAILURES_IN_A_ROW:], now]
        if len(recent) + 1 >= FAILURES_IN_A_ROW and self._first(("fails", space, name), HOUR_MS):
            words = self._desk.words_for(space)
            self._desk.news.alert(space, text_alerts.failing(words, name, len(recent) + 1))

    def absurd(self, space: Space, model: str) -> None:
        """A provider said of a call what cannot be true: how many tokens it took, or its cost."""
        try:
            if self._first(("absurd", space, model), HOUR_MS):
                words = self._desk.words_for(space)
                self._desk.news.alert(space, text_alerts.absurd(words, model))
        except Exception:  # the call is not settled yet, and must be
            _log.exception("no alert could be made of what a provider said")

    def lapsed(self, holds: Iterable[Lapsed]) -> None:
        """Holds that were charged because their process died or hung: each can be given back."""
        for hold in holds:
            member = Member.from_wallet(hold.wallet)
            words = self._desk.words_for(member.space)
            panel = text_alerts.lapsed(words, hold.hold_id, member.id, hold.tokens)
            self._desk.news.alert(member.space, panel)

    def disagree(self, found: Sequence[Difference]) -> None:
        """The books do not prove themselves: every space that is known is told."""
        for space in self._desk.spaces():
            if self._first(("proof", space), HOUR_MS):
                panel = text_alerts.disagree(self._desk.words_for(space), len(found))
                self._desk.news.alert(space, panel)

    async def pools(self) -> None:
        """Fair pools of which twice as much is wanted as usual, and more than there is."""
        for space, bound in self._desk.quotas.fair_bounds():
            for view in await self._desk.quotas.pooling.views("", (bound,)):
                lasts = view.state.row.closes_at - self._desk.clock.now()
                wanted, size = view.outlook.demand, view.state.row.size
                if (
                    view.outlook.surprising
                    and wanted > size
                    and self._first(("demand", bound.book), lasts)
                ):
                    _log.warning("twice as much as usual is wanted of %s", bound.book)
                    panel = text_pool.surprise(self._desk.words_for(space), view)
                    self._desk.news.alert(space, panel)

    def _overrun(self, space: Space, terms: Terms, done: Settlement) -> None:
        if self._first(("overrun", space, terms.key), HOUR_MS):
            words = self._desk.words_for(space)
            panel = text_alerts.overrun(words, terms.key, done.house_tokens, done.house_credits)
            self._desk.news.alert(space, panel)

    def _shared(self, space: Space, balance: Balance) -> None:
        """The highest threshold that was reached and not told in this period."""
        if not balance.granted:
            return
        own = self._desk.quotas.governing.warn_at(space.key)
        at = {*(own or self._desk.quotas.rules.warn_at), ALL_OF_IT}
        reached = [n for n in at if balance.used * 100 >= n * balance.granted]
        is_calendar = isinstance(balance.limit.rule.window, Calendar) and balance.opens_at
        lasts = (balance.opens_at or 0) - self._desk.clock.now() if is_calendar else HOUR_MS
        fresh = [n for n in reached if self._first(("pool", space, balance.limit.slot, n), lasts)]
        if fresh:
            words = self._desk.words_for(space)
            self._desk.news.alert(space, text_alerts.shared(words, balance, max(fresh)))

    def _first(self, what: Hashable, lasts_ms: int) -> bool:
        """Whether this is to be told now: not again before so long has passed."""
        now = self._desk.clock.now()
        self._told = {key: until for key, until in self._told.items() if until > now}
        if what in self._told:
            return False
        self._told[what] = now + max(lasts_ms, 1)
        return True
