"""Logging set-up, and the filter that keeps secrets out of every line.

Messages of members are never logged. What is logged may still carry a secret that somebody put
into a wrong place, so each line is cleaned on its way out: by the shapes of known secrets and by
the very keys of this config.
"""

import logging
import os
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES_MAX = 1_000_000
OWNER_ONLY = 0o600
REDACTED = "[redacted]"
# A shorter one is no secret, and would redact ordinary words.
SECRET_CHARS_MIN = 6

# What secrets look like: model providers, Slack, Discord, bearer headers, passwords in addresses.
_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai)[-_][\w-]{8,}"
    r"|\bAIza[\w-]{30,}"
    r"|\bxox[a-z](?:\.[a-z]+)?-[\w.-]{6,}"
    r"|\bxapp-[\w-]{6,}"
    r"|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"
    r"|(?<=bearer )[\w.~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.IGNORECASE | re.ASCII,
)


class Redactor(logging.Filter):
    """Lets every record pass, cleaned of secrets: in its message, its exception and its stack."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know these secrets word for word, and many others by their shape."""
        super().__init__()
        self._known: set[str] = set()
        self.know(secrets)

    def know(self, secrets: Iterable[str]) -> None:
        """Keep these out too."""
        self._known.update(s for s in secrets if len(s) >= SECRET_CHARS_MIN)

    def clean(self, text: str) -> str:
        """A text without secrets."""
        # The longest first: one may be the beginning of another.
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return _SHAPES.sub(REDACTED, text)

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A call with the wrong arguments: they may hold anything.
            message = f"{record.msg} (with arguments that do not fit)"
        record.msg, record.args = self.clean(message), ()
        if record.exc_info:
            text = record.exc_text or _PLAIN.formatException(record.exc_info)
            record.exc_text = self.clean(text)
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True


class _Lines(logging.Formatter):
    """`2026-06-01T09:00:00.123Z WARNING bot.chat: …`, in UTC like the books."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(  # noqa: N802 - the name is of logging
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        when = datetime.fromtimestamp(record.created, UTC)
        return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_PLAIN = _Lines()


class _PrivateFile(RotatingFileHandler):
    """A log file for its owner's eyes, of bounded size; made when there is something to say."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=FILE_BYTES_MAX, backupCount=1, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self.baseFilename, flags, OWNER_ONLY)
        return open(file, "a", encoding="utf-8")  # noqa: PTH123 - logging closes it


def set_up(
    secrets: Iterable[str] = (), *, file: Path | None = None, level: str = "WARNING"
) -> Redactor:
    """Log to standard error, or to a file, from a level on; returns what keeps the secrets out.

    Other people's libraries are heard from warnings on: below, they may log what they send.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(sys.stderr) if file is None else _PrivateFile(file)
    handler.setFormatter(_PLAIN)
    handler.addFilter(redactor)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("quota", "bot", "adapters"):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    # A full disk must not write its own troubles between the lines of a chat.
    logging.raiseExceptions = False
    return redactor


def be_quiet() -> None:
    """Log nowhere: a command of a moment tells what went wrong itself, once."""
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


def keep_secret(secrets: Iterable[str]) -> None:
    """Keep these out of the logs from now on, too."""
    found = list(secrets)
    for handler in logging.getLogger().handlers:
        for redactor in handler.filters:
            if isinstance(redactor, Redactor):
                redactor.know(found)
