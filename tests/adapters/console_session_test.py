"""A person at the console: what each typed line does and shows."""

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from adapters.console.screen import Screen
from adapters.console.session import Person, Session
from adapters.console.stream import ScreenStream
from bot.languages import Speech
from bot.messages import Duplicate, Failure
from bot.ports import Finished, TextDelta
from quota.errors import StoreUnavailableError
from quota.units import Rates
from tests.console_kit import Hands, Page, Terminal, whole
from tests.fakes import DAY
from tests.scripted import Bot, Gate, build, says, stepping_of, steps


async def typed(
    *messages: str,
    bot: Bot | None = None,
    limits: str = "everyone: 20k tokens/day",
    who: Person | None = None,
) -> str:
    """What is shown after the greeting, to a person who types these messages and leaves."""
    page = Page()
    behind = whole(bot or build(limits))
    session = Session(behind, who or Person("ana"), Screen(page, {}), zone=UTC)
    await session.run(Hands(*messages))
    return page.getvalue().split("Ctrl-D leaves.\n")[1]


async def test_the_greeting_tells_what_is_in_use() -> None:
    page = Page()
    bot = whole(
        build("everyone: 20k tokens/day", "everyone: 60 requests/hour"), Path("config.toml")
    )
    await Session(bot, Person(), Screen(page, {})).run(Hands())
    assert page.getvalue() == (
        "Quotabot · config.toml: 20k tokens/day, 60 requests/hour.\n"
        "Model: mini = test-model at llm.test. Books: books.db.\n"
        "Write something. /quota shows what is left, /help all commands, Ctrl-D leaves.\n"
    )


async def test_without_a_config_the_greeting_says_so() -> None:
    page = Page()
    await Session(whole(build()), Person(), Screen(page, {})).run(Hands())
    assert "no config.toml, so embedded defaults: no limits." in page.getvalue()


async def test_an_answer_and_its_footer() -> None:
    assert await typed("hello there") == (
        "w1 w2 w3 w4 w5 w6 w7 w8\n"
        "17 tokens · 99% left today · resets tomorrow 00:00 (in 15 hours)\n\n"
    )


async def test_quota_shows_bars() -> None:
    shown = await typed("hello there", "/quota")
    assert "✓ Quota — 99% left\n  Today  █░░░░░░░░░  17 / 20,000 tokens\n" in shown


async def test_a_refusal_has_an_icon_and_says_when() -> None:
    shown = await typed("hello", "more", limits="everyone: 1 request/day")
    assert "⛔ Daily limit reached: 1 of 1 request used" in shown
    assert "tomorrow 00:00 (in 15 hours)" in shown


async def test_what_a_shared_pool_refuses_is_sent_when_there_is_room() -> None:
    page, bot, hands = Page(), build("space: 1 request/day"), Hands()
    session = Session(whole(bot), Person("ana"), Screen(page, {}), zone=UTC)
    for text in ("/send", "hello", "and what of bo?"):
        await session.said(text, hands)
    assert "Nothing waits to be sent." in page.getvalue()
    assert page.getvalue().endswith("Type /send to have it sent when there is room.\n")
    sending = asyncio.create_task(session.said("/send", hands))
    while "as soon as there is room" not in page.getvalue():  # noqa: ASYNC110 - a page tells nobody
        await asyncio.sleep(0)
    assert len(bot.model.calls) == 1
    bot.clock.advance(DAY)
    await sending
    assert bot.model.calls[1].messages[-1].content == "and what of bo?"
    assert page.getvalue().count("w1 w2 w3") == 2


async def test_what_is_above_ones_own_threshold_is_sent_when_one_says_so() -> None:
    bot = build("everyone: 10k tokens/day")
    shown = await typed("/quota confirm 100 tokens", "hello there", "/send", "/send", bot=bot)
    assert "Not sent yet, because it is above 100 tokens." in shown
    assert "Type /send to send it.\n" in shown
    assert shown.count("w1 w2 w3") == 1
    assert "Nothing waits to be sent." in shown
    assert [call.messages[-1].content for call in bot.model.calls] == ["hello there"]


