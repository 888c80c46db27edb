"""Questions that do not come as messages: /ask, Ask about this, Regenerate, Continue, /chat new."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import discord

from adapters.discord import asks, files
from adapters.discord.asks import Past
from adapters.discord.place import ChannelPlace, Frame, InteractionPlace, Place
from bot import text_discord as say
from bot.actions import AskAgain, Pressed
from bot.choosing import named
from bot.messages import BEGIN, Ask, Files, Utterance
from bot.text import Words
from bot.text_prices import model_choice
from bot.text_setup import unknown_persona
from bot.text_topics import TOPICS
from quota.errors import StoreUnavailableError
from quota.members import Requester

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

Interaction = discord.Interaction[Any]
QUOTE_CHARS_MAX = 300
# Discord waits three seconds for what may be meant; whoever types, less.
COMPLETES_MS, CHOICES_MAX = 1_000, 25
THREAD_MINUTES: Literal[1440] = 1_440


class Asking:
    """Turns interactions into asks."""

    def __init__(self, gateway: "Gateway") -> None:
        """Ask for this connection."""
        self._gateway = gateway
        self._bot = gateway.bot

    async def ask(
        self, interaction: Interaction, requester: Requester, given: Mapping[str, Any]
    ) -> None:
        """/ask."""
        if await self._is_unknown(interaction, given):
            return
        private = bool(given.get("private"))
        await interaction.response.defer(ephemeral=private, thinking=True)
        await self._gateway.chats.know(requester, is_home=interaction.guild_id is not None)
        file = given.get("file")
        attached = [file] if file is not None else []
        chats, words = self._gateway.chats, self._words(interaction)
        found = await chats.files_of(requester, attached, words)
        prompt = str(given["prompt"])
        ask = self._made(interaction, requester, prompt, str(given.get("model") or ""))
        ask = _alone(ask.carrying(found)) if private else ask.carrying(found)
        ask = replace(ask, persona=str(given.get("persona") or ""))
        place = self._place(interaction, private=private)
        await self._answered(interaction, ask, place, head=asks.quote(prompt, QUOTE_CHARS_MAX))

    async def about(
        self,
        interaction: Interaction,
        requester: Requester,
        target: discord.Message | None,
        question: str,
    ) -> None:
        """Ask about this."""
        if target is None:
            await interaction.response.send_message(
                self._words(interaction).say(say.MESSAGE_GONE), ephemeral=True
            )
            return
        await interaction.response.defer(thinking=True)
        await self._gateway.chats.know(requester, is_home=interaction.guild_id is not None)
        me = self._gateway.user
        assert me is not None, "who is connected has a name"
        text = question.strip() or self._words(interaction).say(say.ABOUT_QUESTION)
        words = self._words(interaction)
        found = await self._gateway.chats.files_of(requester, target.attachments, words)
        ask = self._made(interaction, requester, text)
        ask = replace(
            ask,
            parent=str(target.id),
            earlier=Past(me, interaction.channel, known=[target]),
        )
        ask = ask.carrying(found)
        head = asks.quote(f"{text} {target.jump_url}", QUOTE_CHARS_MAX)
        await self._answered(interaction, ask, self._place(interaction), head=head)

    async def again(
        self,
        interaction: Interaction,
        pressed: Pressed,
        again: AskAgain,
        message: discord.Message | None,
    ) -> None:
        """Regenerate or Continue, on a message of the bot; acknowledged already."""
        if message is None:
            return
        if again.ask is not None:
            ask = replace(again.ask, id=str(interaction.id))
            await self._answered(interaction, ask, self._place_after(interaction, message))
            return
        found = self._bot.chat.question(pressed.requester.member.space, str(message.id))
        is_known = found is not None
        found = found or await self._question(interaction, message)
        if found is None and again.how == "again":
            await interaction.followup.send(
                self._words(interaction).say(say.QUESTION_GONE), ephemeral=True
            )
            return
        ask = self._made(interaction, pressed.requester, "", again.model)
        me = self._gateway.user
        assert me is not None, "who is connected has a name"
        past = Past(me, interaction.channel, known=[message])
        if again.how == "onward" or found is None:
            text = self._words(interaction).onward()
            ask = replace(ask, text=text, parent=str(message.id), earlier=past)
        else:
            ask = replace(ask, text=found.text, parent=found.parent, earlier=past)
            ask = replace(ask, images=found.images, waits=again.waits)
            if not is_known:
                ask = ask.carrying(await self._files_of(interaction, found))
        if message.flags.ephemeral:
            ask = replace(ask, thread="")
        await self._answered(interaction, ask, self._place_after(interaction, message))

    async def last_again(self, interaction: Interaction, requester: Requester, model: str) -> None:
        """/chat regenerate: the last question of this member here."""
        known = self._gateway.chats.last_of(requester, interaction.channel)
        if known is None:
            await interaction.response.send_message(
                self._words(interaction).say(say.NO_QUESTION), ephemeral=True
            )
            return
        before, private = known
        await interaction.response.defer(ephemeral=private, thinking=True)
        model = model or before.model
        ask = replace(before, id=str(interaction.id), requester=requester, model=model)
        head = asks.quote(before.text, QUOTE_CHARS_MAX)
        place = self._place(interaction, private=private)
        await self._answered(interaction, ask, place, head=head)

    async def begin(
        self, interaction: Interaction, requester: Requester, given: Mapping[str, Any]
    ) -> None:
        """/chat new: a thread where there can be one, else a fresh start here."""
        channel, words = interaction.channel, self._words(interaction)
        if await self._is_unknown(interaction, given):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        model, persona = str(given.get("model") or ""), str(given.get("persona") or "")
        if not isinstance(channel, discord.TextChannel) or not self._is_inside(interaction):
            await self._gateway.chats.begins(interaction.channel_id or 0, model, persona)
            await self._gateway.presses.forget(interaction, requester)
            return
        private = bool(given.get("private"))
        kind = discord.ChannelType.private_thread if private else discord.ChannelType.public_thread
        try:
            thread = await channel.create_thread(
                name=str(given.get("title") or words.say(say.NEW_THREAD)),
                type=kind,
                auto_archive_duration=THREAD_MINUTES,
            )
            await thread.add_user(interaction.user)
        except discord.Forbidden:
            await interaction.edit_original_response(
                content=self._words(interaction).say(say.NO_THREADS)
            )
            return
        await self._gateway.chats.begins(thread.id, model, persona)
        if not given.get("title"):
            self._gateway.chats.lacks_title(thread.id)
        hello = say.thread_hello(words, needs_mention=not self._gateway.reads_all)
        with suppress(discord.HTTPException):
            await thread.send(hello, silent=True)
        await interaction.edit_original_response(content=say.thread_begun(words, thread.mention))

    # What they have in common.

    async def _is_unknown(self, interaction: Interaction, given: Mapping[str, Any]) -> bool:
        """Whether a model or a persona was named that does not exist; said so already then."""
        models, personas = self._bot.chat.models, self._bot.chat.settings.personas
        model, persona = str(given.get("model") or ""), str(given.get("persona") or "")
        words, said = self._words(interaction), ""
        if model and models.find(model) is None:
            said = words.unknown_model(model, models.names)
        elif persona and named(personas, persona) is None:
            said = unknown_persona(words, persona, tuple(personas))
        if said:
            card = Frame(panel=words.mistake(said)).sent()
            await interaction.response.send_message(**card, ephemeral=True)
        return bool(said)

    def _made(
        self, interaction: Interaction, requester: Requester, text: str, model: str = ""
    ) -> Ask:
        _, channel_id, thread = asks.place_of(interaction.channel)
        return Ask(
            str(interaction.id),
            requester,
            text,
            model,
            thread,
            author=interaction.user.display_name,
            channel_id=channel_id,
            place=interaction.guild.name if interaction.guild is not None else "",
        )

    async def _answered(
        self, interaction: Interaction, ask: Ask, place: Place, *, head: str = ""
    ) -> None:
        await self._gateway.chats.answer(ask, place, self._words(interaction), head=head)

    def _words(self, interaction: Interaction) -> Words:
        member = self._gateway.requester(interaction).member
        return self._gateway.words_for(member, interaction.locale)

    def _is_inside(self, interaction: Interaction) -> bool:
        """Whether the bot itself is where this happens, and may write there by its own right."""
        if interaction.guild_id is None:
            return interaction.context.dm_channel
        return self._gateway.get_guild(interaction.guild_id) is not None

    def _place(self, interaction: Interaction, *, private: bool = False) -> Place:
        """The response itself; where it lasts longer than a token, the channel."""
        channel: Any = interaction.channel
        later = None
        if channel is not None and self._is_inside(interaction):
            later = ChannelPlace(channel, channel.id, str(interaction.id), self._gateway.throttle)
        return InteractionPlace(interaction, self._bot.clock, private=private, later=later)

    def _place_after(self, interaction: Interaction, message: discord.Message) -> Place:
        """Below an answer: in the channel, or beside it where only one person sees it."""
        private = message.flags.ephemeral
        is_command = interaction.type is discord.InteractionType.application_command
        if is_command:
            return self._place(interaction)
        channel: Any = interaction.channel
        if private or channel is None or not self._is_inside(interaction):
            clock = self._bot.clock
            return InteractionPlace(interaction, clock, private=private, filled=True)
        throttle, nonce = self._gateway.throttle, str(interaction.id)
        return ChannelPlace(channel, channel.id, nonce, throttle, question=message.id)

    async def _question(
        self, interaction: Interaction, message: discord.Message
    ) -> Utterance | None:
        """What a message of the bot answered, as Discord shows it."""
        quoted = asks.quoted(message.content)
        if quoted:
            return Utterance("", "user", quoted, BEGIN)
        me, parent = self._gateway.user, asks.parent_of(message)
        if me is None or not parent:
            return None
        past = Past(me, interaction.channel, known=[message])
        try:
            said = await past(parent, asks.STEPS_MAX)
        except discord.HTTPException:
            return None
        found = next((one for one in reversed(said) if one.role == "user"), None)
        return found and found._replace(parent=found.parent or BEGIN)

    async def _files_of(self, interaction: Interaction, question: Utterance) -> Files:
        """What came with a question, once more from Discord."""
        channel: Any = interaction.channel
        if not question.id.isdecimal() or channel is None:
            return Files()
        with suppress(discord.HTTPException, AttributeError):
            found = await channel.fetch_message(int(question.id))
            return await files.taken(found.attachments, self._words(interaction))
        return Files()

    async def completions(
        self, interaction: Interaction, completes: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        """What may be meant by what was typed so far."""
        wanted, requester = typed.strip().casefold(), self._gateway.requester(interaction)
        if completes == "model":
            found = await self._models(requester, self._words(interaction))
        else:
            found = self._all_of(completes, requester)
        return [each for each in found if any(wanted in text.casefold() for text in each)]

    async def _models(self, requester: Requester, words: Words) -> Sequence[tuple[str, str]]:
        """The models of somebody, each with its price, and whether what they have left is enough.

        Whoever types does not wait for the books.
        """
        chat = self._bot.chat
        estimates, room = chat.sending.estimates, dict[str, int | None]()
        theirs = [m for m in chat.models.all if chat.choosing.may_use(requester, m)]
        with suppress(StoreUnavailableError, TimeoutError):
            async with self._bot.clock.timeout(COMPLETES_MS):
                room = await estimates.room(requester, theirs[:CHOICES_MAX])
        return [
            (
                model_choice(
                    words, m.key, estimates.usual_cost(requester, m.terms.rates), room.get(m.key)
                ),
                m.key,
            )
            for m in theirs
        ]

    def _all_of(self, completes: str, requester: Requester) -> Sequence[tuple[str, str]]:
        bot, space = self._bot, requester.member.space.key
        match completes:
            case "persona":
                return [(name, name) for name in bot.config.personas]
            case "rule":
                limits = bot.quotas.governing.limits(space)
                return [(x.name, x.id) for x in limits]
            case "window":
                policy = bot.quotas.policy(space)
                return [(x.name, x.id) for x in policy.limits if x.kind != "shared"]
            case _:
                return [(topic, topic) for topic in TOPICS]


def _alone(ask: Ask) -> Ask:
    """What only its asker sees is no part of what is said in the thread, before or after it."""
    return replace(ask, thread="", parent=BEGIN)
