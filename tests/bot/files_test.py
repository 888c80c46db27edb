"""Files of an ask: what the model gets, what is said of the rest, and what images cost."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from bot.messages import Answer, Ask, Attachment, Document, Files, Image
from bot.models import Model, Models
from bot.ports import DocumentReader, Extract, Finished, UsageReport
from bot.turns import ChatSettings
from quota.members import Requester
from quota.rules import Terms
from quota.units import Usage
from tests.bot.images_test import png
from tests.fakes import requester
from tests.scripted import Bot, Gate, build, says, steps

DAILY = "everyone: 100k tokens/day"
# Two tiles by the published rule of GPT-4o.
CAT = Image("cat.png", "image/png", png(1024, 512))
CAT_TOKENS = 85 + 2 * 170
PAPER = Document("paper.pdf", "application/pdf", b"%PDF")


class Reader:
    """A DocumentReader that tells what it is given, and remembers how much room there was."""

    def __init__(self, *found: Extract) -> None:
        self.found = list(found)
        self.rooms: list[int] = []

    async def read(self, document: Document, chars_max: int) -> Extract:
        self.rooms.append(chars_max)
        return self.found.pop(0)


def member() -> Requester:
    return requester("1", space="discord:7")


def place(*, vision: bool = True, reader: DocumentReader | None = None, **more: Any) -> Bot:
    """A bot whose default model is GPT-4o, which may see."""
    bot = build(DAILY, reader=reader, **more)
    terms = Terms("eye", ("eye",))
    eye = Model("eye", "gpt-4o", (), bot.model, terms, 1_000, 60_000, 30_000, vision=vision)
    bot.chat.reload(Models([eye, *bot.chat.models.all]), bot.chat.settings)
    return bot


async def answer(bot: Bot, text: str = "what is it", **more: Any) -> Answer:
    return await bot.answer(member(), text, **more)


def images_sent(bot: Bot) -> list[Sequence[Image]]:
    return [m.images for m in bot.model.calls[-1].messages]


async def test_a_model_that_sees_gets_the_images() -> None:
    bot = place()
    end = await answer(bot, images=(CAT,))
    assert images_sent(bot) == [(CAT,)]
    assert end.notes == ()


async def held_for(bot: Bot, **more: Any) -> int:
    """The tokens that are set aside for a prompt of three words; then it is answered."""
    gate = Gate()
    bot.model.next(steps(gate, Finished("stop"), UsageReport(Usage(input=9_000, output=1))))
    running = bot.start(member(), "what is it", **more)
    await gate.reached()
    held = (await bot.balance(member())).held - 1_000
    gate.release()
    await running.end()
    return held


async def test_what_images_cost_is_held_and_the_provider_counts() -> None:
    bot = place()
    assert await held_for(bot, images=(CAT,)) == 3 + 4 + 3 + CAT_TOKENS
    bot.model.next(says(1, reported=Usage(input=300, output=1)))
    assert (await answer(bot, images=(CAT,))).charged_tokens == 301
    await bot.is_clean()


async def test_a_provider_that_counts_images_otherwise_teaches_nothing_about_text() -> None:
    bot = place()
    await held_for(bot, images=(CAT,))
    bot.chat.forget(member(), everywhere=True)
    assert await held_for(bot) == 10


async def test_a_model_that_does_not_see_is_asked_without_and_that_is_said() -> None:
    bot = place(vision=False)
    end = await answer(bot, images=(CAT, CAT))
    assert images_sent(bot) == [()]
    assert end.notes == ("Left out cat.png: eye cannot see images.",) * 2


async def test_what_is_no_image_or_too_large_is_named() -> None:
    bot = place()
    broken = Image("odd.png", "image/png", b"?")
    large = Image("large.png", "image/png", png(9, 9) + bytes(10 * 1024 * 1024))
    end = await answer(bot, images=(broken, large, CAT))
    assert images_sent(bot) == [(CAT,)]
    assert end.notes == (
        "Left out odd.png: it cannot be read; it may be damaged.",
        "Left out large.png: it is too large.",
    )


async def test_only_so_many_images_are_taken() -> None:
    bot = place()
    end = await answer(bot, images=(CAT,) * 12)
    assert images_sent(bot) == [(CAT,) * 10]
    assert end.notes == ("Left out cat.png: at most 10 images are taken.",) * 2


async def test_an_image_is_still_seen_in_the_next_question() -> None:
    bot = place()
    await answer(bot, images=(CAT,), message="1", thread="t")
    end = await answer(bot, "and its colour", message="2", thread="t")
    assert images_sent(bot) == [(CAT,), (), ()]
    assert end.notes == ()


async def test_an_image_that_there_is_no_room_for_leaves_its_question() -> None:
    bot = build("everyone: 900 tokens/day", output_max=100)
    eye = Model(
        "eye", "gpt-4o", (), bot.model, Terms("eye", ("eye",)), 100, 60_000, 30_000, vision=True
    )
    bot.chat.reload(Models([eye]), bot.chat.settings)
    bot.model.next(says(1, reported=Usage(input=100, output=1)))
    await answer(bot, images=(CAT,), message="1", thread="t")
    await answer(bot, "and its colour", message="2", thread="t")
    texts = [m.content for m in bot.model.calls[-1].messages]
    assert texts == ["what is it", "w1", "and its colour"]
    assert images_sent(bot) == [(), (), ()]


async def test_another_model_that_does_not_see_gets_the_words_only() -> None:
    bot = place()
    await answer(bot, images=(CAT,), message="1", thread="t")
    await answer(bot, "and its colour", message="2", thread="t", model="mini")
    assert images_sent(bot) == [(), (), ()]


# Documents.


async def test_the_text_of_a_document_goes_along() -> None:
    reader = Reader(Extract("all about cats", 2, 2))
    bot = place(reader=reader)
    end = await answer(bot, documents=(PAPER,))
    assert bot.model.calls[0].messages[0].content == "what is it\n\n[paper.pdf]\nall about cats"
    assert end.notes == ()


async def test_where_not_all_pages_fit_that_is_said() -> None:
    reader = Reader(Extract("all about cats", 2, 30), Extract("dogs", 1, 2))
    bot = place(reader=reader, settings=ChatSettings(input_chars_max=1_000))
    end = await answer(bot, documents=(PAPER, PAPER))
    assert end.notes == (
        "Of paper.pdf, only the first 2 pages of 30 could be taken.",
        "Of paper.pdf, only the first page of 2 could be taken.",
    )
    # The question, the names of the files, and what was read before take room.
    assert reader.rooms == [1_000 - 10 - 9, 1_000 - 10 - 9 - 14 - 9]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("kind", "files of this kind cannot be read"),
        ("large", "it is too large"),
        ("locked", "it needs a password"),
        ("broken", "it cannot be read; it may be damaged"),
        ("slow", "it takes too long to read"),
        ("long", "its text does not fit into one message"),
        ("empty", "it has no text; it may be scanned"),
    ],
)
async def test_a_document_that_cannot_be_read_is_named_with_the_reason(
    why: Literal["kind", "large", "locked", "broken", "slow", "long", "empty"], told: str
) -> None:
    bot = place(reader=Reader(Extract("", why=why)))
    end = await answer(bot, documents=(PAPER,))
    assert bot.model.calls[0].messages[0].content == "what is it"
    assert end.notes == (f"Left out paper.pdf: {told}.",)


async def test_a_document_that_there_is_no_room_for_is_not_read() -> None:
    reader = Reader()
    bot = place(reader=reader, settings=ChatSettings(input_chars_max=300))
    end = await answer(bot, "x" * 150, documents=(PAPER,))
    assert end.notes == ("Left out paper.pdf: its text does not fit into one message.",)
    assert reader.rooms == []


async def test_where_nobody_reads_documents_that_is_said() -> None:
    end = await answer(place(), documents=(PAPER,))
    assert end.notes == ("Left out paper.pdf: files of this kind cannot be read.",)


async def test_what_was_read_of_a_document_is_remembered_and_asked_again() -> None:
    reader = Reader(Extract("all about cats", 1, 1))
    bot = place(reader=reader)
    await answer(bot, documents=(PAPER,), message="1", shown_as=["2"])
    found = bot.chat.question(member().member.space, "2")
    assert found is not None
    assert found.text == "what is it\n\n[paper.pdf]\nall about cats"


async def test_text_files_documents_and_what_the_platform_left_out_stand_together() -> None:
    bot = place(reader=Reader(Extract("cats", 1, 1)))
    end = await answer(
        bot,
        files=(Attachment("a.txt", "dogs"),),
        documents=(PAPER,),
        left_out=(("a.zip", "it is no text"),),
    )
    text = bot.model.calls[0].messages[0].content
    assert text == "what is it\n\n[a.txt]\ndogs\n\n[paper.pdf]\ncats"
    assert end.notes == ("Left out a.zip: it is no text.",)


def test_the_same_event_with_another_file_is_another_message() -> None:
    one = Ask("1", member(), "x", documents=(PAPER,))
    assert one.digest != Ask("1", member(), "x").digest
    other = Document("paper.pdf", "application/pdf", b"%PDF-2")
    assert one.digest != Ask("1", member(), "x", documents=(other,)).digest


async def priced(bot: Bot, files: Files | None, text: str = " what is it") -> tuple[str, ...]:
    """What stands below the price itself, the tokens that would go to the model first."""
    _, parts, *more = (await bot.type(f"/quota price{text}", member(), files=files)).panel.lines
    return parts.partition(" go to")[0], *more


async def test_a_price_counts_the_files_and_names_those_that_would_be_left_out() -> None:
    bot = place(reader=Reader(Extract("all about cats", 1, 3)))
    assert await priced(bot, Files()) == ("10 tokens",)
    # The picture by its own rule; the name and the three words of the PDF.
    files = Files(images=(CAT,), documents=(PAPER,), left_out=(("a.zip", "it is no text"),))
    with_files = await priced(bot, files)
    assert with_files == (
        f"{10 + CAT_TOKENS + 4} tokens",
        "Left out a.zip: it is no text.",
        "Of paper.pdf, only the first page of 3 could be taken.",
    )
    assert bot.model.calls == []


async def test_a_file_alone_has_a_price_and_where_none_can_come_that_is_said() -> None:
    bot = place()
    alone = await priced(bot, Files(texts=(Attachment("a.txt", "dogs and cats"),)), "")
    assert alone == ("11 tokens",)
    told = "Files cannot come with this command. In a thread, !quota price counts those of its"
    assert await priced(bot, None) == ("10 tokens", f"{told} message.")
    assert "Write the message behind it." in (await bot.type("/quota price", files=None)).text
