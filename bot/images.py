"""How large an image is, and how many tokens it costs before anybody has counted.

What is held follows what providers publish, and where they differ the dearer rule: too little
would be paid by the house. What is charged is the provider's own count.

* OpenAI counts patches of 32 x 32 times a factor, of an image that was scaled into 2048 x 2048 and
  to a budget of patches; its older models count tiles: scaled into 2048 x 2048, then to 768 on the
  shorter side, a base and a price for each tile of 512 x 512 (its guide "Images and vision",
  sections "Model sizing behavior" and "Calculating costs", for detail "high", which is what is
  asked for: without it, newer models have no budget).
* Anthropic counts width x height / 750 (its page "Vision", section "Evaluate image size").
* Llama has four tiles at 1,601 at most (together.ai, "Vision").
* Qwen and others count patches of 28 x 28, 16,384 of them at most.
"""

import re
import struct
from typing import NamedTuple

from bot.messages import Image

IMAGES_MAX = 10
IMAGE_BYTES_MAX = 10 * 1024 * 1024
TOKENS_MAX = 16_384

_TILED_MAX, _TILED_SHORT, _TILE = 2048, 768, 512
_PATCH, _PATCHED_MAX = 32, 2048
# The first that fits: (thousandths of a patch, patches at most) of models that count patches.
_PATCHED = (
    (re.compile(r"gpt-5(\.1)?(-codex)?-mini"), 1_200, 1_536),
    (re.compile(r"gpt-5-nano"), 1_500, 1_536),
    (re.compile(r"gpt-4\.1-mini"), 1_620, 6_144),
    (re.compile(r"gpt-4\.1-nano"), 2_460, 1_536),
    (re.compile(r"o4-mini"), 1_720, 1_536),
    (re.compile(r"gpt-5\.2"), 1_200, 6_144),
    (re.compile(r"gpt-(5\.[3-9]|[6-9])"), 1_200, 2_500),
)
# Then: (base, tile) of models that count tiles.
_TILES = (
    (re.compile(r"gpt-4o-mini"), 2833, 5667),
    (re.compile(r"gpt-5(?!\.)|gpt-5\.1"), 70, 140),
    (re.compile(r"\bo[13]\b"), 75, 150),
    (re.compile(r"gpt-\d"), 85, 170),
    (re.compile(r"llama"), 6404, 0),
)

_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = {0x01, *range(0xD0, 0xD9)}


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def size_of(data: bytes) -> Size | None:
    """The size of a PNG, JPEG, GIF or WebP, by its first bytes; None for anything else."""
    try:
        size = _size(data)
    except (struct.error, IndexError):
        return None
    return size if size is not None and min(size) > 0 else None


def tokens_of(model: str, image: Image) -> int:
    """What an image costs at most, so far as anybody has published."""
    size = size_of(image.data)
    if size is None:
        return TOKENS_MAX
    name = model.casefold()
    for pattern, thousandths, patches_max in _PATCHED:
        if pattern.search(name):
            patches = min(patches_max, _grid(_within(size, _PATCHED_MAX), _PATCH))
            return -(-patches * thousandths // 1_000)
    for pattern, base, tile in _TILES:
        if pattern.search(name):
            return base + tile * _tiles(size)
    by_tile = 85 + 170 * _tiles(size)
    return min(TOKENS_MAX, max(by_tile, _grid(size, 28)))


def _grid(size: Size, side: int) -> int:
    return -(-size.width // side) * -(-size.height // side)


def _within(size: Size, most: int) -> Size:
    """Scaled down until the longer side has at most so many pixels."""
    longest = max(size)
    if longest <= most:
        return size
    return Size(*(max(1, -(-side * most // longest)) for side in size))


def _tiles(size: Size) -> int:
    """The tiles of an image after it was scaled down; nothing is scaled up."""
    width, height = _within(size, _TILED_MAX)
    shortest = min(width, height)
    if shortest > _TILED_SHORT:
        width, height = (-(-side * _TILED_SHORT // shortest) for side in (width, height))
    return _grid(Size(width, height), _TILE)


def _size(data: bytes) -> Size | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Size(*struct.unpack_from(">II", data, 16))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Size(*struct.unpack_from("<HH", data, 6))
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def _jpeg(data: bytes) -> Size | None:
    """The size stands in the frame header; whatever comes before it is stepped over."""
    at = 2
    while data[at] == 0xFF:  # noqa: PLR2004 - every marker begins with it
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a filling byte
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Size(width, height)
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return Size(width & 0x3FFF, height & 0x3FFF)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return Size((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
        case b"VP8X":
            (width,) = struct.unpack_from("<I", data, 24)
            (height,) = struct.unpack_from("<I", data, 27)
            return Size((width & 0xFFFFFF) + 1, (height & 0xFFFFFF) + 1)
        case _:
            return None
