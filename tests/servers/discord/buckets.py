"""Rate limits: a bucket for each route and top-level resource, and one over all (rate-limits).

The numbers are nobody's promise ("should not be hard coded"); these are what is commonly seen.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from tests.servers.discord.errors import Json


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    count: int
    per_s: float


CREATE, EDIT = "POST /channels/{channel}/messages", "PATCH /channels/{channel}/messages/{message}"
USUAL: dict[str, Rate] = {
    CREATE: Rate(5, 5.0),
    EDIT: Rate(5, 5.0),
    "DELETE /channels/{channel}/messages/{message}": Rate(5, 1.0),
    "POST /channels/{channel}/typing": Rate(5, 5.0),
    "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me": Rate(1, 0.25),
    "webhook": Rate(5, 2.0),
}
GLOBAL = Rate(50, 1.0)
# Edits of messages older than an hour have a bucket of their own (error 30046); its size is in no
# document.
OLD_EDITS = Rate(3, 5.0)


@dataclass
class Bucket:
    """One window: begun by its first request, over when its time is."""

    rate: Rate
    left: int = 0
    ends_at: float = -math.inf

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        if now >= self.ends_at:
            self.left, self.ends_at = self.rate.count, now + self.rate.per_s
        if self.left == 0:
            return False
        self.left -= 1
        return True

    def wait_s(self, now: float) -> float:
        return max(0.0, round(self.ends_at - now, 3))


@dataclass(frozen=True)
class TooMany:
    """A 429: how long to wait, and whether for everything."""

    retry_after_s: float
    is_global: bool = False

    @property
    def body(self) -> Json:
        return {
            "message": "You are being rate limited.",
            "retry_after": self.retry_after_s,
            "global": self.is_global,
        }

    @property
    def headers(self) -> dict[str, str]:
        headers = {
            "Retry-After": str(math.ceil(self.retry_after_s)),
            "Via": "1.1 google",
            "X-RateLimit-Scope": "global" if self.is_global else "user",
        }
        return headers | ({"X-RateLimit-Global": "true"} if self.is_global else {})


class Buckets:
    """All buckets of the app."""

    def __init__(
        self,
        rates: Mapping[str, Rate] | None = None,
        over_all: Rate = GLOBAL,
        *,
        limited: bool = True,
    ) -> None:
        self.rates = USUAL | dict(rates or {})
        self.limited = limited
        self._over_all = Bucket(over_all)
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(
        self, name: str, major: str, now: float, wall: float, *, bound: bool
    ) -> tuple[dict[str, str], TooMany | None]:
        """Count a request; give the headers for its response, and the refusal if it is one."""
        if not self.limited:
            return {}, None
        if bound and not self._over_all.take(now):
            return {}, TooMany(self._over_all.wait_s(now), is_global=True)
        rate = self.rates.get(name)
        if rate is None:
            return {}, None
        bucket = self._buckets.setdefault((name, major), Bucket(rate))
        taken = bucket.take(now)
        wait_s = bucket.wait_s(now)
        headers = {
            "X-RateLimit-Limit": str(rate.count),
            "X-RateLimit-Remaining": str(bucket.left),
            "X-RateLimit-Reset": f"{wall + wait_s:.3f}",
            "X-RateLimit-Reset-After": f"{wait_s:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }
        return headers, None if taken else TooMany(wait_s)
