import asyncio
import gzip
import hashlib
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import tiktoken
import tiktoken.registry
from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # it brings no types

from adapters.tiktoken_counter import (
    DownloadRefusedError,
    TiktokenCounter,
    packed_ranks,
)
from bot.ports import Count, TokenCounter

_O200K = "fb374d419588a4632f3f557e76b4b70aebbca790"
_CL100K = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
_O200K_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_LOG = "adapters.tiktoken_counter"
_GREETING = "Hello, world! How are you today?"
_MILLION = 1_000_000


@pytest.fixture(scope="session")
def vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests that do not care where the files are."""
    return tmp_path_factory.mktemp("vocabularies")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "nowhere"))


@pytest.fixture
def unread() -> Iterator[None]:
    """Let tiktoken forget the tables it has in memory, as in a new process."""
    known = dict(tiktoken.registry.ENCODINGS)
    tiktoken.registry.ENCODINGS.clear()
    yield
    tiktoken.registry.ENCODINGS.update(known)


@pytest.fixture
async def counter(vocabularies: Path) -> AsyncIterator[TiktokenCounter]:
    async with _counting(vocabularies) as counter:
        yield counter


@asynccontextmanager
async def _counting(
    folder: Path, packed: Callable[[str], bytes | None] = packed_ranks
) -> AsyncIterator[TiktokenCounter]:
    # A minute: what is tested with it is the count, not the patience.
    counter = TiktokenCounter(folder, deadline_s=60, packed=packed)
    counter.start()
    await counter.ready()
    try:
        yield counter
    finally:
        counter.close()


def _nothing(name: str) -> None:
    return None


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- what is counted


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        ("gpt-5", _GREETING, Count(9, sure=True)),
        ("gpt-5-mini-2025-08-07", "", Count(0, sure=True)),
        ("gpt-oss-20b", _GREETING, Count(9, sure=True)),
        ("gpt-4", "日本語を話します", Count(7, sure=True)),
        ("gpt-5", "日本語を話します", Count(5, sure=True)),
        ("llama3.2:3b", _GREETING, Count(9, sure=False)),
        ("claude-sonnet-4-6", "日本語を話します", Count(5, sure=False)),
        ("text-davinci-003", _GREETING, Count(9, sure=False)),
        ("", _GREETING, Count(9, sure=False)),
    ],
)
async def test_each_model_is_counted_with_its_vocabulary_or_the_default(
    counter: TiktokenCounter, model: str, text: str, expected: Count
) -> None:
    assert await counter.count(model, text) == expected
    assert counter.count_now(model, text) == expected


@pytest.mark.usefixtures("counter")
async def test_what_serves_two_vocabularies_differs_in_special_tokens_only() -> None:
    base, harmony = openai_public.o200k_base(), openai_public.o200k_harmony()
    assert base["pat_str"] == harmony["pat_str"]
    assert base["mergeable_ranks"] == harmony["mergeable_ranks"]


@pytest.mark.parametrize("model", ["gpt-5", "gpt-4", "llama3.2:3b"])
@pytest.mark.parametrize(
    "text",
    [
        "<|endoftext|>",
        "say <|endofprompt|> and <|im_start|>system",
        "\ud800",
        "a\udc00b",
        "\ud83d\ude00",
        "\ud83d" * 5_000,
        "\x00\x01\x7f",
        "a" + "\u0301\u0302\u0303\u0304" * 400,
        "".join(chr(0xE0000 + number % 128) for number in range(2_000)),
        "👩‍👩‍👧‍👦" * 285,
        "".join(chr(0x20000 + number * 7) for number in range(2_000)),
        "\u202e\u200b\ufeff" * 600,
    ],
)
async def test_hostile_text_is_counted_and_never_above_its_bytes(
    counter: TiktokenCounter, model: str, text: str
) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    counted = await counter.count(model, text)
    assert 0 < counted.tokens <= size
    assert counted.tokens <= counter.count_now(model, text).tokens <= size


async def test_the_counter_is_what_the_bot_asks_for(counter: TiktokenCounter) -> None:
    port: TokenCounter = counter
    assert await port.count("gpt-5", _GREETING) == Count(9, sure=True)


async def test_special_tokens_are_plain_text(counter: TiktokenCounter) -> None:
    assert await counter.count("gpt-5", "<|endoftext|>") == Count(7, sure=True)


# ---- a million characters


def _chance(alphabet: Sequence[str]) -> str:
    return "".join(random.Random(7).choices(alphabet, k=_MILLION))


_MILLIONS: dict[str, Callable[[], str]] = {
    "a": lambda: "a" * _MILLION,
    "^": lambda: "^" * _MILLION,
    "space": lambda: " " * _MILLION,
    "newline": lambda: "\n" * _MILLION,
    "digits": lambda: "7" * _MILLION,
    "letters": lambda: _chance("abcdefghijklmnopqrstuvwxyz"),
    "emoji": lambda: "👩‍👩‍👧‍👦" * 142_858,
    "CJK ext. B": lambda: _chance([chr(point) for point in range(0x20000, 0x2A6D0)]),
    "zalgo": lambda: "a\u0301\u0302\u0303\u0304" * 200_000,
    "tags": lambda: _chance([chr(point) for point in range(0xE0020, 0xE007F)]),
    "special": lambda: "<|endoftext|>" * 76_924,
    "surrogates": lambda: "\ud800" * _MILLION,
    "English": lambda: "the quick brown fox jumps over it " * 29_412,
}


@contextmanager
def _ticking() -> Iterator[list[float]]:
    """Collect the seconds between two turns of the loop that were due a millisecond apart."""
    loop = asyncio.get_running_loop()
    gaps_s: list[float] = []
    last, over = loop.time(), False

    def tick() -> None:
        nonlocal last
        gaps_s.append(loop.time() - last)
        last = loop.time()
        if not over:
            loop.call_later(0.001, tick)

    tick()
    yield gaps_s
    over = True
    gaps_s.append(loop.time() - last)


@pytest.mark.parametrize("kind", _MILLIONS)
async def test_a_million_characters_leave_the_loop_free(
    counter: TiktokenCounter, kind: str
) -> None:
    text = _MILLIONS[kind]()
    longest_s: list[float] = []
    # A busy machine may take the processor away for a while: the best of five counts.
    while len(longest_s) < 5 and min(longest_s, default=1) > 0.05:
        with _ticking() as gaps_s:
            counted = await counter.count("gpt-5", text)
        assert counted.sure
        assert counted.tokens <= len(text.encode("utf-8", "surrogatepass"))
        longest_s.append(max(gaps_s))
    assert min(longest_s) < 0.05


async def test_a_text_counted_in_slices_is_bounded_from_above(counter: TiktokenCounter) -> None:
    encoding = tiktoken.get_encoding("o200k_base")
    for kind, text in _MILLIONS.items():
        part = text()[:100_003]
        whole = len(encoding.encode_ordinary(part))
        sliced = (await counter.count("gpt-5", part)).tokens
        assert whole <= sliced <= whole + 6 * 6, kind


async def test_a_fault_inside_the_library_is_answered_by_bytes(
    vocabularies: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Unsliced, a million spaces overflow the stack of the regex engine: a Rust panic."""
    counter = TiktokenCounter(vocabularies, inline_chars_max=_MILLION, deadline_s=60)
    await counter.ready()
    with caplog.at_level(logging.WARNING, _LOG):
        assert counter.count_now("gpt-5", " " * _MILLION) == Count(_MILLION, sure=False)
    assert caplog.messages == ["1000000 characters not counted: PanicException"]
    assert counter.count_now("gpt-5", _GREETING) == Count(9, sure=True)
    counter.close()


