"""What every command and action works with: the books, the chat, the clock, who was met."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.chat import ChatHandler
from bot.figures import panel_text
from bot.grammar import MistakeError, Target
from bot.languages import ENGLISH
from bot.messages import NO_FILES, Card, Files
from bot.models import Model
from bot.news import News
from bot.panels import Panel
from bot.settings import Settings
from bot.text import Words
from bot.text_console import utc_minute
from quota.clock import Clock
from quota.governing import Act
from quota.limits import Bound
from quota.members import Member, Requester, Space
from quota.quotas import Quotas
from quota.undoing import Undoing
from quota.verdicts import Balance


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed: `text` begins with its slash.

    `previews`: the platform has buttons, so an act that touches many people is shown before it is
    done. `applied`: it was shown and is to be done. `event` is the platform's id of the command,
    `message` that of the message it was used on, if any. `files` came along; None: none can, the
    way it was typed.
    """

    requester: Requester
    text: str
    thread: str = ""
    model: str = ""
    previews: bool = False
    event: str = ""
    applied: bool = False
    message: str = ""
    files: Files | None = NO_FILES

    @property
    def asks_first(self) -> bool:
        """Whether an act that touches many people is to be shown first."""
        return self.previews and not self.applied


class Handled(NamedTuple):
    """What a command shows, the balances that it speaks of, and files that go with it."""

    panel: Panel
    balances: Sequence[Balance] = ()
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def card(self) -> Card:
        """As platforms take it."""
        return Card(self.panel, panel_text(self.panel), tuple(self.balances), self.files)


# So many refused attempts of one person in an hour are written down: each is a row on disk.
REFUSED_MOST, REFUSED_MS, REFUSED_KEPT = 60, 3_600_000, 1_000


@dataclass(slots=True)
class Desk:
    """Held for life by the commands and the actions, which are functions upon it."""

    quotas: Quotas
    chat: ChatHandler
    clock: Clock
    news: News = field(default_factory=News)
    settings: Settings = field(init=False)
    undoing: Undoing = field(init=False)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    spoken: dict[str, Words] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    _refused: dict[str, deque[int]] = field(default_factory=dict)
    # Where the operator has alerts of a platform shown, unless the admins of a space say otherwise.
    usual_alerts: Callable[[str], str] = field(default=lambda _platform: "")
    # The operator's language, for whoever has not chosen one.
    usual_language: Callable[[], str] = field(default=lambda: ENGLISH)

    def __post_init__(self) -> None:
        """Settings lie beside the limits, and what can be undone with the audit trail."""
        self.settings = Settings(self.quotas.governing)
        self.undoing = Undoing(self.quotas.governing, self.quotas.prepaying, self.clock)

    def meet(self, requester: Requester, words: Words | None = None) -> None:
        """Remember the roles somebody held last, and how their platform writes."""
        self.roles[requester.member.wallet] = requester.roles
        if words is not None:
            self.learn(requester.member, words)

    def learn(self, member: Member, words: Words) -> None:
        """Remember in which language a member read, and how their platform writes.

        A platform may have said itself how it writes.
        """
        self.languages[member.wallet] = words.language
        self.spoken.setdefault(member.space.platform, replace(words, language=ENGLISH))

    def words_for(self, space: Space, member: Member | None = None) -> Words:
        """How one writes to a space in the operator's language, or to a member in their own.

        Theirs is the one that they chose, else read last. Plainly, while nobody has spoken there.
        """
        words = self.spoken.get(space.platform) or Words(utc_minute)
        language = self.usual_language()
        if member is not None:
            read = self.languages.get(member.wallet, language)
            language = self.settings.member(member).language or read
        return replace(words, language=language)

    def spaces(self) -> list[Space]:
        """Every space that is known: somebody was met there, or something is set."""
        met = {Member.from_wallet(wallet).space for wallet in self.roles}
        kept = {Space.from_key(key) for key in self.quotas.governing.spaces()}
        return sorted(met | kept)

    def member_of(self, requester: Requester, text: str, usage: str) -> tuple[Member, str]:
        """The member that a text begins with, and the rest."""
        target, rest = Target.first(text, self.is_role, usage)
        if target.kind != "member":
            raise MistakeError("@{name} is a role; this is for one member", usage, name=target.name)
        self.check_member(requester.member.space, target.name, usage)
        return Member(requester.member.space, target.name), rest

    def check_member(self, space: Space, name: str, usage: str) -> None:
        """MistakeError for a name that somebody only typed, where members have ids.

        It is nobody's: acting upon it would do nothing and say that it was done. The platform
        writes a member by id, all else as it is.
        """
        if self.words_for(space).who(name) == name:
            raise MistakeError("{name!r} is no mention and no id of a member", usage, name=name)

    async def note_refused(self, requester: Requester, attempt: str) -> None:
        """Write down what somebody tried and may not; who tries all the time is not written on."""
        now, tries = self.clock.now(), self._refused.setdefault(requester.member.wallet, deque())
        while tries and tries[0] <= now - REFUSED_MS:
            tries.popleft()
        if len(tries) < REFUSED_MOST:
            tries.append(now)
            await self.quotas.governing.note_refused(act_of(requester), attempt)
        if len(self._refused) > REFUSED_KEPT:
            self._refused = {
                who: when for who, when in self._refused.items() if when[-1] > now - REFUSED_MS
            }

    def model_for(self, requester: Requester, name: str, words: Words) -> Model:
        """The model of a name, for somebody who may use it."""
        choosing, found = self.chat.choosing, self.chat.models.find(name)
        if found is None:
            raise MistakeError(words.unknown_model(name, choosing.names(requester)))
        if not choosing.may_use(requester, found):
            roles = tuple(sorted(choosing.roles_of(requester, found)))
            raise MistakeError(words.model_not_allowed(found.key, roles))
        return found

    def last_seen(self, member: Member, channel: str = "general") -> Requester:
        """A member as last seen; their roles are not known before they have said something."""
        return Requester(member, self.roles.get(member.wallet, ()), channel)

    def is_role(self, name: str) -> bool:
        """Whether a name is that of a role: in a limit, or held by somebody who was seen."""
        limits = (*self.quotas.rules.base.limits, *self.quotas.governing.all_limits())
        named = {x.scope.name for x in limits if x.scope.kind == "role"}
        return name in named or any(name in roles for roles in self.roles.values())

    def bounds(self, requester: Requester) -> tuple[Bound, ...]:
        """The limits that bind somebody who asks the default model."""
        return self.quotas.bounds(requester, self.chat.models.default.terms)

    async def balances(self, requester: Requester) -> Sequence[Balance]:
        """Where somebody stands who asks the default model."""
        return await self.quotas.balances(requester, self.chat.models.default.terms)


def act_of(requester: Requester, reason: str = "") -> Act:
    """An act of somebody in their own space; nobody can act in another one."""
    return Act(requester.member.id, requester.member.space.key, reason)


def space_of(typed: Typed) -> Space:
    """Where a command was typed."""
    return typed.requester.member.space
