"""What people do with commands, buttons and forms: acknowledged at once, then carried out.

The acknowledgement comes before anything else, because Discord waits three seconds for it; and it
is a claim: of an interaction that is delivered twice, the second one cannot be acknowledged.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import discord

from adapters.discord import asks, panels, surface
from adapters.discord.asking import Asking
from adapters.discord.commands import pieces
from adapters.discord.entries import Entry, Menu
from adapters.discord.place import Frame
from bot import text_discord as say
from bot.actions import AskAgain, Pressed, Shown
from bot.desk import Typed
from bot.messages import NO_FILES, Card, Files
from bot.outcome import reference
from bot.panels import Action
from bot.text import Words
from quota.errors import StoreUnavailableError
from quota.members import Requester

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
# What somebody is about to ask about is remembered while they write the question.
TARGETS_MAX = 500
_SHARED_VIEWS = {None, "summary", "history"}


class Presses:
    """Carries out commands, buttons and forms for one connection."""

    def __init__(self, gateway: "Gateway") -> None:
        """Act for this connection."""
        self._gateway = gateway
        self._bot = gateway.bot
        self._asking = Asking(gateway)
        self._targets: dict[int, discord.Message] = {}

    # Entry points; each works in a task of its own, which the end of the bot waits for.

    async def entered(
        self, interaction: Interaction, entry: Entry, given: Mapping[str, Any]
    ) -> None:
        """See commands.Desk."""
        self._gateway.start_work(
            self._safely(interaction, partial(self._entered, interaction, entry, given))
        )

    async def chosen(
        self,
        interaction: Interaction,
        menu: Menu,
        target: discord.Message | discord.User | discord.Member,
    ) -> None:
        """See commands.Desk."""
        self._gateway.start_work(
            self._safely(interaction, partial(self._chosen, interaction, menu, target))
        )

    async def pressed(self, interaction: Interaction, action: Action) -> None:
        """A button was used."""
        self._gateway.start_work(
            self._safely(interaction, partial(self._pressed, interaction, action))
        )

    async def submitted(self, interaction: Interaction) -> None:
        """A form came back, be it one of an earlier run."""
        await self._safely(interaction, partial(self._submitted, interaction))

    async def completions(
        self, interaction: Interaction, completes: str, typed: str
    ) -> Iterable[tuple[str, str]]:
        """See commands.Desk."""
        return await self._asking.completions(interaction, completes, typed)

    async def _safely(self, interaction: Interaction, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever breaks is told to who began it, in one sentence."""
        self._gateway.notices.met(interaction)
        words = self._words(interaction)
        try:
            await work()
        except StoreUnavailableError:
            await self._tell(interaction, words.not_written())
        except discord.HTTPException as error:
            # 10062, 40060: somebody was faster, or Discord has given up waiting.
            _log.info("discord: an interaction came to nothing: %s", error)
        except Exception:  # a mistake of ours; the others go on
            ref = reference()
            _log.exception("an interaction could not be carried out ref=%s", ref)
            await self._tell(interaction, words.internal(ref))

    def _words(self, interaction: Interaction) -> Words:
        member = self._gateway.requester(interaction).member
        return self._gateway.words_for(member, interaction.locale)

    async def _tell(self, interaction: Interaction, text: str) -> None:
        with suppress(discord.HTTPException):
            if interaction.response.is_done():
                await interaction.followup.send(text, ephemeral=True)
            else:
                await interaction.response.send_message(text, ephemeral=True)

    # Commands.

    async def _entered(
        self, interaction: Interaction, entry: Entry, given: Mapping[str, Any]
    ) -> None:
        requester = self._gateway.requester(interaction)
        match entry.does:
            case "ask":
                await self._asking.ask(interaction, requester, given)
            case "begin":
                await self._asking.begin(interaction, requester, given)
            case "again":
                await self._asking.last_again(interaction, requester, str(given.get("model") or ""))
            case "form":
                name = entry.line
                await self._opened(interaction, Pressed(requester, name, event=_id(interaction)))
            case "line":
                shared = bool(given.get("share")) and given.get("view") in _SHARED_VIEWS
                await interaction.response.defer(ephemeral=not shared, thinking=True)
                prefix = "" if entry in surface.MEMBER_ENTRIES else f"/{entry.path.split()[0]} "
                files = await self._files_of(interaction, requester, given)
                for line in entry.typed(pieces(entry, given, self._gateway.members.called)):
                    whole = f"{prefix}{line} share" if shared else f"{prefix}{line}"
                    card = await self._run(interaction, requester, whole, files)
                    await self._show(interaction, card)

    async def _chosen(
        self,
        interaction: Interaction,
        menu: Menu,
        target: discord.Message | discord.User | discord.Member,
    ) -> None:
        requester = self._gateway.requester(interaction)
        match menu.does, target:
            case "about", discord.Message():
                self._remember(target)
                await interaction.response.send_modal(
                    panels.modal(say.about_form(self._words(interaction), str(target.id)))
                )
            case "cost", discord.Message():
                await interaction.response.defer(ephemeral=True, thinking=True)
                line = f"/quota receipt {target.id}"
                await self._show(interaction, await self._run(interaction, requester, line))
            case "again", discord.Message():
                action = panels.action_on(target, "again")
                if action is None:
                    await interaction.response.send_message(
                        self._words(interaction).say(say.NO_ANSWER), ephemeral=True
                    )
                    return
                await self._pressed(interaction, action, target)
            case _:
                await interaction.response.defer(ephemeral=True, thinking=True)
                line = f"/quota-staff show @member:{target.id}"
                await self._show(interaction, await self._run(interaction, requester, line))

    async def _files_of(
        self, interaction: Interaction, requester: Requester, given: Mapping[str, Any]
    ) -> Files:
        """What was put into the option of a command that takes a file."""
        file, words = given.get("file"), self._words(interaction)
        attached = [file] if file is not None else []
        return await self._gateway.chats.files_of(requester, attached, words)

    async def _run(
        self, interaction: Interaction, requester: Requester, line: str, files: Files = NO_FILES
    ) -> Card:
        _, _, thread = asks.place_of(interaction.channel)
        event = _id(interaction)
        typed = Typed(requester, line, thread, previews=True, event=event, files=files)
        await self._gateway.chats.know(requester, is_home=interaction.guild_id is not None)
        return await self._bot.commands.run(typed, self._words(interaction))

    async def forget(self, interaction: Interaction, requester: Requester) -> None:
        """A fresh start where there can be no thread."""
        await self._show(interaction, await self._run(interaction, requester, "/chat new"))

    async def _show(self, interaction: Interaction, card: Card) -> None:
        response = Frame(panel=card.panel, files=card.files).sent()
        response["attachments"] = response.pop("files")
        await interaction.edit_original_response(**response)

    # Buttons and forms.

    async def _pressed(
        self, interaction: Interaction, action: Action, message: discord.Message | None = None
    ) -> None:
        message = message or interaction.message
        requester = self._gateway.requester(interaction)
        pressed = Pressed(
            requester,
            action.name,
            action.subject,
            action.owner,
            _id(interaction),
            str(message.id) if message is not None else "",
        )
        if await self._opened(interaction, pressed, else_defer=False):
            return
        on_component = interaction.type is discord.InteractionType.component
        # From a menu the answer itself takes the place of the response, for all to see.
        mine = action.owner == requester.member.id
        await interaction.response.defer(
            ephemeral=on_component or not mine, thinking=not on_component
        )
        await self._done(interaction, pressed, message)

    async def _opened(
        self, interaction: Interaction, pressed: Pressed, *, else_defer: bool = True
    ) -> bool:
        """Open the form of an action, if it has one."""
        form = self._bot.actions.form(pressed, self._words(interaction))
        if form is not None:
            await interaction.response.send_modal(panels.modal(form))
            return True
        if else_defer:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await self._done(interaction, pressed, None)
        return False

    async def _submitted(self, interaction: Interaction) -> None:
        data: Any = interaction.data or {}
        named = panels.form_of(str(data.get("custom_id", "")))
        if named is None:
            return
        name, subject = named
        values = panels.values(data)
        requester = self._gateway.requester(interaction)
        if name == say.ABOUT:
            target = await self._target(interaction, subject)
            await self._asking.about(interaction, requester, target, values.get("question", ""))
            return
        # Where the form stands on a card, the card may be replaced; else there is a new one.
        await interaction.response.defer(ephemeral=True, thinking=interaction.message is None)
        message = interaction.message
        pressed = Pressed(
            requester,
            name,
            subject,
            "",
            _id(interaction),
            str(message.id) if message is not None else "",
            values,
        )
        await self._done(interaction, pressed, message)

    async def _done(
        self, interaction: Interaction, pressed: Pressed, message: discord.Message | None
    ) -> None:
        """What came of it, shown in place of the card or privately beside it."""
        await self._gateway.chats.know(pressed.requester, is_home=interaction.guild_id is not None)
        match await self._bot.actions.press(pressed, self._words(interaction)):
            case Shown(card, replaces):
                is_card = message is not None and message.flags.components_v2
                beside = interaction.message is not None
                if beside and not (replaces and is_card):
                    await interaction.followup.send(
                        **Frame(panel=card.panel, files=card.files).sent(), ephemeral=True
                    )
                else:
                    await self._show(interaction, card)
            case AskAgain() as again:
                await self._asking.again(interaction, pressed, again, message)

    # What is asked about.

    def _remember(self, target: discord.Message) -> None:
        self._targets[target.id] = target
        while len(self._targets) > TARGETS_MAX:
            del self._targets[next(iter(self._targets))]

    async def _target(self, interaction: Interaction, message_id: str) -> discord.Message | None:
        """The message that somebody asks about; from Discord where the bot was started since."""
        known = self._targets.get(int(message_id)) if message_id.isdecimal() else None
        channel: Any = interaction.channel
        if known is not None and known.channel.id != interaction.channel_id:
            return None  # Whoever asks may not be able to read it there.
        if known is not None or not message_id.isdecimal() or channel is None:
            return known
        with suppress(discord.HTTPException, AttributeError):
            found: discord.Message = await channel.fetch_message(int(message_id))
            return found
        return None


def _id(interaction: Interaction) -> str:
    return str(interaction.id)