async def test_a_failure_is_told_and_the_next_message_is_answered() -> None:
    bot = build()
    bot.model.next(steps(TextDelta("")))
    shown = await typed("hello", "again", bot=bot)
    doctor = "quotabot doctor tells what is wrong; the log lies beside the books."
    failed, told = shown.partition("✗ Failed: ")[2].splitlines()[:2]
    assert "broke off before its first word" in failed
    assert told == doctor
    assert "w1 w2 w3" in shown


async def test_a_mistake_of_ones_own_is_nothing_for_the_doctor() -> None:
    page = Page()
    await ScreenStream(Screen(page, {}), Speech()).finish(Failure("bad_input", "No model 'x'."))
    assert page.getvalue() == "✗ Failed: No model 'x'.\n\n"


async def test_a_model_cannot_control_the_terminal() -> None:
    bot = build()
    bot.model.next(
        steps(
            TextDelta("\x1b[2Jhello\x1b"), TextDelta("]0;owned\x07 \x9b1mworld\r"), Finished("stop")
        )
    )
    shown = await typed("hello", bot=bot)
    assert shown.startswith("[2Jhello]0;owned 1mworld\n")


async def test_nor_can_a_name_or_a_reason() -> None:
    bot = build("everyone: 20k tokens/day")
    who = Person("a\x1b[31mda", admin=True)
    shown = await typed(
        "/quota-admin grant @bo +5 -- \x1b]0;owned\x07", "/quota-admin audit", bot=bot, who=who
    )
    assert "owned" in shown
    assert not set(shown) & {"\x1b", "\x07"}


async def test_becoming_somebody_else() -> None:
    hands = Hands("/admin on", '/as "Bo B" Supporter @Fan', "/channel #homework", "hi", "/admin on")
    page, bot = Page(), build("everyone: 1k tokens/day", "role Fan: 9k tokens/day")
    await Session(whole(bot), Person("ana"), Screen(page, {})).run(hands)
    assert hands.prompts == [
        "ana> ",
        "ana# ",
        "Bo B> ",
        "Bo B in homework> ",
        "Bo B in homework> ",
        "Bo B in homework# ",
    ]
    assert "You are Bo B with the roles Supporter, Fan in #general.\n" in page.getvalue()
    (entry, *_) = await bot.ledger()
    assert "Bo B" in entry.wallet
    card = await bot.type('/quota-admin explain @"Bo B"')
    assert card.balances[0].granted == 9_000


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/as", "You are ana in #general.\n"),
        ('/as "unclosed', "Write: /as NAME [ROLE ...]\n"),
        ("/as @", "Write: /as NAME [ROLE ...]\n"),
        ("/admin", "Write: /admin on|off\n"),
        ("/admin perhaps", "Write: /admin on|off\n"),
        ("/channel", "Write: /channel NAME\n"),
        ("/channel two words", "Write: /channel NAME\n"),
        ("/attach", "Nothing is attached. /attach PATH puts a text file into the next message.\n"),
        ("/model nonsense", "There is no model 'nonsense'."),
        ("/nonsense", "There is no command /nonsense."),
        ("/stop", "No answer of yours is running."),
        ("/quota-admin pause", "type /admin on first."),
        ("/ADMIN ON", "You govern now"),
    ],
)
async def test_commands_answer_in_one_sentence(line: str, shown: str) -> None:
    bot = build("everyone: 20k tokens/day")
    assert shown in await typed(line, bot=bot)
    assert bot.model.calls == []


@pytest.mark.parametrize("line", ["", "   ", "\n", "\t\n"])
async def test_nothing_is_no_message(line: str) -> None:
    assert await typed(line) == ""


async def test_a_message_may_have_many_lines_and_begin_with_a_blank() -> None:
    bot = build()
    await typed("one\n/quota\n\nthree", " /etc is a folder", bot=bot)
    assert [call.messages[-1].content for call in bot.model.calls] == [
        "one\n/quota\n\nthree",
        " /etc is a folder",
    ]


