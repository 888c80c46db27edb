"""Breakage, never a refusal: a refusal is a value (see verdicts.py)."""


class QuotaError(Exception):
    """The books could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        """Carry the given message, or the first line of the class's docstring."""
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class BadRuleError(QuotaError, ValueError):
    """A limit, an amount or a price is not written in a way that can be understood."""


class StoreUnavailableError(QuotaError):
    """The books cannot be written right now; nothing was changed and no call may be made."""


class StoreTakenError(StoreUnavailableError):
    """Another process writes these books."""


class UnknownHoldError(QuotaError):
    """No hold with this id was ever made."""


class BadUsageError(QuotaError, ValueError):
    """A usage that no provider can truthfully report: negative, absurd or inconsistent."""
