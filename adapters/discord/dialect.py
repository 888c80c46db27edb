"""How Discord writes instants, people, roles and channels: in the reader's own zone and words."""

from bot.languages import ENGLISH
from bot.text import Words
from quota.clock import Clock

_DAY_MS = 86_400_000
# What the clients can show as a date; beyond it is never.
_SECONDS_MAX = 8_640_000_000_000


def when(at: int, now: int) -> str:
    """23:00 (in 5 hours); with the date where it is another day. Rounded up: nobody is early."""
    seconds = -(-at // 1_000)
    if seconds > _SECONDS_MAX:
        return "never"
    style = "t" if abs(at - now) < _DAY_MS else "f"
    return f"<t:{seconds}:{style}> (<t:{seconds}:R>)"


def words_of(clock: Clock, language: str = ENGLISH) -> Words:
    """The sentences as Discord shows them, in a language."""
    return Words(
        lambda at: when(at, clock.now()), who=who, role=role, channel=channel, language=language
    )


def who(member_id: str) -> str:
    """@Ana, as everybody's client shows her; somebody at the command line by name."""
    return f"<@{member_id}>" if member_id.isdecimal() else member_id


def role(name: str) -> str:
    """@Supporter; by id where a limit names it so."""
    return f"<@&{name}>" if name.isdecimal() else f"@{name}"


def channel(name: str) -> str:
    """#homework; by id where a setting or a limit names it so."""
    return f"<#{name}>" if name.isdecimal() else f"#{name}"