@pytest.mark.parametrize("line", ["/quit", "/exit", "/QUIT"])
async def test_leaving(line: str) -> None:
    bot = build()
    await typed(line, "never read", bot=bot)
    assert bot.model.calls == []


async def test_help_lists_what_only_the_console_has() -> None:
    shown = await typed("/help")
    for command in ("/quota", "/new", "/stop", "/model", "/attach", "/as", "/admin", "/quit"):
        assert f"  {command}" in shown
    assert "/quota-admin" not in shown
    assert "/quota-admin grant" in await typed("/help", who=Person("ada", admin=True))


async def test_help_explains_a_word() -> None:
    assert "A token is a piece of a word" in await typed("/help tokens")
    assert "The help has no 'cats'." in await typed("/help cats")


async def test_who_governs_hears_of_a_request_and_who_asked_what_came_of_it() -> None:
    bot = build("everyone: 20k tokens/day")
    asked = await typed("/admin on", "/quota more 1k tokens -- exam week", bot=bot)
    assert "@ana asks for 1,000 tokens more to the end of the period." in asked
    (request,) = bot.desk.quotas.governing.flags("console:console", "request")
    approved = await typed(
        f"/quota-admin approve {request}", bot=bot, who=Person("ana", admin=True)
    )
    assert "@ana gave you 1,000 tokens until tomorrow 00:00" in approved
    other = build("everyone: 20k tokens/day")
    assert "exam week" not in await typed("/quota more 1k tokens -- exam week", bot=other)


async def test_models_are_listed_with_prices_and_chosen() -> None:
    bot = build(rates=Rates(250_000, 25_000, 2_000_000, 2_000_000))
    shown = await typed("/model", "/model small", "hello", bot=bot)
    assert "→ mini  test-model  in $0.25 · cached $0.025 · out $2.00  unlimited\n" in shown
    assert "The next messages go to small.\n" in shown
    assert len(bot.model.calls) == 1


async def test_a_model_without_a_price_says_so() -> None:
    assert "no known price" in await typed("/model")


async def test_new_forgets_what_was_said() -> None:
    bot = build()
    await typed("one", "two", "/new", "three", bot=bot)
    assert [len(call.messages) for call in bot.model.calls] == [1, 3, 1]


async def test_a_file_goes_with_the_next_message_only(tmp_path: Path) -> None:
    place = tmp_path / "a list.txt"
    place.write_text("eggs\nmilk\n")
    bot = build()
    shown = await typed(
        f'/attach "{place}"', "/attach", "what is here?", "/new", "and now?", bot=bot
    )
    assert shown.count("With the next message: a list.txt. /attach none takes it out.\n") == 2
    first, second = bot.model.calls
    assert first.messages[-1].content == "what is here?\n\n[a list.txt]\neggs\nmilk\n"
    assert second.messages[-1].content == "and now?"


