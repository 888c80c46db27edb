"""How one platform writes an instant, a member, a role, a channel; and what follows from it."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.languages import Speech
from quota.limits import Limit
from quota.windows import Rolling


def _at(name: str) -> str:
    """How the console writes a member or a role."""
    return f"@{name}"


def _hash(name: str) -> str:
    """How the console writes a channel."""
    return f"#{name}"


@dataclass(frozen=True, slots=True)
class Dialect(Speech):
    """How one platform writes what it knows itself, in one language.

    `when` writes an instant (UTC milliseconds), `who` a member by id, `role` and `channel` a name.
    """

    when: Callable[[int], str]
    admin_prefix: str = "/quota-admin"
    who: Callable[[str], str] = _at
    role: Callable[[str], str] = _at
    channel: Callable[[str], str] = _hash

    def actor(self, member_id: str) -> str:
        """Whoever did something: on the console by the bare name."""
        return self.bare(self.who(member_id))

    @staticmethod
    def bare(name: str) -> str:
        """A name without the @ or # that somebody types before it."""
        return name.removeprefix("@").removeprefix("#")

    def limit(self, limit: Limit) -> str:
        """A limit by its name, with whom it is about as the platform writes it."""
        kind, name = limit.scope
        write = {"member": self.who, "role": self.role, "channel": self.channel}.get(kind)
        if write is None:
            return limit.name
        return f"{kind} {self.bare(write(name))}{limit.name.removeprefix(limit.scope.text)}"

    def refills(self, limit: Limit, at: int) -> str:
        """When a limit has room again."""
        if isinstance(limit.rule.window, Rolling):
            return self.say("frees up from {when}", when=self.when(at))
        if limit.kind == "balance":
            return self.say("refills {when}", when=self.when(at))
        return self.say("resets {when}", when=self.when(at))
