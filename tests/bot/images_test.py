"""How large images are and what they are expected to cost."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.images import TOKENS_MAX, Size, size_of, tokens_of
from bot.messages import Image
from bot.models import Model
from bot.ports import Finished, TextDelta, UsageReport
from quota.rules import Terms
from quota.units import Rates, Usage
from tests.fakes import requester
from tests.scripted import Gate, ScriptedModel, Steps, build, steps


def png(width: int, height: int) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR")
    return head + struct.pack(">II5B", width, height, 8, 2, 0, 0, 0) + b"\0\0\0\0"


def jpeg(width: int, height: int, frame: int = 0xC0) -> bytes:
    told = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    tables = b"\xff\xff\xdb" + struct.pack(">H", 67) + bytes(65) + b"\xff\xc4\x00\x04\0\0"
    size = struct.pack(">BBHBHHB", 0xFF, frame, 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + told + tables + size + b"\xff\xda"


def webp(kind: bytes, body: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


SIZED = {
    "png": png(640, 480),
    "gif": b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(5),
    "jpeg": jpeg(640, 480),
    "progressive jpeg": jpeg(640, 480, 0xC2),
    "webp": webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 480 | 0x4000)),
    "lossless webp": webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | (479 << 14))),
    "extended webp": webp(b"VP8X", bytes(4) + (639).to_bytes(3, "little") + b"\xdf\x01\0\0"),
}


@pytest.mark.parametrize("data", SIZED.values(), ids=SIZED.keys())
def test_the_size_stands_in_the_first_bytes(data: bytes) -> None:
    assert size_of(data) == Size(640, 480)


@pytest.mark.parametrize("data", SIZED.values(), ids=SIZED.keys())
def test_an_image_that_breaks_off_has_no_size(data: bytes) -> None:
    assert all(size_of(data[:end]) in {None, Size(640, 480)} for end in range(len(data)))
    assert size_of(data[:8]) is None


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"RIFF....WAVEfmt ", png(0, 480), b"\xff\xd8\0"]
)
def test_what_is_no_image_has_no_size(data: bytes) -> None:
    assert size_of(data) is None


@given(st.binary(max_size=200), st.sampled_from([b"", *(d[:20] for d in SIZED.values())]))
def test_any_bytes_have_a_size_or_none(data: bytes, head: bytes) -> None:
    size = size_of(head + data)
    assert size is None or min(size) > 0


@pytest.mark.parametrize(
    ("model", "width", "height", "tokens"),
    [
        # The examples of OpenAI's guide.
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1_105),
        ("gpt-4.1-mini", 1024, 1024, 1_659),
        ("gpt-4.1-mini", 4000, 1474, 2_489),
        ("gpt-4.1-mini", 1800, 2400, 4_977),
        ("gpt-5.4", 1024, 1024, 1_229),
        ("gpt-5.4", 2048, 2048, 3_000),
        ("gpt-5.4-nano-2026-03-17", 2048, 2048, 3_000),
        ("gpt-5.6-sol", 20_000, 20_000, 3_000),
        ("gpt-6-astra", 640, 480, 360),
        ("gpt-5.2", 8_192, 8_192, 4_916),
        ("gpt-5.1", 1024, 1024, 630),
        ("gpt-5", 128, 64, 210),
        # Measured in its forum: a small image beside a few words.
        ("gpt-4o-mini-2024-07-18", 128, 64, 8_500),
        ("o3-2025-04-16", 128, 64, 225),
        ("o4-mini-2025-04-16", 128, 64, 14),
        ("GPT-5-Mini", 128, 64, 10),
        ("openai/gpt-5-nano", 128, 64, 12),
        # And large ones: 1,843 and 2,304 at most.
        ("gpt-5-mini-2025-08-07", 1600, 1600, 1_844),
        ("gpt-5-nano-2025-08-07", 1600, 1600, 2_304),
        ("llama-3.2-90b-vision", 4000, 3000, 6_404),
        # Whoever else: the dearer of tiles and patches.
        ("qwen2.5-vl", 2800, 2800, 10_000),
        ("claude-sonnet", 100, 100, 255),
        ("anything", 20_000, 20_000, TOKENS_MAX),
        ("gpt-4o", 1, 100_000, 85 + 170 * 4),
    ],
)
def test_the_price_of_an_image_follows_what_is_published(
    model: str, width: int, height: int, tokens: int
) -> None:
    assert tokens_of(model, Image("i", "image/png", png(width, height))) == tokens


async def test_a_picture_is_set_aside_by_its_size_and_charged_as_the_provider_counts() -> None:
    chat = ScriptedModel(Steps())
    rates = Rates(1_000_000, 0, 2_000_000, 2_000_000)
    terms = Terms("eyes", ("eyes",), rates)
    eyes = Model("eyes", "gpt-5.4", (), chat, terms, 100, 60_000, 30_000, vision=True)
    bot = build("everyone: 10k tokens/day", "everyone: $1/day", more_models=[eyes])
    gate, picture = Gate(), Image("cat.png", "image/png", png(1024, 1024))
    used = Usage(input=1_100, output=20)
    chat.next(steps(gate, TextDelta("a cat"), Finished("stop"), UsageReport(used)))
    running = bot.start("ana", "what is this", model="eyes", images=(picture,))
    await gate.reached()
    held = [(b.held, b.used) for b in await bot.quotas.balances(requester("ana"), terms)]
    # 1,229 for the picture, 10 for the words, 100 for the answer; a micro-dollar each, and two.
    assert held == [(1_339, 0), (1_439, 0)]
    gate.release()
    await running.end()
    spent = [(b.held, b.used) for b in await bot.quotas.balances(requester("ana"), terms)]
    assert spent == [(0, 1_120), (0, 1_140)]
    await bot.is_clean()


async def test_a_picture_counts_before_it_is_sent() -> None:
    chat, terms = ScriptedModel(Steps()), Terms("eyes", ("eyes",), None)
    eyes = Model("eyes", "gpt-5.4", (), chat, terms, 100, 60_000, 30_000, vision=True)
    bot = build("everyone: 10k tokens/day", more_models=[eyes])
    await bot.type("/quota confirm 1k tokens", "ana")
    picture = Image("cat.png", "image/png", png(1024, 1024))
    refusal = await bot.refusal("ana", "what is this", model="eyes", images=(picture,))
    assert "1,239 tokens go to eyes" in refusal.text
    await bot.answer("ana", "what is this", model="eyes")


def test_an_image_that_cannot_be_read_costs_the_most() -> None:
    assert tokens_of("gpt-4o", Image("i", "image/png", b"?")) == TOKENS_MAX
