"""What can be done after an answer or a refusal: its buttons, and whether the footer shows.

The console has neither buttons nor settings of its own, so it gets none and keeps its footer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.choosing import Choosing
from bot.figures import percent
from bot.messages import CONSOLE, Answer, Ask, Refusal
from bot.models import Model
from bot.panels import ACTION_CHARS_MAX, Action
from bot.settings import FooterMode
from bot.text import Words
from quota.calls import CallRequest
from quota.errors import StoreUnavailableError
from quota.quotas import Quotas
from quota.units import Rates
from quota.verdicts import Balance, Refused

# By default the footer shows from here on: so many percent of an allowance are used.
LOW_FROM = 50
# So many other models are looked at for one that would answer.
OTHERS_MAX = 5

_CUT = frozenset({"length", "quota", "cut"})
# Refused for these reasons, another model may still answer.
OTHERWISE = frozenset({"period_used", "pool_used", "too_large", "unpriced"})


def finished(
    answer: Answer, ask: Ask, model: Model, footer: FooterMode, words: Words, *, goes_on: bool
) -> Answer:
    """An answer with its buttons, and without the footer where nobody wants it.

    `goes_on`: there is something from which one that was cut can be continued.
    """
    if ask.requester.member.space.platform == CONSOLE:
        return answer
    shows = footer == "always" or (footer == "low" and _is_low(answer.balances))
    actions = tuple(_after_answer(answer, ask, model, words, goes_on=goes_on))
    return replace(answer, footer=answer.footer if shows else "", actions=actions)


def _is_low(balances: Sequence[Balance]) -> bool:
    own = [b for b in balances if b.kind in {"allowance", "balance"}] or balances
    return any((percent(balance) or 0) >= LOW_FROM for balance in own)


def _after_answer(
    answer: Answer, ask: Ask, model: Model, words: Words, *, goes_on: bool
) -> Iterator[Action]:
    owner = ask.requester.member.id
    if goes_on and answer.finish in _CUT:
        subject = _subject("onward", model.key, owner)
        yield Action("onward", words.onward_label(), subject, owner)
    yield Action("again", words.again_label(), _subject("again", model.key, owner), owner)
    if answer.text:
        yield Action("good", words.good_label(), owner=owner)
        yield Action("bad", words.bad_label(), owner=owner)
    yield Action("quota", words.quota_label(), owner=owner)


async def refused(
    refusal: Refusal,
    ask: Ask,
    request: CallRequest | None,
    choosing: Choosing,
    quotas: Quotas,
    words: Words,
) -> Refusal:
    """A refusal with what can be done now; `request` is what was asked of the books."""
    other = None
    if request is not None and refusal.refused.reason in OTHERWISE:
        other = await cheaper(request, choosing, quotas)
    if ask.requester.member.space.platform == CONSOLE:
        if other is None:
            return refusal
        return replace(refusal, text=words.joined(refusal.text, words.use_instead(other.key)))
    actions = [*_after_refusal(refusal.refused, ask, words)]
    owner = ask.requester.member.id
    if other is not None and _subject("use", other.key, owner):
        actions.insert(0, Action("use", words.use_label(other.key), other.key, owner))
    return replace(refusal, actions=tuple(actions))


def _after_refusal(told: Refused, ask: Ask, words: Words) -> Iterator[Action]:
    owner = ask.requester.member.id
    if told.reason in {"busy", "store_unavailable"}:
        yield Action("again", words.retry_label(), owner=owner, style="primary")
    if told.reason == "pool_used":
        yield Action("room", words.room_label(), owner=owner, style="primary")
    is_own = told.limit is not None and told.limit.kind in {"allowance", "balance"}
    if told.reason in {"period_used", "too_large"} and is_own:
        yield Action("more", words.more_label(), owner=owner)
    if told.reason in {"period_used", "pool_used"} and told.opens_at is not None:
        yield Action("remind", words.remind_label(), owner=owner)
    if told.limit is not None or told.reason == "busy":
        yield Action("quota", words.quota_label(), owner=owner)


async def cheaper(request: CallRequest, choosing: Choosing, quotas: Quotas) -> Model | None:
    """A model that would answer: what the admins offer instead, else the best that costs less."""
    asker = request.requester
    this = choosing.models.find(request.terms.key)
    offered = choosing.fallback(asker, this) if this is not None else None
    others = [m for m in choosing.models.all if m is not this and choosing.may_use(asker, m)]
    price = _price(request.terms.rates)
    known = {m.key: _price(m.terms.rates) for m in others}
    # One without a price may be as dear as any.
    offers = [
        m for m in others if (p := known[m.key]) is not None and (price is None or p <= price)
    ]
    offers.sort(key=lambda model: -(known[model.key] or 0))
    offers = [offered, *offers] if offered in others and offered is not None else offers
    for model in offers[:OTHERS_MAX]:
        most = min(model.output_max, request.output_max)
        asked = request._replace(terms=model.terms, output_max=most)
        try:
            if await quotas.would_refuse(asked) is None:
                return model
        except StoreUnavailableError:
            return None
    return None


def _price(rates: Rates | None) -> int | None:
    return None if rates is None else rates.input + rates.output


def _subject(name: str, subject: str, owner: str) -> str:
    """A subject where a button can carry it, else none."""
    fits = len(f"{name}|{subject}|{owner}") <= ACTION_CHARS_MAX
    return subject if fits else ""
