"""What a command from the command line does to the books, wherever it is carried out.

Beside a running bot it comes in over a socket (adapters/control.py), else the command line opens
the books itself; either way it is this code, so there is one set of words and one audit trail.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from bot import privacy, text_balance
from bot.cli_views import (
    Json,
    balance_json,
    grant_json,
    instant_json,
    limit_json,
    stranger,
    when_in,
)
from bot.config_values import ConfigError
from bot.desk import Desk
from bot.figures import panel_text
from bot.grammar import MistakeError
from bot.outcome import reference
from bot.text import Words
from quota.clock import Clock
from quota.errors import BadRuleError, QuotaError, StoreUnavailableError
from quota.governing import EVERYWHERE, NEVER_ENDS, Act
from quota.limits import Kind, Limit, parse_rule
from quota.members import EVERYONE, Member, Requester, Scope, Space
from quota.prepaid import AddToBalance, SetBalance
from quota.quotas import Quotas
from quota.rules import Terms
from quota.store import AuditRow
from quota.units import Unit, parse_amount
from quota.windows import WindowError, parse_duration

_log = logging.getLogger(__name__)

CONSOLE = Space("console", "console")
TEXT_CHARS_MAX = 1_000
ACTOR_CHARS_MAX = 100

FINE, FAILED, WRONG, UNAVAILABLE = 0, 1, 2, 3

_SCOPES_HELP = "say everyone, role:NAME, member:ID, channel:NAME or space"


class Outcome(NamedTuple):
    """How it went: the exit code, what a person reads, what a program reads."""

    code: int
    text: str
    data: Json

    @classmethod
    def read(cls, line: Json) -> Self:
        """From what the running bot answered."""
        code, data = line.get("code"), line.get("data")
        if not isinstance(code, int) or not isinstance(data, dict):
            return cls(FAILED, "the running bot gave no answer that is understood", {})
        return cls(code, str(line.get("text")), data)


class Order(NamedTuple):
    """What somebody at the command line wants: a verb with its arguments."""

    verb: str
    actor: str
    args: Mapping[str, Any]

    @classmethod
    def read(cls, line: Json) -> Self:
        """From what came over the socket; what is no order has a verb that nobody knows."""
        args = line.get("args")
        actor = str(line.get("actor"))[:ACTOR_CHARS_MAX]
        return cls(
            str(line.get("verb"))[:ACTOR_CHARS_MAX], actor, args if isinstance(args, dict) else {}
        )


def space_of(text: str) -> Space:
    """A space as people write it: `platform:id`, or the name of a console space."""
    platform, colon, id_ = text.partition(":")
    if not text or (colon and not (platform and id_)):
        raise BadRuleError(f"{text!r} is no space; write platform:id, such as discord:1234")
    return Space(platform, id_) if colon else Space("console", text)


def member_of(text: str, space: str = "") -> Member:
    """A member as people write it: `platform:space:id`, or a name on the console (or in a space).

    BadRuleError where it is neither, or names another space than the one that is given.
    """
    if text.count(":") > 1:
        member = Member.from_wallet(text)
        if space and space_of(space) != member.space:
            raise BadRuleError(f"{text!r} is not in the space {space!r}; leave one of them out")
        return member
    if not text.strip() or ":" in text:
        raise BadRuleError(
            f"{text!r} is no member; write platform:space:id, or a name of the console"
        )
    return Member(space_of(space) if space else CONSOLE, text)


def instant_of(text: str, now: int, zone: str) -> int | None:
    """When something ends: `3d` from now, `never`, or a date; None where nothing is said."""
    if not text:
        return None
    if text.casefold() == "never":
        return NEVER_ENDS
    if re.match(r"\d{4}-\d\d-\d\d", text):
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            raise BadRuleError(
                f"{text!r} is no date; write 2026-12-31 or 2026-12-31T18:00"
            ) from None
        local = date if date.tzinfo else date.replace(tzinfo=ZoneInfo(zone))
        at = int(local.timestamp()) * 1_000
        if at <= now:
            raise BadRuleError(f"{text!r} is past; give a time to come")
        return at
    try:
        return now + parse_duration(text)
    except WindowError as error:
        raise BadRuleError(f"{error}; or write never, or a date such as 2026-12-31") from error


class Control:
    """Carries out orders upon these quotas.

    A running bot has more: `reload` reads the config anew, all or nothing, and its desk remembers.
    """

    def __init__(
        self,
        quotas: Quotas,
        terms: Callable[[], Terms],
        reload: Callable[[], Awaitable[str]] | None = None,
        desk: Desk | None = None,
    ) -> None:
        """Count grants by the terms of the default model."""
        self._quotas = quotas
        self._terms = terms
        self._reload = reload
        self._desk = desk
        self._verbs: dict[str, Callable[[Order, _Args], Awaitable[Outcome]]] = {
            "grant": self._grant,
            "balance add": self._fill,
            "balance set": self._fill,
            "set": self._set,
            "drop": self._drop,
            "pause": self._pause,
            "resume": self._resume,
            "met": self._met,
            "erase": self._erase,
            "accept clock": self._accept_clock,
            "reload": self._reloaded,
        }

    async def carry_out(self, order: Order) -> Outcome:
        """Do it, or tell in one line why not; never raises."""
        verb = self._verbs.get(order.verb)
        if verb is None:
            return Outcome(WRONG, f"there is no command {order.verb!r}; update both programs", {})
        try:
            return await verb(order, _Args(order.args))
        except StoreUnavailableError as error:
            return Outcome(UNAVAILABLE, str(error), {})
        except (QuotaError, ConfigError) as error:
            usage = getattr(error, "usage", "")
            return Outcome(WRONG, f"{error}; write: {usage}" if usage else str(error), {})
        except Exception:  # the bot runs on, whatever an order broke
            ref = reference()
            _log.exception("order failed ref=%s", ref)
            return Outcome(FAILED, f"something went wrong inside; see the log (ref {ref})", {})

    @property
    def _clock(self) -> Clock:
        return self._quotas.clock

    def _words(self) -> Words:
        return Words(when_in(self._quotas.rules.zone))

    async def _grant(self, order: Order, args: "_Args") -> Outcome:
        member = member_of(args.text("member"), args.text("space"))
        until = instant_of(args.text("until"), self._clock.now(), self._quotas.rules.zone)
        amount = parse_amount(args.text("amount"))
        requester = Requester(member, args.texts("roles"))
        terms = self._terms()
        act = Act(order.actor, member.space.key, args.text("reason"))
        bounds = self._quotas.bounds(requester, terms)
        is_known = member.wallet in await self._quotas.store.wallets()
        row = await self._quotas.governing.grant(act, member, amount, bounds, until)
        balances = await self._quotas.balances(requester, terms)
        text = panel_text(self._words().granted(member.id, row, balances))
        if not is_known:
            text = f"{text}\n{stranger(member.wallet)}"
        data = {"grant": grant_json(row), "balances": [balance_json(b) for b in balances]}
        return Outcome(FINE, text, data)

    async def _fill(self, order: Order, args: "_Args") -> Outcome:
        member = member_of(args.text("member"), args.text("space"))
        amount = parse_amount(args.text("amount"))
        if amount.unit is not Unit.CREDITS:
            raise MistakeError(f"{args.text('amount')!r} is no sum of money; write it like '$2'")
        adds = order.verb == "balance add"
        what = AddToBalance(amount.value) if adds else SetBalance(amount.value)
        act = Act(order.actor, member.space.key, args.text("reason"))
        done = await self._quotas.prepaying.change(act, member, what)
        words = self._words()
        because = words.because(act.reason) if act.reason else ""
        text = panel_text(text_balance.changed(words, member.id, done, because))
        return Outcome(FINE, text, {"member": member.wallet, **done._asdict()})

    async def _set(self, order: Order, args: "_Args") -> Outcome:
        space = _space_or_console(args)
        limit = self._limit(args)
        before = self._at(space, limit)
        act = Act(order.actor, space.key, args.text("reason"))
        await self._quotas.governing.set_limit(act, limit)
        data = {**limit_json(limit), "space": space.key, "before": before and before.rule.text}
        return Outcome(FINE, panel_text(self._words().limit_set(limit, before)), data)

    def _limit(self, args: "_Args") -> Limit:
        rules = self._quotas.rules
        scope = _scope(args.text("for") or "everyone")
        kind: Kind = "shared" if scope.kind in {"channel", "space"} else "allowance"
        rule = parse_rule(
            args.text("rule"),
            zone=rules.zone,
            week_start=rules.week_start,
            unit=Unit.TOKENS,
            shared=kind == "shared",
        )
        if args.flag("cap"):
            if kind == "shared":
                raise MistakeError(f"what is for {scope.text} binds always; leave out --cap")
            kind = "cap"
        if rule.amount is None and kind != "allowance":
            raise MistakeError("unlimited holds nobody back; it is for everyone, a role, a member")
        return Limit(scope, kind, rule, args.text("model") or "*", "chat")

    async def _drop(self, order: Order, args: "_Args") -> Outcome:
        space = _space_or_console(args)
        rule = args.text("rule")
        mine = self._quotas.governing.limits(space.key)
        limit = _named(rule, mine)
        if limit is None:
            if _named(rule, self._quotas.rules.policy(space.key).limits):
                raise MistakeError(
                    f"{rule!r} stands in the config file; change it there, then reload"
                )
            known = ", ".join(repr(x.id) for x in mine) or "none was set"
            raise MistakeError(f"there is no rule {rule!r} in {space.key}; known: {known}")
        act = Act(order.actor, space.key, args.text("reason"))
        await self._quotas.governing.drop_limit(act, limit)
        after = self._at(space, limit)
        data = {**limit_json(limit), "space": space.key, "after": after and after.rule.text}
        return Outcome(FINE, panel_text(self._words().limit_removed(limit, after)), data)

    def _at(self, space: Space, limit: Limit) -> Limit | None:
        """The limit that holds in the place of this one."""
        policy = self._quotas.policy(space.key)
        return next((x for x in policy.limits if x.slot == limit.slot), None)

    async def _pause(self, order: Order, args: "_Args") -> Outcome:
        where = space_of(args.text("space")).key if args.text("space") else EVERYWHERE
        until = instant_of(args.text("until"), self._clock.now(), self._quotas.rules.zone)
        ends = None if until == NEVER_ENDS else until
        act = Act(order.actor, where, args.text("reason"))
        await self._quotas.governing.switch(act, "pause", "", act.reason or "on", ends)
        place = "anywhere" if where == EVERYWHERE else f"in {where}"
        panel = self._words().switched("Paused", f"No question is answered {place}", ends)
        return Outcome(FINE, panel_text(panel), {"space": where, "until": instant_json(ends)})

    async def _resume(self, order: Order, args: "_Args") -> Outcome:
        where = space_of(args.text("space")).key if args.text("space") else EVERYWHERE
        act = Act(order.actor, where, args.text("reason"))
        changed = await self._quotas.governing.switch(act, "pause", "", "")
        panel = self._words().resumed(was=changed)
        return Outcome(FINE, panel_text(panel), {"space": where, "changed": changed})

    async def _met(self, order: Order, args: "_Args") -> Outcome:
        del order
        member = member_of(args.text("member"), args.text("space"))
        found = privacy.met(self._desk, member) if self._desk is not None else privacy.Met()
        return Outcome(FINE, "", found._asdict())

    async def _erase(self, order: Order, args: "_Args") -> Outcome:
        member = member_of(args.text("member"), args.text("space"))
        if self._desk is None:
            await privacy.erase(self._quotas, member, order.actor)
        else:
            await privacy.delete(self._desk, Requester(member), order.actor)
        text = (
            f"Erased {member.wallet}. What was used counts on, under a name that leads back to "
            "nobody."
        )
        return Outcome(FINE, text, {"member": member.wallet, "erased": True})

    async def _accept_clock(self, order: Order, args: "_Args") -> Outcome:
        del args
        now = self._clock.now()
        before = await self._quotas.store.lower_mark(now)
        told = {"before": instant_json(before), "now": instant_json(now)}
        row = AuditRow(
            *(now, EVERYWHERE, order.actor, "accept clock", ""),
            *(told["before"] or "", told["now"] or "", ""),
        )
        await self._quotas.store.audit(row, now)
        when = self._words().when
        return Outcome(FINE, f"The books go by {when(now)} again (was {when(before)}).", told)

    async def _reloaded(self, order: Order, args: "_Args") -> Outcome:
        del args
        if self._reload is None:
            return Outcome(FINE, "No bot is running; the next start reads the config.", {})
        text = await self._reload()
        _log.info("config reloaded by %s", order.actor)
        return Outcome(FINE, text, {"reloaded": True})


class _Args:
    """Arguments that came over a wire: each of the type that is asked for, or a mistake."""

    def __init__(self, args: Mapping[str, Any]) -> None:
        self._args = args

    def text(self, name: str) -> str:
        value = self._args.get(name, "")
        if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
            raise MistakeError(f"{name} is no text of at most {TEXT_CHARS_MAX} characters")
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._args.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MistakeError(f"{name} is no list of texts")
        return tuple(value)

    def flag(self, name: str) -> bool:
        return self._args.get(name, False) is True


def _space_or_console(args: _Args) -> Space:
    space = args.text("space")
    return space_of(space) if space else CONSOLE


def _scope(text: str) -> Scope:
    kind, _, name = text.partition(":")
    match kind.casefold(), name.strip():
        case "everyone", "":
            return EVERYONE
        case "space", "":
            return Scope("space")
        case "role", name if name:
            return Scope("role", name)
        case "member", name if name:
            return Scope("member", name)
        case "channel", name if name.lstrip("#"):
            return Scope("channel", name.lstrip("#"))
        case "house", "":
            # A limit that is set here belongs to one space; the house is over all of them.
            raise MistakeError(
                "the house is over all spaces: write it in the config, "
                '[limits.shared] house = ["$20/day"], and run quotabot reload'
            )
        case _:
            raise MistakeError(f"{text!r} is nobody; {_SCOPES_HELP}")


def _named(rule: str, limits: Sequence[Limit]) -> Limit | None:
    wanted = rule.casefold()
    return next((x for x in limits if wanted in {x.id.casefold(), x.name.casefold()}), None)
