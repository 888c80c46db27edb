"""The bench fills books by itself, past the moves: they must stay such as the moves would write."""

from pathlib import Path

from adapters.sqlite import SqliteStore
from tests.bench.books import Bench, make_books, people
from tests.fakes import MORNING


async def test_the_books_of_the_bench_agree_and_take_a_turn(tmp_path: Path) -> None:
    path, members = tmp_path / "books.db", people(3)
    await make_books(path, members, 20)

    store = await SqliteStore.open(path, now=MORNING)
    try:
        await Bench(store, members).turn(0, 1)

        assert await store.verify() == []
        assert len([entry async for entry in store.entries(0, None)]) == 21
    finally:
        await store.close()
