"""The books in one SQLite file: durable, one writer, group commit."""

from adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
