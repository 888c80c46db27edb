"""Whatever a program writes, and whenever, every id has one end and the books are right."""

import json
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.ports import Finished, TextDelta
from tests.console_kit import Json, Program, program
from tests.fakes import let_run
from tests.scripted import Gate, build, steps

IDS = st.sampled_from(["e1", "e2", "e3", "e4"])
TEXTS = st.sampled_from(["a", "b c", "/quota", "/stop", "/new", "/nonsense"])
ADMIN_TEXTS = st.sampled_from(
    ["/quota-admin grant @ana +100", "/quota-admin block @bo", "/quota-admin unblock @bo"]
)
SAID = st.fixed_dictionaries(
    {"id": IDS, "member": st.sampled_from(["ana", "bo"]), "text": TEXTS},
    optional={"space": st.sampled_from(["console", "other"])},
)
GOVERNED = st.fixed_dictionaries(
    {"id": IDS, "member": st.just("ada"), "text": ADMIN_TEXTS, "admin": st.just(True)}
)
STOPS = st.fixed_dictionaries({"id": IDS, "stop": st.just(True)})
BAD = st.sampled_from([{"id": "e1"}, {"id": 1}, {"id": "e2", "member": "ana", "text": 3}])
MOVES = st.one_of(SAID, SAID, SAID, GOVERNED, STOPS, BAD, st.just("wait"), st.just("answer"))


@dataclass
class Sent:
    """What a program has written so far: contents by event, in order."""

    events: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    bad: int = 0

    def note(self, line: Json) -> None:
        if "text" not in line or not isinstance(line["text"], str):
            self.bad += "stop" not in line
            return
        event = (line.get("space", "console"), line["id"])
        self.events.setdefault(event, []).append(line["text"])


@given(moves=st.lists(MOVES, max_size=12))
@example(moves=[{"id": "e1", "member": "ana", "text": "a"}, {"id": "e1", "stop": True}])
@settings(max_examples=150)
async def test_every_id_has_one_end(moves: list[Json | str]) -> None:
    gate, sent = Gate(), Sent()
    bot = build("everyone: 5k tokens/day", "everyone: 3 requests/day", output_max=100)
    bot.model.usual = steps(TextDelta("one"), gate, TextDelta(" two"), Finished("stop"))
    async with program(bot=bot) as it:
        for move in moves:
            if move == "answer":
                gate.release()
            if isinstance(move, str):
                await let_run()
            else:
                sent.note(move)
                it.write(json.dumps(move).encode() + b"\n")
        gate.release()
        await it.leave()
        check(it, sent)
        await bot.is_clean()


def check(it: Program, sent: Sent) -> None:
    """Each line with an id has one end; only the first line of an event is carried out."""
    bad = [line for line in it.heard if "id" not in line]
    assert len(bad) == sent.bad
    ids = {event_id for _, event_id in sent.events}
    assert {line["id"] for line in it.heard if "id" in line} == ids
    for event_id in ids:
        contents = [said for (_, id_), said in sent.events.items() if id_ == event_id]
        ends = it.ends(event_id)
        assert len(ends) == sum(map(len, contents))
        again = sum(is_repetition(end) for end in ends)
        assert again == len(ends) - len(contents)
        answers = [x["text"] for x in ends if x["event"] == "answer"]
        assert len(it.deltas(event_id)) == sum(map(len, answers))


def is_repetition(end: Json) -> bool:
    return end["event"] == "duplicate" or end.get("code") == "id_reused"
