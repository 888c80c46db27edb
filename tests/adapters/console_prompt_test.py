"""Typing: at a terminal key by key, and from a pipe line by line."""

import asyncio
import os
import pty
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from adapters.console.plain import LINE_BYTES_MAX, PlainTyping
from adapters.console.prompt import HISTORY_BYTES_MAX, KeyTyping, history
from adapters.console.screen import Screen
from adapters.console.session import Person, Session
from bot.ports import TextDelta
from tests.console_kit import Page, whole
from tests.scripted import Gate, build, says, steps, until

ENTER, ESCAPE, CTRL_C, CTRL_D, UP = "\r", "\x1b", "\x03", "\x04", "\x1b[A"
PASTED = "\x1b[200~{}\x1b[201~"


@contextmanager
def keyboard(home: Path | None = None) -> Iterator[tuple[PipeInput, KeyTyping, Page]]:
    """Keys to press, who hears them, and the page beside."""
    page = Page()
    environ = {"XDG_STATE_HOME": str(home)} if home else {"HOME": "/dev/null"}
    with create_pipe_input() as keys:
        yield keys, KeyTyping(Screen(page, {}), environ, keys=keys, output=DummyOutput()), page


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("hello" + ENTER, "hello"),
        ("one\\" + ENTER + "two" + ENTER, "one\ntwo"),
        ("one" + ESCAPE + ENTER + "two" + ENTER, "one\ntwo"),
        (PASTED.format("one\ntwo\n\nthree") + ENTER, "one\ntwo\n\nthree"),
        (PASTED.format("one\r\ntwo") + ENTER, "one\ntwo"),
        ("nonsense" + CTRL_C + "hello" + ENTER, "hello"),
        ("é日🙂" + ENTER, "é日🙂"),
        (ENTER, ""),
        (CTRL_D, None),
        (CTRL_C + CTRL_C, None),
    ],
)
async def test_what_is_typed_is_the_message(keys: str, message: str | None) -> None:
    with keyboard() as (board, typing, _):
        board.send_text(keys)
        assert await typing.message("ana> ") == message


async def test_the_first_ctrl_c_at_an_empty_prompt_warns() -> None:
    with keyboard() as (board, typing, page):
        board.send_text(CTRL_C + "hello" + ENTER)
        assert await typing.message("ana> ") == "hello"
        assert "Ctrl-C once more leaves" in page.getvalue()


async def test_arrow_keys_bring_back_what_was_typed_also_the_next_day(tmp_path: Path) -> None:
    with keyboard(tmp_path) as (board, typing, _):
        for text in ("first", "second\\\rline"):
            board.send_text(text + ENTER)
            await typing.message("ana> ")
    with keyboard(tmp_path) as (board, typing, _):
        board.send_text(UP + ENTER)
        assert await typing.message("ana> ") == "second\nline"
    place = tmp_path / "quotabot" / "history"
    assert place.stat().st_mode & 0o777 == 0o600


async def test_history_stays_within_bounds(tmp_path: Path) -> None:
    place = tmp_path / "quotabot" / "history"
    place.parent.mkdir()
    message = "\n# 2026-06-01 09:00:00.000000\n+message %06d\n"
    place.write_text("".join(message % n for n in range(20_000)))
    kept = [text async for text in history({"XDG_STATE_HOME": str(tmp_path)}).load()]
    assert kept[0] == "message 019999"
    assert set(map(len, kept)) == {14}
    assert place.stat().st_size <= HISTORY_BYTES_MAX / 2


@pytest.mark.parametrize("environ", [{"XDG_STATE_HOME": "/dev/null"}, {"HOME": "/dev/null"}])
def test_history_is_in_memory_where_no_file_can_be_had(environ: dict[str, str]) -> None:
    assert isinstance(history(environ), InMemoryHistory)


def test_history_is_beside_other_state(tmp_path: Path) -> None:
    history({"HOME": str(tmp_path)})
    assert (tmp_path / ".local" / "state" / "quotabot" / "history").exists()


# While an answer runs.


@pytest.mark.parametrize(
    ("typed", "called"),
    [("/stop\n", "stop"), (" /STOP \n", "stop"), ("/quit\n", "leave"), ("/exit\n", "leave")],
)
async def test_some_commands_are_obeyed_during_an_answer(typed: str, called: str) -> None:
    with keyboard() as (board, typing, _):
        calls: list[str] = []
        with typing.during_answer(lambda: calls.append("stop"), lambda: calls.append("leave")):
            board.send_text(typed)
            await until(lambda: bool(calls))
        assert calls == [called]