async def test_a_price_counts_what_is_attached_and_leaves_it_for_the_message(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("eggs and milk")
    bot = build()
    shown = await typed(
        "/quota price hello",
        f"/attach {tmp_path}/a.txt",
        "/quota price hello",
        "hello",
        bot=bot,
    )
    assert [line.split()[0] for line in shown.splitlines() if "tokens go to mini" in line] == [
        *("8", "12")
    ]
    assert bot.model.calls[0].messages[-1].content == "hello\n\n[a.txt]\neggs and milk"


async def test_attached_files_can_be_taken_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("eggs")
    bot = build()
    await typed(f"/attach {tmp_path}/a.txt", "/attach none", "hello", bot=bot)
    assert bot.model.calls[0].messages[-1].content == "hello"


async def test_a_file_that_is_refused_is_named_with_the_reason(tmp_path: Path) -> None:
    shown = await typed(f"/attach {tmp_path}")
    assert shown == f"Left out {tmp_path}: it is not a regular file.\n"


# Stopping, and things that break.


async def test_ctrl_c_stops_the_answer_and_not_the_program() -> None:
    bot, gate, page = build("everyone: 20k tokens/day"), Gate(), Page()
    bot.model.next(steps(TextDelta("one"), gate, TextDelta(" two")), says(3))
    hands = Hands("hello", "and now?")
    work = asyncio.create_task(Session(whole(bot), Person("ana"), Screen(page, {})).run(hands))
    await gate.reached()
    hands.press_ctrl_c()
    await work
    assert "one\n⏹ Stopped by you. Charged " in page.getvalue()
    assert "w1 w2 w3\n" in page.getvalue()
    await bot.is_clean()


async def test_leaving_stops_and_settles_the_answer() -> None:
    bot, gate, page = build("everyone: 20k tokens/day"), Gate(), Page()
    bot.model.next(steps(TextDelta("one"), gate, TextDelta(" two")))
    hands = Hands("hello", "never read")
    work = asyncio.create_task(Session(whole(bot), Person("ana"), Screen(page, {})).run(hands))
    await gate.reached()
    hands.walk_away()
    await work
    assert len(bot.model.calls) == 1
    assert (await bot.balance()).used == 9
    await bot.is_clean()


async def test_being_cancelled_settles_the_answer() -> None:
    bot, gate = build("everyone: 20k tokens/day"), Gate()
    bot.model.next(steps(TextDelta("one"), gate))
    session = Session(whole(bot), Person("ana"), Screen(Page(), {}))
    work = asyncio.create_task(session.run(Hands("hello")))
    await gate.reached()
    work.cancel()
    await asyncio.wait((work,))
    assert work.cancelled()
    assert (await bot.balance()).used == 9
    await bot.is_clean()


class BrokenPage(Page):
    """A reader that goes away after so many writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("writes", [0, 3, 4, 5])
async def test_when_nobody_reads_the_answer_is_stopped_and_the_program_ends(writes: int) -> None:
    bot = build("everyone: 20k tokens/day")
    session = Session(whole(bot), Person("ana"), Screen(BrokenPage(writes), {}))
    await session.run(Hands("one", "two", "three"))
    assert len(bot.model.calls) <= 1
    await bot.is_clean()


async def test_a_command_that_breaks_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bot = build("everyone: 20k tokens/day")
    stepping_of(bot).down["balances"] = ZeroDivisionError("secret detail")
    shown = await typed("/quota", "/admin on", bot=bot)
    assert "✗ Failed: Something went wrong inside the bot." in shown
    assert "You govern now" in shown
    assert "secret detail" not in shown
    assert "secret detail" in caplog.text


async def test_a_command_without_a_store_says_so() -> None:
    bot = build("everyone: 20k tokens/day")
    stepping_of(bot).down["balances"] = StoreUnavailableError()
    assert "The books cannot be" in await typed("/quota", bot=bot)


async def test_what_came_before_an_answer_stands_on_lines_of_its_own() -> None:
    page = Terminal()
    stream = ScreenStream(Screen(page, {"TERM": "xterm"}), Speech())
    await stream.note("You have an answer running.")
    await stream.update("half an")
    await stream.note("The rest waits.")
    await stream.update("answer")
    await stream.finish(Duplicate())
    assert page.getvalue() == (
        "\x1b[2m… You have an answer running.\x1b[0m\n"
        "half an\n"
        "\x1b[2m… The rest waits.\x1b[0m\n"
        "answer\n"
        "\x1b[2mThis message came twice; it was answered once.\x1b[0m\n\n"
    )


async def test_on_a_terminal_a_hint_stands_until_the_answer_comes() -> None:
    bot, page = build(), Terminal()
    screen = Screen(page, {"TERM": "xterm", "NO_COLOR": "1"})
    await Session(whole(bot), Person("ana"), screen).run(Hands("hello"))
    hint = "… asking test-model, Ctrl-C stops\r\x1b[Kw1"
    assert hint in page.getvalue()
