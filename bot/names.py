"""What the names of roles and channels mean in one space: each is bound to the id that has it.

Whoever may rename things could otherwise take a right by a name, or lose a limit by one. A name
that config or limits speak of is bound when the platform is first heard of, if it is the name of
one thing alone; from then on it means that id, whatever that is called, and nothing else that is
called so. A name of several things means none of them until there is one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bot.config_values import Config
from quota.governing import NEVER_ENDS, Act, Governing, Said
from quota.members import Space

Kind = Literal["role", "channel"]
Key = tuple[Kind, str]

FLAG = "named"


class Ambiguous(NamedTuple):
    """A name that several have."""

    name: str
    ids: tuple[str, ...]


@dataclass(slots=True)
class _There:
    """The names of one space: what each is bound to, and what was not yet written down."""

    bound: dict[Key, str]
    spoken: set[Key] = field(default_factory=set)
    unsure: set[Key] = field(default_factory=set)
    unwritten: set[Key] = field(default_factory=set)


class Names:
    """The names of one platform, in each of its spaces."""

    def __init__(
        self,
        platform: str,
        config: Callable[[], Config],
        governing: Governing,
        is_id: Callable[[str], bool],
    ) -> None:
        """Bindings are kept in these books; `is_id` tells an id of the platform from a name."""
        self._platform = platform
        self._config = config
        self._governing = governing
        self._is_id = is_id
        self._spaces: dict[str, _There] = {}

    def learn(self, space: Space, kind: Kind, things: Mapping[str, str]) -> list[Ambiguous]:
        """Bind the names that are spoken of; `things` are all there are now, names by id.

        What is bound stays so for as long as its id is there and its name is spoken of.
        """
        there = self._there(space)
        there.spoken = set(self._spoken(space))
        wanted = {key for key in there.spoken if key[0] == kind and not self._is_id(key[1])}
        for key in [key for key in there.bound if key[0] == kind]:
            if key not in wanted or there.bound[key] not in things:
                del there.bound[key]
                there.unwritten.add(key)
        called = defaultdict[str, list[str]](list)
        for id_, name in things.items():
            called[name].append(id_)
        found: list[Ambiguous] = []
        for key in sorted(wanted - there.bound.keys()):
            ids = called.get(key[1], [])
            there.unsure.discard(key)
            if len(ids) > 1:
                there.unsure.add(key)
                found.append(Ambiguous(key[1], tuple(ids)))
            elif ids:
                there.bound[key] = ids[0]
                there.unwritten.add(key)
        return found

    async def write(self, space: Space) -> None:
        """Keep what was learned for the next start, with a row in the audit trail for each."""
        there = self._there(space)
        act = Act(self._platform, space.key)
        while there.unwritten:
            key = there.unwritten.pop()
            subject, id_ = " ".join(key), there.bound.get(key, "")
            before = self._governing.flag(space.key, FLAG, subject)
            if before != id_:
                said = Said("name", subject, before, id_)
                await self._governing.record(act, said, FLAG, subject, id_, NEVER_ENDS)

    def of(self, space: Space, kind: Kind, id_: str, name: str) -> tuple[str, ...]:
        """What config and limits may call this: names that are bound to it, and its own if free."""
        there = self._there(space)
        mine = [k[1] for k, bound in there.bound.items() if bound == id_ and k[0] == kind]
        key = (kind, name)
        free = key not in there.unsure and there.bound.get(key, id_) == id_
        own = (name,) if free and not self._is_id(name) else ()
        return tuple(dict.fromkeys((*mine, *own)))

    def one_of(self, space: Space, kind: Kind, id_: str, name: str) -> str:
        """The same as one word: the name that is bound to it, else its own if free, else its id."""
        if (kind, id_) in self._there(space).spoken:
            return id_
        return next(iter(self.of(space, kind, id_, name)), id_)

    def meant(self, space: Space, kind: Kind, name: str) -> str | None:
        """The id that a name is bound to; empty where it is that of several, None: not known."""
        there, key = self._there(space), (kind, name)
        return "" if key in there.unsure else there.bound.get(key)

    def _there(self, space: Space) -> _There:
        found = self._spaces.get(space.key)
        if found is None:
            kept = self._governing.flags(space.key, FLAG)
            bound: dict[Key, str] = {}
            for subject, id_ in kept.items():
                kind, _, name = subject.partition(" ")
                bound["role" if kind == "role" else "channel", name] = id_
            found = self._spaces[space.key] = _There(bound)
        return found

    def _spoken(self, space: Space) -> Iterator[Key]:
        """All names and ids that config and limits speak of."""
        config = self._config()
        limits = (*config.rules.policy(space.key).limits, *self._governing.limits(space.key))
        for limit in limits:
            if limit.scope.kind in {"role", "channel"}:
                yield ("role" if limit.scope.kind == "role" else "channel"), limit.scope.name
        for model in config.models:
            yield from (("role", name.removeprefix("@")) for name in model.allowed_for)
        yield from (("channel", name.removeprefix("#")) for name in config.channels)
        if self._platform == "discord" and config.discord is not None:
            discord = config.discord
            yield from (("role", name) for name in (*discord.admin_roles, *discord.staff_roles))
            yield "channel", discord.alert_channel.removeprefix("#")
        if self._platform == "slack" and config.slack is not None:
            named = (*config.slack.admins, *config.slack.staff)
            yield from (("role", name[1:]) for name in named if name.startswith("@"))
