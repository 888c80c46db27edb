"""What a member has chosen for the moment before a message is sent.

A price tag and a question back above their own threshold; a model that costs less, at the limit,
where they agreed to that; waiting for room, where they want it. Nobody else's message waits for
any of it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot import endings, text_prices
from bot.choosing import Choosing, Chosen
from bot.estimates import Estimates, Side, threshold_of
from bot.messages import CONSOLE, Ask, Refusal
from bot.models import Model
from bot.panels import Action
from bot.prompt import Prompt
from bot.settings import Settings
from bot.text import Words
from bot.unsent import Unsent
from quota.calls import CallRequest
from quota.clock import Clock, pause
from quota.members import Member, Requester
from quota.quotas import Quotas
from quota.rules import Terms
from quota.verdicts import Refused

# How long an ask waits for room where its asker wants that, and how often it looks.
ROOM_WAIT_MS = 30 * 60_000
ROOM_LOOK_MS = 5_000


class Sending:
    """Looks at a message when its prompt is known and the books were not asked yet."""

    def __init__(self, quotas: Quotas, settings: Settings, clock: Clock) -> None:
        """Nothing waits."""
        self.estimates = Estimates(quotas)
        self._quotas = quotas
        self._settings = settings
        self._clock = clock
        self._unsent = Unsent(clock)

    async def room_comes(
        self, request: CallRequest, note: Callable[[str], Awaitable[None]], words: Words
    ) -> None:
        """Wait until an ask would not be refused for want of room, or patience ends."""
        told = False
        while self._clock.now() < request.arrived_at + ROOM_WAIT_MS:
            would = await self._quotas.would_refuse(request)
            if would is None or would.reason not in {"pool_used", "busy"}:
                return
            if not told:
                await note(words.waits_for_room())
                told = True
            await pause(self._clock, ROOM_LOOK_MS)

    async def instead(self, request: CallRequest, choosing: Choosing) -> Model | None:
        """The cheaper model that answers where this one would be refused and its asker agreed."""
        if self._settings.member(request.requester.member).fallback != "auto":
            return None
        would = await self._quotas.would_refuse(request)
        if would is None or would.reason not in endings.OTHERWISE:
            return None
        return await endings.cheaper(request, choosing, self._quotas)

    async def held_back(
        self,
        ask: Ask,
        chosen: Chosen,
        prompt: Prompt,
        request: CallRequest,
        side: Side | None,
        words: Words,
    ) -> Refusal | None:
        """The question whether to send it, above the asker's own threshold; nothing is charged.

        What would be refused anyway is not asked about.
        """
        member = ask.requester.member
        threshold = threshold_of(self._settings.member(member).confirm_above)
        if threshold is None or ask.confirmed or ask.waits:
            return None
        asked = (ask.requester, chosen.model, prompt, chosen.output_max)
        tag = await self.estimates.tag(*asked, side)
        if not threshold.is_passed(tag) or await self._quotas.would_refuse(request) is not None:
            return None
        text = text_prices.held_back(words, tag, threshold)
        refused = Refused("unconfirmed", needed=tag.tokens)
        if member.space.platform == CONSOLE:
            return Refusal(refused, text)
        key = self._unsent.keep(ask)
        send = Action("send", text_prices.send_label(words), key, member.id, "primary")
        drop = Action("drop", words.cancel_label(), key, member.id)
        return Refusal(refused, text, (send, drop))

    async def in_questions(self, requester: Requester, terms: Terms, words: Words) -> str:
        """For how many usual questions there is room, where one was too large; else nothing."""
        balances = await self._quotas.balances(requester, terms)
        room = await self.estimates.questions(requester, balances, terms.rates)
        return text_prices.questions(words, room) if room else ""

    def take(self, key: str, member: Member) -> Ask | None:
        """What a member was asked about, once, to be sent now; None: it has expired."""
        ask = self._unsent.take(key, member)
        return replace(ask, confirmed=True) if ask is not None else None

    def forget(self, member: Member) -> None:
        """Nothing of theirs waits any more, and what they usually take is looked up anew."""
        self._unsent.forget(member)
        self.estimates.habits.forget(member.wallet)
