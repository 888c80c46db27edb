"""Lines in and out of descriptors: pipes that are slow, closed, or made non-blocking by others."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.console.lines import BACKLOG_BYTES_MAX, Line, LineReader, LineWriter
from tests.scripted import until


async def read(data: bytes, line_bytes_max: int = 10) -> list[Line]:
    source, sink = os.pipe()
    os.write(sink, data)
    os.close(sink)
    with os.fdopen(source, "rb", 0) as file:
        async with aclosing(LineReader(file, line_bytes_max).lines()) as lines:
            return [line async for line in lines]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"0123456789\n", [b"0123456789"]),
        (b"0123456789\r\n", [b"0123456789"]),
        (b"0123456789a\nb", [None, b"b"]),
        (b"0123456789ab\nb", [None, b"b"]),
        (b"a\n" + b"x" * 60_000, [b"a", None]),
    ],
)
async def test_lines_of_a_pipe(data: bytes, lines: Sequence[bytes | None]) -> None:
    assert await read(data) == [Line(n, line) for n, line in enumerate(lines, 1)]


async def test_lines_of_a_regular_file(tmp_path: Path) -> None:
    place = tmp_path / "lines"
    place.write_bytes(b"one\ntwo")
    with place.open("rb", 0) as file:
        async with aclosing(LineReader(file, 10).lines()) as lines:
            assert [line async for line in lines] == [Line(1, b"one"), Line(2, b"two")]


async def test_a_line_is_there_before_the_next_one_comes() -> None:
    source, sink = os.pipe()
    with os.fdopen(source, "rb", 0) as file, os.fdopen(sink, "wb", 0) as feed:
        os.set_blocking(source, False)  # as a parent process may have left it
        async with aclosing(LineReader(file, 10).lines()) as lines:
            for text in (b"one", b"two"):
                feed.write(text[:1])
                feed.write(text[1:] + b"\n")
                assert (await anext(lines)).data == text
            feed.close()
            assert await anext(lines, None) is None


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8))
async def test_lines_are_those_that_split_finds(parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    expected = [p.removesuffix(b"\r") for p in parts]
    if expected and not parts[-1]:
        del expected[-1]
    assert [line.data for line in await read(data, 40)] == expected


class Pipe:
    """A writer, and what it has written."""

    def __init__(self, stack: AsyncExitStack) -> None:
        source, sink = os.pipe()
        self.source = stack.enter_context(os.fdopen(source, "rb", 0))
        self.sink = stack.enter_context(os.fdopen(sink, "wb", 0))
        self.writer = LineWriter(self.sink)

    async def written(self) -> bytes:
        """End it, and read everything."""
        closing = asyncio.create_task(self._closed())
        data = await asyncio.to_thread(self.source.readall)
        await closing
        return data

    async def _closed(self) -> None:
        await self.writer.close()
        self.sink.close()


@pytest.mark.parametrize("blocking", [True, False])
async def test_lines_come_whole_and_in_order(blocking: bool) -> None:
    async with AsyncExitStack() as stack:
        pipe = Pipe(stack)
        os.set_blocking(pipe.sink.fileno(), blocking)
        lines = [b"%d " % n * (n % 700) + b"\n" for n in range(500)]
        for line in lines:
            pipe.writer.write(line)
            if line.endswith(b"9 \n"):
                await asyncio.sleep(0)
        assert await pipe.written() == b"".join(lines)


async def test_a_slow_reader_makes_writers_wait_but_not_the_loop() -> None:
    async with AsyncExitStack() as stack:
        pipe = Pipe(stack)
        line = b"x" * (BACKLOG_BYTES_MAX // 4) + b"\n"
        for _ in range(5):
            pipe.writer.write(line)
        assert pipe.writer.is_behind
        waiting = asyncio.create_task(pipe.writer.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(await pipe.written()) == 5 * len(line)
        await waiting
        assert not pipe.writer.is_behind


async def test_when_nobody_reads_it_is_told_and_nothing_waits() -> None:
    async with AsyncExitStack() as stack:
        pipe = Pipe(stack)
        pipe.source.close()
        pipe.writer.write(b"x" * (BACKLOG_BYTES_MAX + 1))
        await pipe.writer.lost.wait()
        await pipe.writer.room()
        pipe.writer.write(b"nobody hears this\n")
        await pipe.writer.close()
        await until(lambda: not pipe.writer.is_behind)
