"""What single values of the config may be: addresses, secrets, prices, names.

A function here raises ValueError with words that go on after the name of the key. A value that
may hold a secret is never quoted.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from bot.config_values import OFFLINE
from quota.units import MILLION, parse_amount

SECRET_CHARS_MAX = 10_000
# Dollars per million tokens; the dearest model there ever was cost a twentieth of it.
PRICE_DOLLARS_MAX = 10_000
_WORD_CHARS_MAX = 200

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOLLARS = re.compile(
    r"(?P<sign>[-\u2212]?)\$(?P<whole>[0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2})(\.(?P<part>[0-9]+))?"
)
_MICRO_DIGITS = 6
_HOST_FIX = 'write the address of a server, "https://…/v1", or "offline"'
_STORE_FIX = 'write "sqlite:///quotabot.db" (beside this file) or "sqlite:////folder/quotabot.db"'
_LOCAL_ENDS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


class WrongKeysError(ValueError):
    """What is wrong with several keys of one table: (key, words that go on after it)."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        """Carry each key with its words."""
        super().__init__("; ".join(f"{key} {words}" for key, words in found))
        self.found = found


def word(text: str) -> str:
    """Refuse a name that cannot be typed or shown."""
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError(f"has {text[:60]!r}, which is no name; write one without blanks around it")
    if len(text) > _WORD_CHARS_MAX:
        raise ValueError(f"has a name of {len(text)} characters; shorten it")
    return text


def ascending(percents: list[int]) -> list[int]:
    """Refuse thresholds that come twice or out of order."""
    if percents != sorted(set(percents)):
        raise ValueError(f"is {percents}; write each once, the smallest first")
    return percents


def sentence(text: str) -> str:
    """Refuse what is more than a line."""
    if not text.isprintable():
        raise ValueError("has line breaks or control characters in it; write one sentence")
    return text


def path(text: str) -> str:
    """Refuse a path that would not lead where it seems to."""
    if text.startswith("~"):
        raise ValueError(f"is {text[:80]!r}; write the whole path instead of ~")
    if not text.isprintable():
        raise ValueError("has control characters in it; write a path")
    return text


def dollars(text: str) -> str:
    """Refuse a price that is none, is negative, absurd, or finer than a micro-dollar."""
    found = _DOLLARS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'is {text[:60]!r}; write dollars per million tokens, such as "$0.25"')
    if found["sign"]:
        raise ValueError(f'is {text[:60]!r}; a price is not below zero, write "$0" or more')
    if len((found["part"] or "").rstrip("0")) > _MICRO_DIGITS:
        raise ValueError(f"is {text[:60]!r}; write at most six digits after the point")
    if credits_in(text) > PRICE_DOLLARS_MAX * MILLION:
        most = f"${PRICE_DOLLARS_MAX:,} per million tokens"
        raise ValueError(f'is {text[:60]!r}, more than {most}; write a price such as "$0.25"')
    return text


def priced(pattern: str) -> str:
    """Refuse a pattern of models to be priced that names nothing or everything."""
    if not pattern.strip() or not pattern.isprintable():
        raise ValueError('names no model; write a name or a pattern such as "gpt-5*"')
    if set(pattern) == {"*"}:
        raise ValueError("means every model; write this price as fallback")
    return pattern


def credits_in(text: str) -> int:
    """Read what `dollars` lets pass, as micro-dollars."""
    whole, _, part = text.strip().partition(".")
    return parse_amount(f"{whole}.{part.rstrip('0') or '0'}").value


def shared_names(models: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each name that two models have: where it comes a second time, and what to say there."""
    owners: dict[str, str] = {}
    tables = models.items() if isinstance(models, dict) else ()
    for key, table in tables:
        own: list[tuple[tuple[str, ...], object]] = [((), key)]
        if isinstance(table, dict):
            aliases = table.get("aliases")
            own.append((("name",), table.get("name", key)))
            own += [(("aliases",), alias) for alias in aliases] if isinstance(aliases, list) else []
        for where, name in own:
            if not isinstance(name, str):
                continue
            owner = owners.setdefault(name.casefold(), key)
            if owner != key:
                words = f"has {name[:60]!r}, which [models.{owner}] has already; choose another"
                yield ("models", key, *where), words


def base_url(text: str) -> str:
    """Refuse what is no address of a server, or carries a secret."""
    if text == OFFLINE:
        return text
    if text.strip().casefold() == OFFLINE:
        raise ValueError(f'is {text!r}; write "offline"')
    parts = _parts(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        if "://" not in text and "." in text:
            raise ValueError(f'is {text[:80]!r}; write "https://{text[:80]}"')
        raise ValueError(f"is {text[:80]!r}; {_HOST_FIX}")
    path = parts.path.rstrip("/")
    if path.endswith("/completions"):
        short = text.rstrip("/").removesuffix("/completions").removesuffix("/chat")
        raise ValueError(f'is {text[:120]!r}; leave out the end: "{short[:120]}"')
    return text


def _parts(text: str) -> SplitResult:
    if not text.isprintable() or " " in text:
        raise ValueError(f"has blanks or control characters in it; {_HOST_FIX}")
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"is no address; {_HOST_FIX}") from None
    if "@" in parts.netloc:
        raise ValueError("carries a name or password; take it out and use api_key_env")
    if parts.query or parts.fragment:
        raise ValueError("has a ? or # in it; write it without, and use api_key_env for a key")
    return parts


