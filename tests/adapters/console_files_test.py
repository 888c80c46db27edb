"""Files beside a message: text is taken, everything else is refused with its reason."""

import os
from pathlib import Path

import pytest

from adapters.console.files import FILE_BYTES_MAX, FILES_MAX, FileRefusedError, read


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"eggs\n", "eggs\n"),
        ("é日🙂".encode(), "é日🙂"),
        (b"\xef\xbb\xbfmarked", "marked"),
        (b"a" * FILE_BYTES_MAX, "a" * FILE_BYTES_MAX),
    ],
)
def test_text_is_taken(tmp_path: Path, data: bytes, text: str) -> None:
    place = tmp_path / "list.txt"
    place.write_bytes(data)
    file = read(str(place))
    assert (file.name, file.text) == ("list.txt", text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"%PDF-1.7\n", "PDF files are not part of this version"),
        (b"\x89PNG\r\n\x1a\n", "pictures are not part of this version"),
        (b"\xff\xd8\xff\xe0", "pictures"),
        (b"GIF89a", "pictures"),
        (b"RIFF\x00\x00\x00\x00WEBP", "pictures"),
        (b"PK\x03\x04", "archives and office documents"),
        (b"\x7fELF", "programs"),
        (b"\xff\xfeh\x00i\x00", "not text in UTF-8"),
        (b"caf\xe9", "not text in UTF-8"),
        (b"a\x00b", "not text in UTF-8"),
        (b"a" * (FILE_BYTES_MAX + 1), "it has 262,145 bytes, at most 262,144 are taken"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    place = tmp_path / "file"
    place.write_bytes(data)
    with pytest.raises(FileRefusedError, match=why):
        read(str(place))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "missing", "no such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "a\0b", "cannot be read"),
        (tmp_path / ("a" * 300), "cannot be read"),
    ):
        with pytest.raises(FileRefusedError, match=why):
            read(str(path))


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "list").write_text("eggs")
    assert read("~/list").text == "eggs"


def test_a_message_takes_so_many_files(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("eggs")
    with pytest.raises(FileRefusedError, match="10 files are attached already"):
        read(str(tmp_path / "list"), FILES_MAX)