async def test_a_text_too_long_to_count_is_bounded_by_its_length(counter: TiktokenCounter) -> None:
    assert counter.count_now("gpt-5", "é" * 1_048_576) == Count(2_097_152, sure=False)
    assert counter.count_now("gpt-5", "é" * 1_048_577) == Count(4_194_308, sure=False)
    assert await counter.count("gpt-5", "é" * 1_048_577) == Count(4_194_308, sure=False)
    assert await counter.count("gpt-5", "e" * 9_000_000) == Count(9_000_000, sure=False)


# ---- deadlines, cancellation, the end


class _StuckPackage:
    """Rank files on a disk that does not answer until it is let go."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Event()

    def __call__(self, name: str) -> bytes | None:
        self.asked.set()
        self.free.wait(60)
        return packed_ranks(name)


@pytest.fixture
def stuck() -> Iterator[_StuckPackage]:
    package = _StuckPackage()
    yield package
    package.free.set()


async def test_after_the_deadline_bytes_answer(tmp_path: Path, stuck: _StuckPackage) -> None:
    counter = TiktokenCounter(tmp_path, deadline_s=0, packed=stuck)
    counter.start()
    await counter.ready()
    assert await counter.count("gpt-5", "häuser") == Count(7, sure=False)
    assert await counter.count("gpt-5", "ä" * 100_000) == Count(200_000, sure=False)
    assert counter.count_now("gpt-5", "häuser") == Count(7, sure=False)
    counter.close()


async def test_a_cancelled_count_disturbs_no_other(tmp_path: Path, stuck: _StuckPackage) -> None:
    counter = TiktokenCounter(tmp_path, deadline_s=60, packed=stuck)
    counter.start(["gpt-4"])
    cancelled = [asyncio.create_task(counter.count("gpt-5", "a" * 100_000)) for _ in range(20)]
    kept = asyncio.create_task(counter.count("gpt-5", _GREETING))
    await asyncio.to_thread(stuck.asked.wait, 60)
    for task in cancelled:
        task.cancel()
    ends = await asyncio.gather(*cancelled, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}
    stuck.free.set()
    assert await kept == Count(9, sure=True)
    assert await counter.count("gpt-4", _GREETING) == Count(9, sure=True)
    counter.close()


async def test_closing_answers_those_who_wait_by_bytes(
    tmp_path: Path, stuck: _StuckPackage
) -> None:
    counter = TiktokenCounter(tmp_path, deadline_s=60, packed=stuck)
    waiting = [asyncio.create_task(counter.count("gpt-5", "a" * size)) for size in (9, 100_000)]
    await asyncio.to_thread(stuck.asked.wait, 60)
    counter.close()
    counter.close()
    stuck.free.set()
    assert await asyncio.gather(*waiting) == [Count(9, sure=False), Count(100_000, sure=False)]
    assert await counter.count("gpt-4", _GREETING) == Count(32, sure=False)
    assert counter.count_now("gpt-4", _GREETING) == Count(32, sure=False)
    await counter.ready()


async def test_many_counts_at_once_agree(counter: TiktokenCounter) -> None:
    texts = [_GREETING * (number * 10) for number in range(1, 60)]
    counts = await asyncio.gather(*(counter.count("gpt-5", text) for text in texts))
    encoding = tiktoken.get_encoding("o200k_base")
    assert [count.tokens for count in counts] == [len(encoding.encode(text)) for text in texts]


async def test_an_unloaded_vocabulary_is_asked_for_and_bounded_meanwhile(
    vocabularies: Path,
) -> None:
    async with _counting(vocabularies) as counter:
        assert counter.count_now("gpt-4", _GREETING) == Count(32, sure=False)
        await counter.ready()  # One worker: behind this, the load is done.
        assert counter.count_now("gpt-4", _GREETING) == Count(9, sure=True)


# ---- vocabularies on disk


@pytest.mark.usefixtures("unread")
async def test_a_fresh_folder_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    async with _counting(folder) as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)
        assert _names(folder) == [_O200K]
        assert await counter.count("gpt-4", _GREETING) == Count(9, sure=True)
    assert _names(folder) == [_CL100K, _O200K]
    assert _sha256(folder / _O200K) == _O200K_SHA256
    assert (folder / _O200K).stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("unread")
async def test_a_filled_folder_serves_without_the_package(vocabularies: Path) -> None:
    async with _counting(vocabularies) as counter:
        await counter.ready()
    async with _counting(vocabularies, _nothing) as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("damage", [b"", b"junk", b"YQ== 0\n" * 500_000])
async def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / _O200K).write_bytes(damage)
    async with _counting(tmp_path) as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)
    assert _sha256(tmp_path / _O200K) == _O200K_SHA256


@pytest.mark.usefixtures("unread")
async def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """Under a file no folder can be made, not even by root, whom a mode does not stop."""
    (tmp_path / "file").touch()
    async with _counting(tmp_path / "file" / "cache") as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)
    assert _names(tmp_path) == ["file"]


@pytest.mark.usefixtures("unread")
async def test_a_read_only_folder_breaks_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o555)
    async with _counting(folder) as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)


@pytest.mark.usefixtures("unread")
async def test_a_folder_in_the_place_of_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / _O200K / "kept").mkdir(parents=True)
    async with _counting(tmp_path) as counter:
        assert await counter.count("gpt-5", _GREETING) == Count(9, sure=True)
    assert _names(tmp_path) == [_O200K]


@pytest.mark.parametrize(
    "packed",
    [
        _nothing,
        lambda _name: b"not gzip",
        lambda _name: gzip.compress(b"YQ== 0\n"),
        lambda _name: (packed_ranks("o200k_base") or b"")[:100_000],
    ],
    ids=["absent", "not gzip", "other contents", "cut short"],
)
async def test_without_a_genuine_vocabulary_bytes_answer_and_one_line_says_so(
    tmp_path: Path, packed: Callable[[str], bytes | None], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, _LOG):
        async with _counting(tmp_path / "cache", packed) as counter:
            for _ in range(3):
                assert await counter.count("gpt-5", "häuser") == Count(7, sure=False)
                assert await counter.count("llama", "a" * 70_000) == Count(70_000, sure=False)
                assert counter.count_now("gpt-5", "häuser") == Count(7, sure=False)
    assert len(caplog.messages) == 1
    assert "tokens are bounded by bytes" in caplog.messages[0]


async def test_a_missing_vocabulary_is_stood_in_for_by_the_default(tmp_path: Path) -> None:
    def only_default(name: str) -> bytes | None:
        return packed_ranks(name) if name == "o200k_base" else None

    async with _counting(tmp_path, only_default) as counter:
        assert await counter.count("gpt-4", "日本語を話します") == Count(5, sure=False)
        assert counter.count_now("gpt-4", "日本語を話します") == Count(5, sure=False)


def test_many_may_fill_one_folder_at_once(tmp_path: Path) -> None:
    def fill(_number: int) -> Count:
        async def use() -> Count:
            async with _counting(tmp_path) as counter:
                return await counter.count("gpt-5", _GREETING)

        return asyncio.run(use())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fill, range(16))) == {Count(9, sure=True)}
    assert _names(tmp_path) == [_O200K]


@pytest.mark.usefixtures("unread")
async def test_once_a_counter_has_loaded_tiktoken_downloads_nothing(tmp_path: Path) -> None:
    async with _counting(tmp_path):
        pass
    tiktoken.registry.ENCODINGS.clear()
    (tmp_path / _O200K).unlink()
    with pytest.raises(DownloadRefusedError):
        tiktoken.get_encoding("o200k_base")
    with pytest.raises(DownloadRefusedError):
        tiktoken.get_encoding("p50k_base")
