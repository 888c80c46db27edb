"""Everything between an ask and the books: its files, what was said before, its prompt, its price.

Nothing is set aside here but for a summary, where the operator wants those.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bot import text_prices
from bot.calling import Calling
from bot.choosing import Choosing, Chosen
from bot.estimates import Side
from bot.files import prepared
from bot.messages import Refusal
from bot.models import Models
from bot.ports import DocumentReader, TokenCounter
from bot.prompt import Prompt, build, history_room, tokens_of
from bot.recall import recall
from bot.sending import Sending
from bot.settings import Settings
from bot.steps import Steps
from bot.summaries import Plan, Summaries
from bot.talks import Talks
from bot.text import Words
from bot.turns import ChatSettings, Turn
from quota.calls import CallRequest
from quota.clock import Clock
from quota.quotas import Quotas
from quota.verdicts import Refused, Seen


class Ready(NamedTuple):
    """What is to be sent, and to whom."""

    chosen: Chosen
    prompt: Prompt


class Preparing:
    """Makes asks ready to be sent."""

    def __init__(
        self,
        quotas: Quotas,
        talks: Talks,
        chosen: Settings,
        calling: Calling,
        steps: Steps,
        counter: TokenCounter,
        clock: Clock,
        reader: DocumentReader | None,
    ) -> None:
        """`chosen` is what members chose; `reader` takes the text out of files."""
        self.sending = Sending(quotas, chosen, clock)
        self._summaries = Summaries(quotas, calling, talks, counter, clock)
        self._quotas = quotas
        self._talks = talks
        self._calling = calling
        self._steps = steps
        self._counter = counter
        self._clock = clock
        self._reader = reader

    async def ready(
        self,
        turn: Turn,
        chosen: Chosen,
        choosing: Choosing,
        settings: ChatSettings,
        note: Callable[[str], Awaitable[None]],
        words: Words,
    ) -> Ready | Refusal | Refused | Seen:
        """What is to be sent for an ask; or why not, as its asker or the books have it."""
        chosen, prompt = await self._agreed(turn, chosen, choosing, settings, words)
        summaries, models = self._summaries, choosing.models
        plan = await summaries.planned(turn, chosen, prompt, models, settings.side)
        request, side = self._request(turn, chosen, prompt), _side(plan)
        held_back = await self.sending.held_back(turn.ask, chosen, prompt, request, side, words)
        if held_back is not None:
            return held_back
        if plan is None:
            return Ready(chosen, prompt)
        made = await summaries.made(plan, turn, chosen, note, words)
        if not isinstance(made, str):
            return made
        turn.told.append(made)
        return Ready(chosen, await self.prompt(turn, chosen, settings, words))

    async def besides(
        self, turn: Turn, chosen: Chosen, prompt: Prompt, models: Models, settings: ChatSettings
    ) -> Side | None:
        """The call that would be made before an answer, for its price."""
        return _side(await self._summaries.planned(turn, chosen, prompt, models, settings.side))

    async def prompt(
        self, turn: Turn, chosen: Chosen, settings: ChatSettings, words: Words
    ) -> Prompt:
        """What is sent for an ask, files and earlier messages included; nothing is set aside."""
        model, most = chosen.model, settings.input_chars_max
        ask, turn.notes = await prepared(turn.ask, model, self._reader, most, words)
        turn.ready = ask

        async def count(text: str) -> int:
            return await tokens_of(self._counter, model.name, text)

        turn.recalled = await recall(self._talks, ask, self._clock, count)
        turn.notes += [words.history_lost()] if turn.recalled.lost else []
        history = turn.recalled.said
        if history and turn.summary is None:
            balances = await self._quotas.balances(ask.requester, model.terms)
            turn.room = history_room(balances, model.terms.rates)
        learned, system_prompt, counter = self._calling.prompts, chosen.system_prompt, self._counter
        prompt = await build(ask, history, system_prompt, turn.room, counter, learned, model)
        return await self._steps.equip(turn, chosen, prompt, words)

    async def _agreed(
        self, turn: Turn, chosen: Chosen, choosing: Choosing, settings: ChatSettings, words: Words
    ) -> Ready:
        """At the limit by a cheaper model, where its asker has agreed to that."""
        prompt = await self.prompt(turn, chosen, settings, words)
        other = await self.sending.instead(self._request(turn, chosen, prompt), choosing)
        if other is None:
            return Ready(chosen, prompt)
        turn.told.append(text_prices.instead(words, other.key, chosen.model.key))
        chosen = chosen.by(other)
        return Ready(chosen, await self.prompt(turn, chosen, settings, words))

    def _request(self, turn: Turn, chosen: Chosen, prompt: Prompt) -> CallRequest:
        terms, now = chosen.model.terms, self._clock.now()
        return turn.request(terms, prompt.expected, chosen.output_max, now)


def _side(plan: Plan | None) -> Side | None:
    """A summary as a price knows it."""
    if plan is None:
        return None
    return Side(plan.model, plan.prompt.likely, plan.tokens_max, plan.answer_input)
