"""How people say that a shared limit is divided fairly: `fair floor 5k lend 80%`, or `free`."""

import re
from typing import NamedTuple

from quota.errors import BadRuleError
from quota.pool_terms import LEND_PERCENT
from quota.units import Unit, amount_text, parse_amount
from quota.windows import Calendar, Window

FAIR_HELP = 'write "2M tokens/day fair", "2M tokens/day fair floor 5k lend 80%" or "… free"'
_HOW = re.compile(r"(?P<window>.*?)\s(?P<how>(?:fair|free)(?:\s.*)?)", re.IGNORECASE)
_OPTION = re.compile(r"\s(?P<name>floor|lend) (?P<value>\S+)", re.IGNORECASE)


class Fair(NamedTuple):
    """That a shared limit is divided fairly: the floor kept for everyone, and what is lent.

    A floor of None follows what members usually use.
    """

    floor: int | None = None
    lend_percent: int = LEND_PERCENT

    def text(self, unit: Unit) -> str:
        """The words for it, read back by `parse_how`."""
        floor = "" if self.floor is None else f" floor {_bare(self.floor, unit)}"
        lend = "" if self.lend_percent == LEND_PERCENT else f" lend {self.lend_percent}%"
        return f"fair{floor}{lend}"


def split_how(text: str) -> tuple[str, str]:
    """Take what is said of the dividing (else nothing) off the end of a window."""
    found = _HOW.fullmatch(text)
    return (text, "") if found is None else (found["window"], found["how"].lower())


def parse_how(text: str, amount: int, unit: Unit, window: Window) -> Fair | None:
    """Read how so much of a unit is divided; None: first come, first served.

    BadRuleError names the fault.
    """
    word, _, rest = text.partition(" ")
    if word != "fair":
        if rest:
            raise BadRuleError(f"nothing goes after free; {FAIR_HELP}")
        return None
    if not isinstance(window, Calendar) or window.unit == "minute":
        raise BadRuleError(
            "a fair pool is divided among all who come until it ends for everybody at once; "
            "write /hour, /day, /week or /month"
        )
    options: dict[str, str] = {}
    rest = text.removeprefix(word)
    while rest:
        option = _OPTION.match(rest)
        if option is None or option["name"] in options:
            raise BadRuleError(f"{rest.strip()!r} is not understood; {FAIR_HELP}")
        options[option["name"]] = option["value"]
        rest = rest[option.end() :]
    return Fair(_floor(options.get("floor"), amount, unit), _lend(options.get("lend")))


def _floor(text: str | None, amount: int, unit: Unit) -> int | None:
    if text is None:
        return None
    floor = parse_amount(text)
    if floor.unit not in {None, unit} or floor.signed:
        raise BadRuleError(f"a floor is in {unit} like the pool, such as floor {_bare(5000, unit)}")
    if not 0 < floor.value <= amount:
        raise BadRuleError("a floor is more than nothing, and no more than the pool")
    return floor.value


def _lend(text: str | None) -> int:
    if text is None:
        return LEND_PERCENT
    digits = text.removesuffix("%")
    if not (digits.isdecimal() and len(digits) <= len("100") and 1 <= int(digits) <= LEND_PERCENT):
        raise BadRuleError("lend is a percentage from 1 to 100, such as lend 80%")
    return int(digits)


def _bare(amount: int, unit: Unit) -> str:
    """An amount without its unit, as far as it goes."""
    return amount_text(amount, unit).split()[0]
