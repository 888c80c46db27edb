"""The workspaces that have installed the app, with their tokens.

Why a file of its own beside the books: a token is a secret, and the books are copied by every
backup and read by every command that looks at them. It is for its owner's eyes (0600), written
whole or not at all; who loses it installs the app again, and no allowance is lost.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

from adapters.slack.workspace import Identity
from bot.log import keep_secret

OWNER_ONLY = 0o600


class Installs:
    """What was installed, in a file."""

    def __init__(self, path: Path) -> None:
        """Read it; where there is none yet, nothing was installed."""
        self._path = path
        self._found: dict[str, Identity] = {}
        if path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))
            self._found = {row["team"]: Identity(**row) for row in rows}
        keep_secret(who.token for who in self._found.values())

    @classmethod
    def beside(cls, books: Path) -> "Installs":
        """Those of the bot with these books."""
        return cls(books.with_name(f"{books.name}.slack.json"))

    @property
    def all(self) -> tuple[Identity, ...]:
        """Every workspace that has the app."""
        return tuple(self._found.values())

    def put(self, who: Identity) -> None:
        """A workspace has installed the app, perhaps anew."""
        keep_secret([who.token])
        self._found[who.team] = who
        self._write()

    def drop(self, team: str) -> None:
        """A workspace has the app no longer."""
        if self._found.pop(team, None) is not None:
            self._write()

    def _write(self) -> None:
        text = json.dumps([asdict(who) for who in self._found.values()], indent=1)
        new = self._path.with_name(f"{self._path.name}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OWNER_ONLY)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
