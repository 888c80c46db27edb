"""Small parts of the Slack platform: who somebody is, what is fetched, what is kept."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError

from adapters.slack.files import FILES_MAX, TEXT_BYTES_MAX, take
from adapters.slack.http import Gate
from adapters.slack.installs import Installs
from adapters.slack.keep import Kept
from adapters.slack.leftover import LINES_MAX, Left, Leftover
from adapters.slack.people import COUNT_PAGES_MAX, People, Rights, is_id
from adapters.slack.workspace import Identity, Workspace, session
from bot.config import load
from bot.names import Names
from quota.clock import Clock, SystemClock
from quota.governing import Governing
from quota.members import Space
from quota.memory import MemoryStore
from tests.fakes import MINUTE, FakeClock
from tests.servers.slack.signing import signature


class Web:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.groups: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.error = ""

    async def usergroups_list(self, **more: Any) -> Any:
        return self._answer("groups", {"usergroups": self.groups})

    async def users_info(self, *, user: str, **more: Any) -> Any:
        return self._answer(user, {"user": {"id": user, **self.users.get(user, {})}})

    async def users_list(self, **more: Any) -> Any:
        meta = {"next_cursor": "more"}
        return self._answer("users", {"members": [{"id": "U1"}], "response_metadata": meta})

    async def users_conversations(self, **more: Any) -> Any:
        last = more["cursor"] == "2"
        found = [{"id": "C00000002", "name": "alerts"}] if last else []
        meta = {"next_cursor": "" if last else "2"}
        return self._answer("channels", {"channels": found, "response_metadata": meta})

    async def conversations_info(self, *, channel: str, **more: Any) -> Any:
        return self._answer(channel, {"channel": {"id": channel, "name": "general"}})

    def _answer(self, what: str, answer: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(what)
        if self.error:
            response: Any = {"error": self.error}
            raise SlackApiError(self.error, response)  # type: ignore[no-untyped-call]  # untyped
        return answer


def names_of_slack(clock: Clock) -> Names:
    config, governing = load(None, {}), Governing(MemoryStore(), clock, lambda: None)
    return Names("slack", lambda: config, governing, is_id)


def people(web: Web, clock: FakeClock | None = None, **rights: Any) -> People:
    clock = clock or FakeClock()
    return People(web, Space("slack", "T1"), lambda: Rights(**rights), clock, names_of_slack(clock))


GROUP = {"id": "S1", "handle": "helpers", "name": "The helpers", "users": ["U1"]}


async def test_a_group_is_a_role_by_each_of_its_names() -> None:
    web = Web()
    web.groups = [GROUP]
    known = people(web)
    await known.refresh()
    assert known.roles_of("U1") == ("helpers", "The helpers", "S1")
    assert known.roles_of("U2") == ()
    assert known.group_names == ("helpers",)


async def test_people_are_counted_by_a_bounded_number_of_calls() -> None:
    web = Web()
    assert await people(web).counted() == COUNT_PAGES_MAX == len(web.asked)
    web.error = "internal_error"
    assert await people(web).counted() is None


async def test_groups_stay_as_they_were_where_slack_stumbles() -> None:
    web = Web()
    web.groups = [GROUP]
    known = people(web)
    await known.refresh()
    web.error = "internal_error"
    await known.refresh()
    assert known.roles_of("U1")
    web.error = "plan_upgrade_required"
    await known.refresh()
    assert known.roles_of("U1") == ()


@pytest.mark.parametrize(
    ("rights", "is_admin", "is_staff"),
    [
        ({}, False, False),
        ({"admins": ("U1",)}, True, False),
        ({"admins": ("@helpers",)}, True, False),
        ({"staff": ("helpers",)}, False, True),
        ({"admins": ("@others", "U2")}, False, False),
        ({"workspace_admins": True}, True, False),
    ],
)
async def test_who_governs_is_what_the_config_says(
    rights: dict[str, Any], *, is_admin: bool, is_staff: bool
) -> None:
    web = Web()
    web.groups, web.users = [GROUP], {"U1": {"is_owner": True}}
    known = people(web, **rights)
    await known.refresh()
    found = await known.requester("U1", "C1", "general")
    assert (found.is_admin, found.is_staff) == (is_admin, is_staff)


async def test_nobody_governs_because_slack_did_not_answer() -> None:
    web = Web()
    web.error = "internal_error"
    found = await people(web, workspace_admins=True).requester("U1", "C1", "general")
    assert not found.is_admin


async def test_rights_are_asked_for_again_after_ten_minutes_or_a_change() -> None:
    web, clock = Web(), FakeClock()
    known = people(web, clock)
    await known.person("U1")
    await known.person("U1")
    known.forget("U1")
    await known.person("U1")
    clock.advance(10 * MINUTE)
    await known.person("U1")
    assert web.asked == ["U1", "U1", "U1"]


async def test_a_channel_is_known_by_the_name_that_an_event_tells() -> None:
    web = Web()
    known = people(web)
    assert (await known.requester("U1", "C1", "random")).channel == "random"
    assert (await known.requester("U1", "C1")).channel == "random"
    assert (await known.requester("U1", "C2")).channel == "general"
    assert (await known.requester("U1", "G3", "privategroup")).channel == "general"
    assert (await known.requester("U1", "D1", "directmessage")).channel == "direct"
    assert (await known.requester("U1")).channel == "direct"
    assert web.asked == ["C2", "G3"]


async def test_a_channel_is_found_by_name_on_any_page() -> None:
    known = people(Web())
    assert await known.channel_id("#alerts") == "C00000002"
    assert await known.channel_id("C012ABCDEF") == "C012ABCDEF"
    assert await known.channel_id("nowhere") == ""


# Files.


@pytest.fixture
async def files() -> AsyncIterator[tuple[Workspace, str]]:
    """A workspace, and a server that gives its file only for its token, or sends elsewhere."""
    seen: list[str] = []

    async def give(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        if request.path == "/elsewhere":
            raise web.HTTPFound("/a")
        if request.headers.get("Authorization") != "Bearer xoxb-1":
            return web.Response(status=403)
        return web.Response(body=b"x" * (TEXT_BYTES_MAX + 1) if request.path == "/big" else b"hi")

    app = web.Application()
    app.router.add_get("/{name}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with session() as connections:
        who = Identity("T1", "U0", "B0", "xoxb-1")
        clock = SystemClock()
        names = names_of_slack(clock)
        yield Workspace.of(who, Rights, names, clock, f"{base}/api", connections), base
    await runner.cleanup()


async def test_a_text_is_fetched_with_the_token(files: tuple[Workspace, str]) -> None:
    workspace, base = files
    file = {"name": "a.txt", "mimetype": "text/plain", "size": 2, "url_private": f"{base}/a"}
    taken = await take(workspace, [file], workspace.words)
    assert [(text.name, text.text) for text in taken.texts] == [("a.txt", "hi")]


@pytest.mark.parametrize(
    "changes",
    [
        {"url_private": "https://evil.example/a"},
        {"url_private": "https://slack.com.evil.example/a"},
        {"url_private": "http://files.slack.com/a"},
        {"url_private": ""},
        {"url_private": "BASE/elsewhere"},
        {"url_private": "BASE/big"},
        {"size": TEXT_BYTES_MAX + 1},
        {"mimetype": "video/mp4"},
    ],
)
async def test_what_is_not_fetched_is_named_and_the_token_goes_to_slack_alone(
    files: tuple[Workspace, str], changes: dict[str, Any]
) -> None:
    workspace, base = files
    file = {"name": "a.txt", "mimetype": "text/plain", "size": 2, "url_private": f"{base}/a"}
    file |= {k: v.replace("BASE", base) if isinstance(v, str) else v for k, v in changes.items()}
    taken = await take(workspace, [file], workspace.words)
    assert taken.texts == ()
    assert [name for name, _ in taken.left_out] == ["a.txt"]


async def test_more_files_than_are_read_are_named(files: tuple[Workspace, str]) -> None:
    workspace, base = files
    file = {"name": "a.txt", "mimetype": "text/plain", "size": 2, "url_private": f"{base}/a"}
    taken = await take(workspace, [file] * (FILES_MAX + 2), workspace.words)
    assert (len(taken.texts), len(taken.left_out)) == (FILES_MAX, 2)


# The gate.

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def test_the_gate_lets_a_signed_request_in_once() -> None:
    clock = FakeClock()
    gate, stamp = Gate(SECRET, clock), str(clock.now() // 1_000)
    signed = signature(SECRET, stamp, "body")
    assert gate.lets_in(b"body", stamp, signed)
    assert not gate.lets_in(b"body", stamp, signed)
    assert not gate.lets_in(b"other", stamp, signed)


@pytest.mark.parametrize("off_s", [-301, 301])
def test_the_gate_lets_nothing_in_that_is_old_or_of_the_future(off_s: int) -> None:
    clock = FakeClock()
    stamp = str(clock.now() // 1_000 + off_s)
    assert not Gate(SECRET, clock).lets_in(b"body", stamp, signature(SECRET, stamp, "body"))


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1e9", "١٢٣"])
def test_the_gate_takes_no_stamp_that_is_no_number(stamp: str) -> None:
    signed = signature(SECRET, stamp, "body")
    assert not Gate(SECRET, FakeClock()).lets_in(b"body", stamp, signed)


def test_a_request_is_remembered_as_long_as_its_signature_is_good() -> None:
    clock = FakeClock()
    gate, stamp = Gate(SECRET, clock), str(clock.now() // 1_000 + 300)
    signed = signature(SECRET, stamp, "body")
    assert gate.lets_in(b"body", stamp, signed)
    clock.advance(10 * MINUTE)
    assert not gate.lets_in(b"body", stamp, signed)


# What is kept.


def test_installations_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "books.db.slack.json"
    kept = Installs(path)
    assert kept.all == ()
    kept.put(Identity("T1", "U1", "B1", "xoxb-1", "Acme"))
    kept.put(Identity("T2", "U2", "B2", "xoxb-2", "Globex"))
    kept.put(Identity("T1", "U1", "B1", "xoxb-3", "Acme"))
    kept.drop("T2")
    kept.drop("T9")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [who.token for who in Installs(path).all] == ["xoxb-3"]
    assert "xoxb" not in repr(kept.all)


def test_what_was_left_is_read_by_the_next_process_until_it_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "running"
    one, two = Left("T1", "C1", "1.1", "C1:1.1"), Left("T1", "C1", "1.2", "C1:1.2")
    first = Leftover(path)
    first.begin("a", one)
    first.begin("b", two)
    first.end("b")
    second = Leftover(path)
    assert second.left == {"a": one}
    second.begin("c", two)
    assert Leftover(path).left == {"a": one, "c": two}
    second.settled("a")
    second.end("c")
    assert Leftover(path).left == {}


def test_what_has_ended_is_forgotten_from_time_to_time(tmp_path: Path) -> None:
    path = tmp_path / "running"
    left, running = Left("T1", "C1", "1.1", "C1:1.1"), Left("T1", "C1", "1.2", "C1:1.2")
    Leftover(path).begin("a", left)
    now = Leftover(path)
    now.begin("b", running)
    for number in range(LINES_MAX):
        now.begin(str(number), left)
        now.end(str(number))
    assert len(path.read_text(encoding="utf-8").splitlines()) < LINES_MAX
    assert Leftover(path).left == {"a": left, "b": running}


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "running"
    left = Left("T1", "C1", "1.1", "C1:1.1")
    Leftover(path).begin("a", left)
    with path.open("a", encoding="utf-8") as file:
        file.write('["b", "T1", "C')
    Leftover(path).begin("c", left)
    assert Leftover(path).left == {"a": left, "c": left}


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", "[[1]]", '["a", "T1"]', "nonsense"])
def test_a_spoilt_file_costs_a_status_and_not_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "running"
    path.write_text(text, encoding="utf-8")
    assert Leftover(path).left == {}


def test_memory_is_bounded_in_time_and_in_number() -> None:
    clock = FakeClock()
    kept: Kept[str, int] = Kept(clock, MINUTE, 2)
    assert kept.first("a", 1)
    assert not kept.first("a", 1)
    kept.put("b", 2)
    kept.put("c", 3)
    assert kept.keys() == ["b", "c"]
    clock.advance(MINUTE)
    assert kept.get("c") is None
    assert kept.first("c", 4)
    assert json.dumps(kept.keys()) == '["c"]'