async def test_other_lines_are_kept_for_later() -> None:
    with keyboard() as (board, typing, page):
        with typing.during_answer(lambda: None, lambda: None):
            board.send_text("one\n")
            await until(lambda: bool(typing.ahead))
            board.send_text("pasted\nlines\n")
            await until(lambda: len(typing.ahead) > 1)
        assert await typing.message("ana> ") == "one"
        assert await typing.message("ana> ") == "pasted\nlines"
        assert page.getvalue() == "ana> one\nana> pasted\nlines\n"
        board.send_text("three" + ENTER)
        assert await typing.message("ana> ") == "three"


async def test_ctrl_c_during_an_answer_stops_it_and_is_given_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with keyboard() as (_, typing, _page):
        calls: list[str] = []
        with typing.during_answer(lambda: calls.append("stop"), lambda: None):
            signal.raise_signal(signal.SIGINT)
            await until(lambda: bool(calls))
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_terminal_that_goes_away_during_an_answer_is_left() -> None:
    parent, child = pty.openpty()
    with os.fdopen(child, "rb", 0) as terminal, create_pipe_input() as keys:
        calls: list[str] = []
        typing = KeyTyping(
            Screen(Page(), {}), {"HOME": "/dev/null"}, keys=keys, output=DummyOutput()
        )
        typing.fd = terminal.fileno()
        with typing.during_answer(lambda: None, lambda: calls.append("leave")):
            os.close(parent)
            await until(lambda: bool(calls))


# Lines of a pipe.


@contextmanager
def piped(data: bytes, *, echo: bool = True) -> Iterator[tuple[PlainTyping, Page]]:
    page = Page()
    source, sink = os.pipe()
    with os.fdopen(source, "rb", 0) as file:
        os.write(sink, data)
        os.close(sink)
        yield PlainTyping(Screen(page, {}), file, echo=echo), page


async def test_a_pipe_is_a_conversation_line_by_line() -> None:
    bot = build("everyone: 20k tokens/day")
    bot.model.next(says(2), says(3))
    with piped(b"hello\n\n/quota rules\nagain\n/quit\nnever read\n") as (typing, page):
        await Session(whole(bot), Person("ana"), Screen(page, {})).run(typing)
    assert [line for line in page.getvalue().splitlines()[3:] if "tokens ·" not in line] == [
        "ana> hello",
        "w1 w2",
        "",
        "ana> /quota rules",
        "Rules",
        "  ✓ everyone: 20k tokens/day [config] binds",
        "",
        "ana> again",
        "w1 w2 w3",
        "",
        "ana> /quit",
    ]
    assert "\x1b" not in page.getvalue()


async def test_the_end_of_a_pipe_leaves() -> None:
    with piped(b"hello") as (typing, _):
        assert await typing.message("ana> ") == "hello"
        assert await typing.message("ana> ") is None


async def test_a_terminal_that_can_do_little_gets_a_prompt_and_no_echo() -> None:
    with piped(b"hello\n", echo=False) as (typing, page):
        await typing.message("ana> ")
        assert await typing.message("ana> ") is None
        assert page.getvalue() == "ana> ana> \n"


async def test_a_line_that_is_too_long_is_told_and_left_out() -> None:
    page = Page()
    source, sink = os.pipe()
    with os.fdopen(source, "rb", 0) as file, os.fdopen(sink, "wb", 0) as feed:
        typing = PlainTyping(Screen(page, {}), file, echo=True)
        reading = asyncio.create_task(typing.message("ana> "))
        await asyncio.to_thread(feed.write, b"a" * (LINE_BYTES_MAX + 1) + b"\n")
        assert await reading == ""
        assert "1,048,576 bytes" in page.getvalue()


async def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    with piped(b"caf\xe9\n") as (typing, _):
        assert await typing.message("ana> ") == "caf\ufffd"


async def test_ctrl_c_between_answers_leaves() -> None:
    source, sink = os.pipe()
    with os.fdopen(source, "rb", 0) as file, os.fdopen(sink, "wb", 0):
        typing = PlainTyping(Screen(Page(), {}), file, echo=False)
        reading = asyncio.create_task(typing.message("ana> "))
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGINT)
        assert await reading is None


async def test_ctrl_c_during_an_answer_to_a_pipe_stops_only_that() -> None:
    bot, gate = build("everyone: 20k tokens/day"), Gate()
    bot.model.next(steps(TextDelta("one"), gate), says(2))
    with piped(b"hello\nagain\n") as (typing, page):
        session = Session(whole(bot), Person("ana"), Screen(page, {}))
        work = asyncio.create_task(session.run(typing))
        await gate.reached()
        signal.raise_signal(signal.SIGINT)
        await work
    assert "one\n⏹ Stopped by you." in page.getvalue()
    assert "w1 w2\n" in page.getvalue()
    await bot.is_clean()
