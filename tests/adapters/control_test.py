import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.control import Answer, ControlServer, hand_over, socket_path
from quota.errors import StoreUnavailableError

ORDER = {"verb": "grant", "actor": "cli:root", "args": {"member": "ana", "amount": "5k"}}


class Desk:
    """Takes orders and remembers them."""

    def __init__(self) -> None:
        self.orders: list[Answer] = []
        self.answer: Answer = {"code": 0, "text": "done", "data": {}}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.taken = asyncio.Event()

    async def __call__(self, order: Answer) -> Answer:
        self.orders.append(order)
        self.taken.set()
        await self.may_answer.wait()
        return self.answer


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "quotabot.db"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(database: Path, desk: Desk) -> AsyncIterator[ControlServer]:
    running = ControlServer(database, desk)
    await running.start()
    yield running
    await running.close()


@pytest.mark.usefixtures("server")
async def test_an_order_goes_there_and_its_answer_comes_back(database: Path, desk: Desk) -> None:
    assert await hand_over(database, ORDER) == desk.answer
    assert desk.orders == [ORDER]


@pytest.mark.usefixtures("server")
async def test_many_orders_at_once_are_each_answered(database: Path, desk: Desk) -> None:
    answers = await asyncio.gather(*(hand_over(database, ORDER) for _ in range(50)))
    assert answers == [desk.answer] * 50
    assert len(desk.orders) == 50


async def test_where_no_bot_runs_nobody_takes_the_order(database: Path) -> None:
    assert await hand_over(database, ORDER) is None


async def test_a_bot_that_has_stopped_takes_no_order_and_leaves_no_socket(
    database: Path, server: ControlServer
) -> None:
    await server.close()
    assert not socket_path(database).exists()
    assert await hand_over(database, ORDER) is None


def leave_a_socket(path: Path) -> None:
    """As a process that was killed leaves it."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))


async def test_a_socket_that_a_dead_bot_left_is_nobody(database: Path) -> None:
    leave_a_socket(socket_path(database))
    assert await hand_over(database, ORDER) is None


async def test_a_socket_that_a_dead_bot_left_is_replaced(database: Path, desk: Desk) -> None:
    leave_a_socket(socket_path(database))
    server = ControlServer(database, desk)
    await server.start()
    assert await hand_over(database, ORDER) == desk.answer
    await server.close()


@pytest.mark.usefixtures("server")
def test_only_the_owner_may_give_orders(database: Path) -> None:
    mode = socket_path(database).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b'"x"\n', b"\xff\n", b"\n", b"half"])
async def test_what_is_no_order_is_not_carried_out(database: Path, desk: Desk, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_path(database))
    writer.write(line)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert desk.orders == []
    assert await hand_over(database, ORDER) == desk.answer


@pytest.mark.usefixtures("server")
async def test_a_line_without_end_is_not_read_without_end(database: Path, desk: Desk) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_path(database))
    writer.write(b"x" * (3 << 20))
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert desk.orders == []


@pytest.mark.usefixtures("server")
async def test_an_answer_that_is_nonsense_is_trouble(database: Path, desk: Desk) -> None:
    desk.answer = json.loads('"x"')
    with pytest.raises(StoreUnavailableError, match="did not answer"):
        await hand_over(database, ORDER)


async def test_closing_waits_for_an_order_that_is_being_carried_out(
    database: Path, server: ControlServer, desk: Desk
) -> None:
    desk.may_answer.clear()
    asking = asyncio.create_task(hand_over(database, ORDER))
    await desk.taken.wait()
    closing = asyncio.create_task(server.close())
    desk.may_answer.set()
    await closing
    assert await asking == desk.answer


async def test_a_long_path_has_its_socket_under_a_short_name_in_a_private_folder(
    tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    database = tmp_path / ("d" * 100) / "quotabot.db"
    database.parent.mkdir()
    path = socket_path(database)
    assert path.parent.parent == tmp_path
    server = ControlServer(database, desk)
    await server.start()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert await hand_over(database, ORDER) == desk.answer
    await server.close()


def test_two_databases_with_long_paths_have_two_sockets(tmp_path: Path) -> None:
    paths = {socket_path(tmp_path / ("d" * 100) / name) for name in ("a.db", "b.db")}
    assert len(paths) == 2


async def test_a_folder_that_others_may_enter_is_not_used(
    tmp_path: Path,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    database = tmp_path / ("d" * 100) / "quotabot.db"
    database.parent.mkdir()
    folder = socket_path(database).parent
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    server = ControlServer(database, desk)
    await server.start()
    assert "no orders can be taken" in caplog.text
    assert list(folder.iterdir()) == []
    await server.close()


async def test_a_way_that_is_barred_is_told_with_its_remedy() -> None:
    # A path below a file gives another error than a missing one.
    with pytest.raises(StoreUnavailableError, match="as the user that the bot runs as"):
        await hand_over(Path(__file__) / "quotabot.db", ORDER)
