"""What a message will probably cost before it is sent, and for how many more there is room.

Nothing here is charged or held: the hold covers the longest answer, the price tag tells the likely
one.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bot.habits import OUTPUT_UNKNOWN, Habits, Usual
from bot.models import Model
from bot.prompt import Prompt
from quota.errors import BadRuleError
from quota.members import Requester
from quota.quotas import Quotas
from quota.units import Rates, Unit, Usage, amount_text, cost_credits, parse_amount
from quota.verdicts import Balance

# A question of somebody whose own are not known yet.
UNKNOWN = Usual(150, OUTPUT_UNKNOWN, 150 + OUTPUT_UNKNOWN)
_PERCENT = re.compile(r"(\d{1,3})\s*%")
_OFF = frozenset({"", "off", "none", "never", "-", "0"})
PERCENT_MAX = 100


class PriceTag(NamedTuple):
    """What a message will probably cost.

    `output` is the likely length of its answer, `output_max` the longest one; `credits` is None
    where the model has no price. `percent` is of what is left in `limit`, the one that it takes the
    greatest part of (None: nothing binds).
    """

    model: Model
    input: int
    output: int
    output_max: int
    credits: int | None
    percent: int = 0
    limit: Balance | None = None

    @property
    def tokens(self) -> int:
        """The message, what goes with it, and the likely answer."""
        return self.input + self.output


class Side(NamedTuple):
    """A call that is made besides the answer, with so many tokens in and out.

    `answer_input` is what goes along with the message then.
    """

    model: Model
    input: int
    output: int
    answer_input: int


class Threshold(NamedTuple):
    """What a member wants to be asked about: above so many tokens or credits, or so many percent.

    `unit` is None for percent of what is left.
    """

    value: int
    unit: Unit | None

    @property
    def text(self) -> str:
        """As it is typed, and kept."""
        return f"{self.value}%" if self.unit is None else amount_text(self.value, self.unit)

    def is_passed(self, tag: PriceTag) -> bool:
        """Whether a message costs more; one without a price may be as dear as any."""
        if self.unit is None:
            return tag.percent > self.value
        if self.unit is Unit.CREDITS:
            return tag.credits is None or tag.credits > self.value
        return tag.tokens > self.value


def threshold_of(text: str) -> Threshold | None:
    """Read `2k tokens`, `$0.01`, `10%`; None for `off`. BadRuleError names the fault."""
    said = text.strip()
    if said.casefold() in _OFF:
        return None
    if found := _PERCENT.fullmatch(said):
        return Threshold(min(PERCENT_MAX, int(found[1])), None)
    amount = parse_amount(said)
    if amount.signed or amount.unit is Unit.REQUESTS:
        raise BadRuleError(f"{said[:40]!r} is no threshold; write 2k tokens, $0.01, 10% or off")
    return Threshold(amount.value, amount.unit or Unit.TOKENS)


class Estimates:
    """Reckons from the books and from what was learned of members and models."""

    def __init__(self, quotas: Quotas) -> None:
        """Nothing is known yet."""
        self._quotas = quotas
        self.habits = Habits(quotas.store)

    async def tag(
        self,
        requester: Requester,
        model: Model,
        prompt: Prompt,
        output_max: int,
        side: Side | None = None,
    ) -> PriceTag:
        """What a message will probably cost this requester, with the call besides, if any."""
        wallet = requester.member.wallet
        await self.habits.learn(wallet)
        output = min(self.habits.output(wallet, model.key), output_max)
        read = prompt.likely if side is None else side.answer_input
        cost = _cost(read, output, model.terms.rates)
        tag = PriceTag(model, read, output, output_max, cost)
        if side is not None:
            more = _cost(side.input, side.output, side.model.terms.rates)
            cost = cost + more if cost is not None and more is not None else None
            sums = (read + side.input, output + side.output, output_max + side.output)
            tag = PriceTag(model, *sums, cost)
        for balance in await self._quotas.balances(requester, model.terms):
            needed = _needed(balance.unit, tag.tokens, cost)
            if balance.left is None or needed is None:
                continue
            percent = -(-needed * 100 // balance.left) if balance.left else PERCENT_MAX
            if tag.limit is None or percent > tag.percent:
                tag = tag._replace(percent=percent, limit=balance)
        return tag

    async def questions(
        self, requester: Requester, balances: Sequence[Balance], rates: Rates | None
    ) -> int | None:
        """How many questions like theirs there is room for; None: too few are known, or no end."""
        wallet = requester.member.wallet
        await self.habits.learn(wallet)
        usual = self.habits.usual(wallet)
        return None if usual is None else room_for(usual, balances, rates)

    async def room(self, requester: Requester, models: Sequence[Model]) -> dict[str, int | None]:
        """For how many usual questions there is room, by model; None: no limit binds."""
        wallet = requester.member.wallet
        await self.habits.learn(wallet)
        usual = self.habits.usual(wallet) or UNKNOWN
        found = {}
        for model in models:
            balances = await self._quotas.balances(requester, model.terms)
            found[model.key] = room_for(usual, balances, model.terms.rates)
        return found

    def usual_cost(self, requester: Requester, rates: Rates | None) -> int | None:
        """What a usual question costs, from memory alone; None: the model has no price."""
        usual = self.habits.usual(requester.member.wallet) or UNKNOWN
        return _cost(usual.input, usual.output, rates)


def room_for(usual: Usual, balances: Sequence[Balance], rates: Rates | None) -> int | None:
    """How many such questions fit into every balance; None: nothing binds."""
    cost = _cost(usual.input, usual.output, rates)
    fits = []
    for balance in balances:
        if balance.left is None:
            continue
        needed = _needed(balance.unit, usual.tokens, cost)
        # Money buys nothing that has no price.
        fits.append(balance.left // max(1, needed) if needed is not None else 0)
    return min(fits, default=None)


def _cost(input_tokens: int, output_tokens: int, rates: Rates | None) -> int | None:
    usage = Usage(input=input_tokens, output=output_tokens)
    return None if rates is None else cost_credits(usage, rates)


def _needed(unit: Unit, tokens: int, credits_: int | None) -> int | None:
    """What a question takes of a limit that counts in this unit; None: nobody knows."""
    match unit:
        case Unit.TOKENS:
            return tokens
        case Unit.REQUESTS:
            return 1
        case Unit.CREDITS:
            return credits_
