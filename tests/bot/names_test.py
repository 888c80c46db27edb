"""What names of roles and channels mean: bound to an id once, and for as long as that is there."""

from dataclasses import replace

import pytest

from bot.config import load
from bot.config_values import DiscordConfig
from bot.names import Names
from quota.governing import Governing
from quota.members import Space
from quota.memory import MemoryStore
from tests.fakes import FakeClock, policy

HERE = Space("discord", "1")
LIMITS = ("role Guest: 5k tokens/day", "channel homework: 9k tokens/day")


class Server:
    """A server whose names are spoken of by limits, and by those who may govern."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        config = load(None, {})
        rules = replace(config.rules, base=policy(*LIMITS))
        discord = DiscordConfig(token="", admin_roles=("Teacher",))
        self.config = replace(config, rules=rules, discord=discord)

    async def names(self) -> Names:
        """As they are known after a start."""
        governing = Governing(self.store, FakeClock(), lambda: None)
        await governing.load(zone="UTC", week_start=0)
        return Names("discord", lambda: self.config, governing, str.isdecimal)


async def learned(server: Server, **roles: str) -> Names:
    names = await server.names()
    assert names.learn(HERE, "role", {id_[1:]: name for id_, name in roles.items()}) == []
    await names.write(HERE)
    return names


async def test_a_name_stays_with_its_id_also_after_a_restart() -> None:
    server = Server()
    await learned(server, r1="Teacher", r2="Guest")
    names = await learned(server, r1="Prof", r2="Guest", r3="Teacher")
    assert names.of(HERE, "role", "1", "Prof") == ("Teacher", "Prof")
    assert names.of(HERE, "role", "3", "Teacher") == ()
    assert names.of(HERE, "role", "2", "Guest") == ("Guest",)
    assert names.meant(HERE, "role", "Teacher") == "1"


async def test_a_name_of_two_is_nobodys_and_both_ids_are_told() -> None:
    names = await Server().names()
    told = names.learn(HERE, "role", {"1": "Teacher", "2": "Teacher", "3": "Guest"})
    assert [(name, ids) for name, ids in told] == [("Teacher", ("1", "2"))]
    assert names.of(HERE, "role", "1", "Teacher") == names.of(HERE, "role", "2", "Teacher") == ()
    assert names.meant(HERE, "role", "Teacher") == ""
    assert names.learn(HERE, "role", {"1": "Teacher", "2": "Prof"}) == []
    assert names.of(HERE, "role", "1", "Teacher") == ("Teacher",)


async def test_a_name_whose_owner_is_gone_is_free_again() -> None:
    server = Server()
    await learned(server, r1="Teacher")
    names = await learned(server, r3="Teacher")
    assert names.of(HERE, "role", "3", "Teacher") == ("Teacher",)
    trail = await server.store.audit_trail(HERE.key, 0, 9)
    assert [(row.before, row.after) for row in trail] == [("1", "3"), ("", "1")]


async def test_a_name_that_nobody_speaks_of_any_more_is_forgotten() -> None:
    server = Server()
    await learned(server, r1="Teacher")
    server.config = replace(server.config, discord=None)
    await learned(server, r1="Prof")
    server.config = replace(
        server.config, discord=DiscordConfig(token="", admin_roles=("Teacher",))
    )
    names = await learned(server, r1="Prof", r2="Teacher")
    assert names.meant(HERE, "role", "Teacher") == "2"


async def test_a_name_that_looks_like_an_id_is_no_name() -> None:
    names = await learned(Server(), r1="Teacher", r2="1")
    assert names.of(HERE, "role", "2", "1") == ()


async def test_a_channel_has_one_name() -> None:
    server = Server()
    names = await server.names()
    names.learn(HERE, "channel", {"7": "homework", "8": "chat"})
    assert names.one_of(HERE, "channel", "7", "physics") == "homework"
    assert names.one_of(HERE, "channel", "8", "chat") == "chat"
    assert names.one_of(HERE, "channel", "9", "homework") == "9"
    by_id = replace(server.config.rules, base=policy("channel 7: 9k tokens/day"))
    server.config = replace(server.config, rules=by_id)
    names.learn(HERE, "channel", {"7": "homework"})
    assert names.one_of(HERE, "channel", "7", "homework") == "7"


@pytest.mark.parametrize("kind", ["role", "channel"])
async def test_each_server_has_names_of_its_own(kind: str) -> None:
    names = await learned(Server(), r1="Teacher")
    elsewhere = Space("discord", "2")
    assert names.of(elsewhere, "role", "5", "Teacher") == ("Teacher",)
    assert names.meant(elsewhere, "role" if kind == "role" else "channel", "Teacher") is None
