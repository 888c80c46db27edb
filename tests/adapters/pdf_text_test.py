"""The text of PDF files: real ones, broken ones, hostile ones."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from adapters import pdf_text
from adapters.pdf_text import PdfText
from bot.messages import Document
from bot.ports import Extract
from quota.clock import SystemClock
from tests.fakes import FakeClock

FONT = DictionaryObject(
    {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/Type1"),
        NameObject("/BaseFont"): NameObject("/Helvetica"),
    }
)


def pdf(pages: Sequence[str], *, password: str | None = None) -> bytes:
    """A file with these words on its pages."""
    writer = PdfWriter()
    font = writer._add_object(FONT)  # noqa: SLF001 - the library has no other way
    for text in pages:
        page = writer.add_blank_page(200, 200)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)  # noqa: SLF001 - as above
    if password is not None:
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def document(data: bytes, media_type: str = "application/pdf") -> Document:
    return Document("paper.pdf", media_type, data)


@pytest.fixture
async def reader() -> AsyncIterator[PdfText]:
    opened = PdfText(SystemClock())
    yield opened
    opened.close()


async def test_the_text_of_every_page_is_read(reader: PdfText) -> None:
    found = await reader.read(document(pdf(["All about cats", "And dogs"])), 1_000)
    assert found == Extract("All about cats\nAnd dogs", 2, 2)


async def test_only_whole_pages_that_fit_are_taken(reader: PdfText) -> None:
    found = await reader.read(document(pdf(["x" * 40] * 5)), 100)
    assert found == Extract(f"{'x' * 40}\n{'x' * 40}", 2, 5)


async def test_a_first_page_that_does_not_fit_is_told(reader: PdfText) -> None:
    assert await reader.read(document(pdf(["x" * 400])), 100) == Extract("", why="long")


async def test_only_so_many_pages_are_read(reader: PdfText) -> None:
    data = pdf(["a"] * (pdf_text.PAGES_MAX + 1))
    found = await reader.read(document(data), 10_000)
    assert (found.pages, found.of) == (pdf_text.PAGES_MAX, pdf_text.PAGES_MAX + 1)


async def test_a_file_that_only_may_not_be_changed_is_read(reader: PdfText) -> None:
    assert (await reader.read(document(pdf(["Cats"], password="")), 1_000)).text == "Cats"


async def test_a_file_with_a_password_is_locked(reader: PdfText) -> None:
    data = pdf(["Cats"], password="secret")
    assert await reader.read(document(data), 1_000) == Extract("", why="locked")


async def test_a_file_without_text_is_empty(reader: PdfText) -> None:
    assert await reader.read(document(pdf(["", " "])), 1_000) == Extract("", why="empty")


@pytest.mark.parametrize(
    "data",
    [b"", b"%PDF-1.7", b"hello", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n" * 50, bytes(1_000)],
)
async def test_what_is_no_pdf_is_broken(reader: PdfText, data: bytes) -> None:
    assert await reader.read(document(data), 1_000) == Extract("", why="broken")


async def test_any_half_of_a_file_is_read_or_refused(reader: PdfText) -> None:
    data = pdf(["Cats"])
    for end in range(0, len(data), 37):
        found = await reader.read(document(data[:end]), 1_000)
        assert found.why or found.text == "Cats"


async def test_a_large_file_is_not_even_opened(reader: PdfText) -> None:
    data = bytes(pdf_text.BYTES_MAX + 1)
    assert await reader.read(document(data), 1_000) == Extract("", why="large")


async def test_other_kinds_are_refused(reader: PdfText) -> None:
    word = document(b"PK", "application/msword")
    assert await reader.read(word, 1_000) == Extract("", why="kind")


class Impatient(FakeClock):
    """A clock on which every wait is over at once."""

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        return super().timeout(0)


async def test_what_takes_too_long_is_given_up() -> None:
    reader = PdfText(Impatient())
    found = await reader.read(document(pdf(["Cats"] * 150)), 100_000)
    assert found == Extract("", why="slow")
    reader.close()


async def test_a_file_that_takes_more_than_we_have_to_open_is_locked(reader: PdfText) -> None:
    # What AES needs is not installed with us.
    data = pdf(["Cats"], password="secret").replace(b"/V 2", b"/V 5").replace(b"/R 3", b"/R 6")
    assert (await reader.read(document(data), 1_000)).why in {"locked", "broken"}
