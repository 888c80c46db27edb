"""What of the files of an ask goes to the model, and what is said about the rest."""

from dataclasses import replace

from bot.images import IMAGE_BYTES_MAX, IMAGES_MAX, size_of
from bot.messages import Ask, Attachment, Image
from bot.models import Model
from bot.ports import DocumentReader
from bot.prompt import size_of as chars_of
from bot.text import Words

# So few characters are not worth reading a document for.
CHARS_MIN = 200


async def prepared(
    ask: Ask, model: Model, reader: DocumentReader | None, chars_max: int, words: Words
) -> tuple[Ask, list[str]]:
    """The ask with texts and images that the model can take, and a sentence for each of the rest.

    The text of documents takes what room the question leaves.
    """
    notes = [words.ignored_attachment(name, why) for name, why in ask.left_out]
    texts = list(ask.attachments)
    room = chars_max - chars_of(ask)
    for document in ask.documents:
        room -= len(document.name)
        if reader is None or room < CHARS_MIN:
            why = words.unreadable("kind" if reader is None else "long")
            notes.append(words.ignored_attachment(document.name, why))
            continue
        found = await reader.read(document, room)
        if found.why:
            notes.append(words.ignored_attachment(document.name, words.unreadable(found.why)))
            continue
        if found.pages < found.of:
            notes.append(words.pages_read(document.name, found.pages, found.of))
        room -= len(found.text)
        texts.append(Attachment(document.name, found.text))
    images: list[Image] = []
    for image in ask.images:
        why = _why_not(image, len(images), model, words)
        if why:
            notes.append(words.ignored_attachment(image.name, why))
        else:
            images.append(image)
    ready = replace(ask, attachments=tuple(texts), images=tuple(images), documents=())
    return ready, notes


def _why_not(image: Image, taken: int, model: Model, words: Words) -> str:
    """Why an image is left out; empty: it is not."""
    if not model.vision:
        return words.cannot_see(model.key)
    if taken >= IMAGES_MAX:
        return words.images_full(IMAGES_MAX)
    if len(image.data) > IMAGE_BYTES_MAX:
        return words.unreadable("large")
    return words.unreadable("broken") if size_of(image.data) is None else ""
