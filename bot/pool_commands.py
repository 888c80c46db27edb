"""The fair pools of a space: admins look at them, give to them, keep more for a member, forget."""

from collections.abc import Sequence

from bot import limit_commands, text_pool
from bot.desk import Desk, Handled, Typed, act_of
from bot.grammar import Line, MistakeError, parse_amount_word
from bot.text import Words
from quota.accounting import Estimate
from quota.limits import Bound
from quota.members import Requester
from quota.pool_governing import NotKept
from quota.pooling import PoolView
from quota.rules import Terms
from quota.store import AddToPool, ForgetPast, KeepFor, PoolDeed
from quota.units import Amount

USAGE = "pool | pool 2M tokens per day fair | pool +500k [rule] | pool forget [rule]"
KEEP_USAGE = "grant @ana +20k from the pool -- reason"
FROM_POOL = ("from the pool", "from pool")


async def pool(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """The pools as they stand; or one is set, given more (less), or made to forget."""
    verb, _, rest = line.rest.partition(" ")
    if not verb or line.rest.casefold() == "show":
        return Handled(text_pool.cards(words, await _views(desk, typed.requester)))
    if verb.casefold() == "forget":
        return await _change(desk, typed, line, words, ForgetPast(), rest)
    if verb[0] in "+-\u2212":
        amount, rule = _amount_and_rule(line.rest)
        return await _change(desk, typed, line, words, AddToPool(amount.value), rule, amount)
    return await limit_commands.pool(desk, typed, line, words)


def keeps(rest: str) -> str | None:
    """The amount of `+20k from the pool`; None where a grant is not from the pool."""
    for ending in FROM_POOL:
        if rest.casefold().endswith(ending):
            return rest[: -len(ending)].strip()
    return None


async def keep(
    desk: Desk, typed: Typed, line: Line, words: Words, target: Requester, text: str
) -> Handled:
    """Keep more of a pool for a member, as far as nobody else has a claim on it."""
    amount = parse_amount_word(text, KEEP_USAGE)
    if amount.value <= 0:
        raise MistakeError("what is kept for a member is never taken back", KEEP_USAGE)
    bound = _chosen(await _views(desk, target), "", amount)
    deed = KeepFor(target.member.wallet, amount.value)
    done = await desk.quotas.pooling.change(act_of(typed.requester, line.reason), bound, deed)
    if isinstance(done, NotKept):
        raise MistakeError(text_pool.not_kept(words, bound, done))
    return Handled(text_pool.changed(words, bound, deed, done), await desk.balances(target))


async def explained(
    desk: Desk, requester: Requester, terms: Terms, estimate: Estimate, words: Words
) -> tuple[str, ...]:
    """What each fair pool would say to an ask of a member, with every figure."""
    bounds, wallet = desk.quotas.bounds(requester, terms), requester.member.wallet
    pooling = desk.quotas.pooling
    return tuple(
        text_pool.explained(words, view.bound, pooling.decision(view, wallet, estimate))
        for view in await pooling.views(wallet, bounds)
    )


async def _change(
    desk: Desk,
    typed: Typed,
    line: Line,
    words: Words,
    deed: PoolDeed,
    rule: str,
    amount: Amount | None = None,
) -> Handled:
    bound = _chosen(await _views(desk, typed.requester), rule, amount)
    done = await desk.quotas.pooling.change(act_of(typed.requester, line.reason), bound, deed)
    assert not isinstance(done, NotKept), "only keeping can be refused"
    return Handled(text_pool.changed(words, bound, deed, done))


async def _views(desk: Desk, requester: Requester) -> Sequence[PoolView]:
    return await desk.quotas.pooling.views(requester.member.wallet, desk.bounds(requester))


def _amount_and_rule(text: str) -> tuple[Amount, str]:
    """`+500k tokens space tokens/day`: the amount and the rule after it."""
    parts = text.split()
    taken = 2 if len(parts) > 1 and parts[1].casefold() in _UNIT_WORDS else 1
    return parse_amount_word(" ".join(parts[:taken]), USAGE), " ".join(parts[taken:])


_UNIT_WORDS = {"token", "tokens", "request", "requests", "message", "messages", "credits"}


def _chosen(views: Sequence[PoolView], rule: str, amount: Amount | None) -> Bound:
    """The pool that is meant: named by its rule, or the only one that counts in such a unit."""
    # What is over all spaces is the operator's.
    bounds = [view.bound for view in views if view.bound.limit.scope.kind != "house"]
    if amount is not None and amount.unit is not None:
        bounds = [bound for bound in bounds if bound.unit is amount.unit]
    named = [b for b in bounds if rule.casefold() in {"", b.limit.id.casefold()}]
    if len(named) == 1:
        return named[0]
    known = ", ".join(bound.limit.id for bound in bounds) or "none"
    if named:
        raise MistakeError(
            "several pools are divided fairly; name one: {known}", USAGE, known=known
        )
    raise MistakeError("there is no such fair pool; known: {known}", USAGE, known=known)