def address(text: str) -> str:
    """Refuse what is no address of a proxy or server; empty: the platform's own."""
    if text:
        parts = _parts(text)
        if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
            raise ValueError(f'is {text[:80]!r}; write an address, "https://…", or remove it')
    return text


def is_local(url: str) -> bool:
    """Whether a server may well need no key: the embedded model, this machine, this network."""
    if url == OFFLINE:
        return True
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        # A name without a dot is one of the local network, for instance of a container.
        return "." not in host or host.endswith(_LOCAL_ENDS)
    return address.is_loopback or address.is_private or address.is_link_local


def store_url(text: str) -> str:
    """Refuse what is no SQLite file."""
    scheme, _, rest = text.partition("://")
    if scheme.lower().startswith("postgres"):
        # Not quoted: it may carry a password.
        raise ValueError(f"names PostgreSQL, which is not part of this version; {_STORE_FIX}")
    if "://" not in text:
        raise ValueError(f"is {text[:80]!r}; {_STORE_FIX}")
    if scheme != "sqlite":
        raise ValueError(f"begins with {scheme[:20]!r}; {_STORE_FIX}")
    name = rest.removeprefix("/")
    if not rest.startswith("/"):
        raise ValueError(f"is {text[:80]!r}, which has too few slashes; {_STORE_FIX}")
    if name == ":memory:":
        raise ValueError(f"is {text!r}, which forgets everything at the end; {_STORE_FIX}")
    if not name.strip("./ ") or name.endswith("/") or "?" in name or not name.isprintable():
        raise ValueError(f"is {text[:80]!r}, which names no file; {_STORE_FIX}")
    if name.startswith("~"):
        raise ValueError(f"is {text[:80]!r}; write the whole path instead of ~")
    return text


def store_path(text: str, folder: Path) -> Path:
    """The file that `store_url` let pass: three slashes from a folder on, four from the root."""
    return folder / text.removeprefix("sqlite:///")


def folder_problem(path: Path) -> str:
    """Why no database can be where `store_path` leads; empty: one can, as far as can be seen."""
    if path.is_dir():
        return f"leads to {path}, which is a folder; name a file in it"
    if not path.parent.is_dir():
        return f"leads to {path}, and there is no folder {path.parent}; make it, or name another"
    return ""


class Secret(NamedTuple):
    """Where a secret is said to be: the key of the server at `url`, or what `name` says."""

    variable: str | None
    file: str | None
    url: str
    name: str = "api_key"
    example: str = "OPENAI_API_KEY"

    @property
    def _what(self) -> str:
        return self.name.rpartition("_")[2]

    def read(self, folder: Path, environ: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
        """The secret ("": none) and what is wrong with where it should be."""
        by_variable, by_file = f"{self.name}_env", f"{self.name}_file"
        if self.variable is not None and self.file is not None:
            return "", [(by_variable, f"stands beside {by_file}; keep one of them")]
        try:
            if self.variable is not None:
                return self._from_variable(environ), []
            if self.file is not None:
                return _from_file(folder / self.file, self._what), []
        except ValueError as error:
            return "", [(by_variable if self.file is None else by_file, str(error))]
        return "", []

    def read_needed(
        self, folder: Path, environ: Mapping[str, str]
    ) -> tuple[str, list[tuple[str, str]]]:
        """The same where there must be one."""
        if self.variable is None and self.file is None:
            key = f"{self.name}_env"
            return "", [(key, f'is missing; write {key} = "{self.example}"')]
        return self.read(folder, environ)

    def _from_variable(self, environ: Mapping[str, str]) -> str:
        name = self.variable or ""
        if not _VARIABLE.fullmatch(name) or _looks_secret(name):
            # Not quoted: people put the key itself here.
            raise ValueError(
                f'is no name of a variable; write one such as "{self.example}" and put the '
                f"{self._what} into that variable"
            )
        key = environ.get(name, "").strip()
        if not key and not is_local(self.url):
            raise ValueError(f"names {name}, which is not set; set {name} to the {self._what}")
        return _usable(key, name, self._what)


def _from_file(path: Path, what: str) -> str:
    # Not quoted where people put the key itself.
    shown = "a file" if _looks_secret(path.name) else repr(str(path))
    try:
        with path.open(encoding="utf-8") as file:
            key = file.read(SECRET_CHARS_MAX + 1).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        fix = f"give the path of a file that holds the {what}"
        raise ValueError(f"names {shown}, which cannot be read ({why}); {fix}") from None
    if not key:
        raise ValueError(f"names {shown}, which is empty; put the {what} into it")
    return _usable(key, shown, what)


def _usable(key: str, where: str, what: str) -> str:
    """A secret travels in a header: no line breaks, nothing beyond ASCII."""
    if len(key) > SECRET_CHARS_MAX or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(
            f"names {where}, whose content is no {what} (one line of letters, digits and signs); "
            f"put the {what} alone into it"
        )
    return key


def _looks_secret(name: str) -> bool:
    """Whether a name is so long and mixed that it is rather a key than a name."""
    long = len(name) >= 20  # noqa: PLR2004 - no variable with digits and small letters is so long
    return long and bool(re.search(r"\d", name)) and bool(re.search(r"[a-z]", name))
