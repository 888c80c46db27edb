"""What people do in stories that both platforms share, and what they see of it."""

from collections.abc import Mapping
from typing import Any

from adapters.discord.surface import ENTRIES
from quota.units import Usage
from tests.scripted import says
from tests.servers import discord, slack
from tests.stage import GROUP, InSlack, OnDiscord, Seen, Stage


async def uses(stage: Stage, who: str, path: str, **options: str) -> Seen:
    """Use a command with its options, or its line where commands are typed; the private card."""
    return await used(stage, who, path, options)


async def used(
    stage: Stage, who: str, path: str, options: Mapping[str, str], *, meanwhile: bool = False
) -> Seen:
    """See `uses`; `meanwhile`: something else is being answered.

    A value that begins with @ is a member or the group, #general is the channel. On Discord a
    command is tried that the client would not offer.
    """
    if isinstance(stage, OnDiscord):
        named: dict[str, Any] = {f"@{name}": person for name, person in stage.people.items()}
        named[f"@{GROUP}"] = stage.people["cy"].guild.role(GROUP)
        named["#general"] = stage.general
        given = {name: named.get(value, value) for name, value in options.items()}
        sent = await stage.people[who].by_force().slash(stage.general, path, **given)
        return stage.seen(await (await sent.reply()).settled())
    assert isinstance(stage, InSlack)
    entry = next(entry for entry in ENTRIES if entry.path == path)
    (line,) = entry.typed(options)
    if path == "ask":
        line = f"/ask {options['prompt']} --model {options['model']} --private"
    command, _, rest = line.partition(" ")
    if not line.startswith("/"):
        command, rest = f"/{path.split(maxsplit=1)[0]}", line
    asked = await stage.people[who].command(stage.general, command, rest)
    if not meanwhile:
        await stage.there.rests()
    return stage.seen(await asked.answer())


async def sends(stage: Stage, who: str, text: str, name: str, data: bytes, mime: str) -> Seen:
    """Say something with a file to it; the answer."""
    if isinstance(stage, OnDiscord):
        file = discord.File(name, data, mime)
        asked = await stage.people[who].says(stage.general, text, files=[file])
        return await stage.answer(asked)
    assert isinstance(stage, InSlack)
    there = slack.File(name, data, mimetype=mime)
    return await stage.answer(await stage.people[who].says(stage.general, text, files=[there]))


async def prices(stage: Stage, who: str, text: str, name: str, data: bytes, mime: str) -> Seen:
    """Have a message with a file to it priced: in Slack in a thread, where a file can come."""
    if isinstance(stage, OnDiscord):
        file = discord.File(name, data, mime)
        sent = await stage.people[who].slash(stage.general, "chat price", prompt=text, file=file)
        return stage.seen(await (await sent.reply()).settled())
    assert isinstance(stage, InSlack)
    person, there = stage.people[who], slack.File(name, data, mimetype=mime)
    began = await person.says(stage.general, "@bot hello")
    await stage.answer(began)
    await person.says(stage.general, f"!quota price {text}", thread=began, files=[there])
    await stage.there.rests()
    return stage.seen(stage.newest(who, stage.general))


async def answered(stage: Stage, who: str, text: str = "@bot hello") -> Seen:
    return await stage.answer(await stage.says(who, text))


async def refused(stage: Stage, who: str, text: str = "@bot hello") -> Seen:
    return await stage.refusal(await stage.says(who, text))


def costing(stage: Stage, tokens: int) -> None:
    """The next answer takes so many tokens."""
    stage.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))


async def goes_on(stage: Stage, asked: Any, first: Seen, text: str) -> str:
    """Ana asks on where the answer is: below it, or in its thread."""
    if isinstance(stage, OnDiscord):
        more = await stage.people["ana"].says(stage.general, text, reply_to=first.message)
        return (await stage.answer(more)).text
    assert isinstance(stage, InSlack)
    below = await stage.people["ana"].says(stage.general, text, thread=asked)
    return (await stage.answer(below)).text


def direct(stage: Stage, who: str) -> list[str]:
    """What the bot wrote to somebody alone."""
    if isinstance(stage, OnDiscord):
        return [message.text for message in stage.people[who].dm.from_bot()]
    assert isinstance(stage, InSlack)
    user = stage.people[who]
    return [m.shown for m in stage.team.sees(user, stage.team.dm(user)) if m.by_bot]


async def told(stage: Stage, who: str) -> str:
    """The first word of the bot to somebody alone."""
    if isinstance(stage, OnDiscord):
        await stage.told.discord.until(lambda: direct(stage, who), "a word to them")
    else:
        assert isinstance(stage, InSlack)
        await stage.there.until(lambda: direct(stage, who), "a word to them")
    return direct(stage, who)[0]


async def writes_note(stage: Stage, note: str) -> None:
    """Ada writes the sentence at the limit: in a form, or as a line."""
    if isinstance(stage, OnDiscord):
        ada = stage.people["ada"]
        opened = await ada.slash(stage.general, "quota-admin notice set")
        assert opened.modal is not None
        (label,) = [label for label in opened.modal.fields if "limit" in label]
        await (await ada.fills(opened.modal, {label: note})).reply()
        return
    assert isinstance(stage, InSlack)
    line = f"notice {note}"
    asked = await stage.people["ada"].command(stage.general, "/quota-admin", line)
    await asked.answer()


def space_of(stage: Stage) -> str:
    """The space as the books call it."""
    if isinstance(stage, OnDiscord):
        return stage.space
    assert isinstance(stage, InSlack)
    return f"slack:{stage.team.id}"


def payload_of(card: Seen) -> str:
    """A card as it was sent, with the ids of those it names."""
    return str(card.message.blocks) if isinstance(card.message, slack.Message) else card.text


def id_of(stage: Stage, who: str) -> str:
    """How the platform calls somebody."""
    assert isinstance(stage, OnDiscord | InSlack)
    return str(stage.people[who].id)
