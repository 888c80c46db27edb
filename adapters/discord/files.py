"""Files that came with a message: text and images go along, all else is named with the reason."""

import logging
from collections.abc import Sequence

import discord

from bot import text_discord as say
from bot.messages import Attachment, Document, Files, Image
from bot.text import Words

_log = logging.getLogger(__name__)

FILES_MAX = 10
TEXT_BYTES_MAX = 256 * 1024
IMAGE_BYTES_MAX = 8 * 1024 * 1024
DOCUMENT_BYTES_MAX = 20 * 1024 * 1024
_DOCUMENTS = {"application/pdf"}
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_TEXTS = ("text/", "application/json", "application/xml", "application/x-sh", "application/toml")
_ENDINGS = (
    *(".txt", ".md", ".csv", ".json", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".log", ".xml"),
    *(".py", ".js", ".ts", ".html", ".css", ".c", ".h", ".cpp", ".rs", ".go", ".java", ".rb"),
    *(".sh", ".sql", ".tex", ".diff", ".patch"),
)


def untaken(attachments: Sequence[discord.Attachment], words: Words) -> Files:
    """Fetch nothing, for a message that will be refused; should it not be, this is said of it."""
    why = words.say(say.FILE_NOT_FETCHED)
    return Files(left_out=tuple((file.filename, why) for file in attachments))


async def taken(attachments: Sequence[discord.Attachment], words: Words) -> Files:
    """Fetch what can be used; the sizes are checked before anything is fetched."""
    texts, images, documents = list[Attachment](), list[Image](), list[Document]()
    left_out = list[tuple[str, str]]()
    for number, file in enumerate(attachments):
        kind = (file.content_type or "").partition(";")[0].strip().casefold()
        why = _refused(number, file, kind, words)
        if why:
            left_out.append((file.filename, why))
            continue
        try:
            data = await file.read(use_cached=False)
        except (discord.HTTPException, OSError) as error:
            _log.warning("a file could not be fetched: %s", type(error).__name__)
            left_out.append((file.filename, words.say(say.FILE_NOT_FETCHED)))
            continue
        if kind in _IMAGES:
            images.append(Image(file.filename, kind, data))
        elif kind in _DOCUMENTS:
            documents.append(Document(file.filename, kind, data))
        elif (text := _decoded(data)) is not None:
            texts.append(Attachment(file.filename, text))
        else:
            left_out.append((file.filename, words.say(say.FILE_NOT_TEXT)))
    return Files(tuple(texts), tuple(images), tuple(documents), tuple(left_out))


def _refused(number: int, file: discord.Attachment, kind: str, words: Words) -> str:
    if number >= FILES_MAX:
        return say.files_full(words, FILES_MAX)
    is_text = kind.startswith(_TEXTS) or file.filename.casefold().endswith(_ENDINGS)
    if kind in _IMAGES:
        most = IMAGE_BYTES_MAX
    elif kind in _DOCUMENTS:
        most = DOCUMENT_BYTES_MAX
    elif is_text:
        most = TEXT_BYTES_MAX
    else:
        return say.file_kind(words, kind)
    return say.file_too_large(words, file.size, most) if file.size > most else ""


def _decoded(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
