"""Prepaid balances as people see and change them, and how upkeep keeps those of the idle full.

Why upkeep at all: a balance that nobody touches would be right the next time that somebody does.
The job only writes earlier what would be written then, so that lists and alerts read true figures.
"""

from collections.abc import Callable, Sequence

from quota.clock import Clock
from quota.errors import BadRuleError
from quota.governing import Act
from quota.limits import Bound, Limit, Policy, Rule, book_of
from quota.members import EVERYONE, Member
from quota.prepaid import AddToBalance, Deposit, Deposited, Prepaid, PrepaidRow
from quota.refilling import brought_up
from quota.store import AuditRow, Store
from quota.units import Unit
from quota.windows import Balance

# So many are brought up to date in one go, between the turns.
AT_ONCE = 200


def balance_limit(prepaid: Prepaid) -> Limit:
    """The limit that a member's balance is."""
    rule = Rule(prepaid.overdraft, Unit.CREDITS, Balance(), prepaid=prepaid)
    return Limit(EVERYONE, "balance", rule)


# What holds for a balance that was switched off: what was due until then came, nothing does now.
SWITCHED_OFF = balance_limit(Prepaid())


def balance_bound(limit: Limit, wallet: str) -> Bound:
    """The balance of a member, whoever looks at it."""
    rule = limit.rule
    return Bound(limit, book_of(limit, wallet), rule.amount, rule.unit, rule.window, limit.kind)


class Prepaying:
    """What is seen of balances, and what admins and upkeep put into them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        policy: Callable[[str], Policy],
        changed: Callable[[], None],
    ) -> None:
        """`policy` is that of a space; `changed` is told when an ask may be decided otherwise."""
        self._store = store
        self._clock = clock
        self._policy = policy
        self._changed = changed

    def limit(self, space: str) -> Limit | None:
        """The terms of the balances of a space, None: it has none."""
        limits = self._policy(space).limits
        return next((limit for limit in limits if limit.kind == "balance"), None)

    async def change(self, act: Act, member: Member, what: Deposit) -> Deposited:
        """Put in, take out or set; what is left may end below nothing, and then it is owed."""
        limit = self.limit(member.space.key)
        if limit is None:
            raise BadRuleError("members have no prepaid balance here; the config has no [balance]")
        adds = isinstance(what, AddToBalance)
        if adds and what.amount == 0:
            raise BadRuleError("$0 changes nothing; give an amount such as $2 or -$0.50")
        action = "balance add" if adds else "balance set"
        now = self._clock.now()
        audit = AuditRow(now, act.space, act.actor, action, member.wallet, "", "", act.reason)
        done = await self._store.deposit(balance_bound(limit, member.wallet), what, audit, now)
        self._changed()
        return done

    async def rows(self, wallets: str) -> Sequence[PrepaidRow]:
        """The balances of wallets that begin so, with what has come due."""
        now = self._clock.now()
        return [brought_up(row, now) for row in await self._store.prepaid(wallets)]

    async def refill(self) -> int:
        """Take in what has come due, also for who is idle; how many something came to.

        Safe to run late, twice or never. Where the rule was changed, the new one holds from here.
        """
        now = self._clock.now()
        bounds = []
        for row in await self._store.prepaid(""):
            limit = self.limit(Member.from_wallet(row.wallet).space.key) or SWITCHED_OFF
            terms = limit.rule.prepaid or Prepaid()
            if row.refill != terms.refill or brought_up(row, now).credits != row.credits:
                bounds.append(balance_bound(limit, row.wallet))
        came = 0
        for first in range(0, len(bounds), AT_ONCE):
            came += await self._store.refill(bounds[first : first + AT_ONCE], now)
        return came
