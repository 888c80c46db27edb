"""`chat --json`: one object per line in and out, any number of turns at once."""

import asyncio
import json
from typing import Any

import pytest

from bot.ports import Finished, TextDelta
from quota.errors import StoreUnavailableError
from quota.units import Rates
from tests.console_kit import Json, program
from tests.scripted import Gate, build, says, stepping_of, steps, until

BALANCE_KEYS = ["limit", "unit", "granted", "used", "held", "left", "opens_at"]


async def test_an_answer_comes_as_deltas_and_one_end() -> None:
    async with program("everyone: 20k tokens/day") as it:
        end = await it.ask(text="hello there")
        assert it.deltas() == end["text"] == "w1 w2 w3 w4 w5 w6 w7 w8"
        assert end == {
            "id": "e1",
            "event": "answer",
            "text": "w1 w2 w3 w4 w5 w6 w7 w8",
            "tokens": {"input": 9, "cached": 0, "output": 8, "source": "provider"},
            "credits": None,
            "balances": [
                {
                    "limit": "everyone: 20k tokens/day",
                    "unit": "tokens",
                    "granted": 20_000,
                    "used": 17,
                    "held": 0,
                    "left": 19_983,
                    "opens_at": "2026-06-02T00:00:00Z",
                }
            ],
            "notices": [],
            "finish": "stop",
        }
        assert list(end["balances"][0]) == BALANCE_KEYS


async def test_credits_are_told_where_there_is_a_price() -> None:
    priced = build("everyone: $1/day", rates=Rates(1_000_000, 0, 2_000_000, 0))
    async with program(bot=priced) as it:
        end = await it.ask()
        assert end["credits"] == 25
        assert end["balances"][0]["unit"] == "credits"


async def test_what_waits_for_a_word_of_its_asker_is_sent_with_it() -> None:
    async with program("everyone: 20k tokens/day") as it:
        await it.ask(id="c1", text="/quota confirm 100 tokens")
        refused = await it.ask(id="e1", text="hello there")
        assert (refused["event"], refused["reason"]) == ("refused", "unconfirmed")
        assert refused["needed"] == 409
        assert it.bot.model.calls == []
        it.send(id="e1", text="hello there")
        assert (await it.hear())["event"] == "duplicate"
        answer = await it.ask(id="e2", text="hello there", confirmed=True)
        assert (answer["event"], answer["balances"][0]["used"]) == ("answer", 17)


async def test_a_crossed_threshold_is_told() -> None:
    async with program("everyone: 100 tokens/day") as it:
        it.bot.model.next(says(70))
        end = await it.ask(text="a")
        limit = "everyone: 100 tokens/day"
        assert end["notices"] == [{"limit": limit, "threshold": 75, "left": 22}]


async def test_a_balance_is_told_exactly_with_what_is_missing_to_full() -> None:
    async with program("balance: start=$0.50 refill=$0.10/day up to $1") as it:
        (told,) = (await it.ask(text="/quota"))["balances"]
        assert told == {
            "limit": "everyone: $0.50 at first, $0.10/day up to $1 (balance)",
            "unit": "credits",
            "granted": 1_000_000,
            "used": 500_000,
            "held": 0,
            "left": 500_000,
            "opens_at": "2026-06-02T00:00:00Z",
            "balance": 500_000,
            "overdraft": 0,
        }


async def test_a_refusal_names_the_limit_and_when_it_opens() -> None:
    async with program("everyone: 1 request/day") as it:
        await it.ask(id="e1")
        end = await it.ask(id="e2")
        assert end == {
            "id": "e2",
            "event": "refused",
            "reason": "period_used",
            "limit": "everyone: 1 request/day",
            "needed": 1,
            "left": 0,
            "opens_at": "2026-06-02T00:00:00Z",
            "text": end["text"],
        }
        assert "2026-06-02 00:00 UTC" in end["text"]


async def test_a_message_beyond_the_longest_is_refused_by_name() -> None:
    async with program("everyone: 20k tokens/day") as it:
        end = await it.ask(text="a" * 32_001)
        assert (end["event"], end["reason"]) == ("refused", "too_large")
        assert (end["limit"], end["needed"]) == ("input_chars_max", 32_001)
        assert it.bot.model.calls == []


async def test_an_unknown_model_is_bad_input_of_that_id() -> None:
    async with program() as it:
        end = await it.ask(model="gpt-17")
        assert (end["event"], end["code"]) == ("error", "bad_input")
        assert "gpt-17" in end["text"]


async def test_the_model_that_is_named_answers() -> None:
    async with program() as it:
        end = await it.ask(model="small")
        assert end["event"] == "answer"


BAD: list[tuple[bytes, str]] = [
    (b"hello", "not JSON"),
    (b"{", "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": "a"} x', "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": "a\x01"}', "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": NaN}', "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": -Infinity}', "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": ' + b"1" * 5_000 + b"}", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"id": "e1", "member": "ana", "text": "\xff"}', "UTF-8"),
    (b'{"id": "e1", "member": "ana", "text": "\xed\xa0\x80"}', "UTF-8"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b'["id"]', "no object"),
    (b'"id"', "no object"),
    (b"null", "no object"),
    (b"1", "no object"),
    (b"{}", "'id' is missing"),
    (b'{"member": "ana", "text": "a"}', "'id' is missing"),
    (b'{"id": "e1", "text": "a"}', "'member' is missing"),
    (b'{"id": "e1", "member": "ana"}', "'text' is missing"),
    (b'{"id": "", "member": "ana", "text": "a"}', "'id' is empty"),
    (b'{"id": "e1", "member": "", "text": "a"}', "'member' is empty"),
    (b'{"id": "e1", "member": "ana", "text": ""}', "'text' is empty"),
    (b'{"id": 1, "member": "ana", "text": "a"}', "'id' must be a string"),
    (b'{"id": true, "member": "ana", "text": "a"}', "'id' must be a string"),
    (b'{"id": null, "member": "ana", "text": "a"}', "'id' must be a string"),
    (b'{"id": ["e1"], "member": "ana", "text": "a"}', "'id' must be a string"),
    (b'{"id": "e1", "member": true, "text": "a"}', "'member' must be a string"),
    (b'{"id": "e1", "member": "ana", "text": 5}', "'text' must be a string"),
    (b'{"id": "e1", "member": "ana", "text": {"a": "b"}}', "'text' must be a string"),
    (b'{"id": "e1", "member": "ana", "text": "a", "roles": "x"}', "a list of strings"),
    (b'{"id": "e1", "member": "ana", "text": "a", "roles": [1]}', "a list of strings"),
    (b'{"id": "e1", "member": "ana", "text": "a", "roles": [true]}', "a list of strings"),
    (b'{"id": "e1", "member": "ana", "text": "a", "roles": null}', "a list of strings"),
    (b'{"id": "e1", "member": "ana", "text": "a", "admin": 1}', "true or false"),
    (b'{"id": "e1", "member": "ana", "text": "a", "admin": "yes"}', "true or false"),
    (b'{"id": "e1", "member": "ana", "text": "a", "channel": 1}', "'channel' must be"),
    (b'{"id": "e1", "member": "ana", "text": "a", "space": false}', "'space' must be"),
    (b'{"id": "e1", "member": "ana", "text": "a", "model": null}', "'model' must be"),
    (b'{"id": "e1", "member": "ana", "text": "a", "thread": 0}', "'thread' must be"),
    (b'{"id": "e1", "member": "ana", "text": "a", "user": "x"}', "no key 'user'"),
    (b'{"id": "e1", "member": "ana", "text": "a", "Text": "x"}', "no key 'Text'"),
    (b'{"id": "e1", "id": "e2", "member": "ana", "text": "a"}', "'id' is given twice"),
    (b'{"id": "\\ud800", "member": "ana", "text": "a"}', "half a character"),
    (b'{"id": "e1", "member": "\\udfff", "text": "a"}', "half a character"),
    (b'{"id": "e1", "member": "ana", "text": "a", "roles": ["\\ud800"]}', "half a character"),
    (b'{"stop": true}', "'id' is missing"),
    (b'{"id": "", "stop": true}', "'id' is empty"),
    (b'{"id": 7, "stop": true}', "'id' must be a string"),
    (b'{"id": "e1", "stop": "yes"}', "true or false"),
    (b'{"id": "e1", "stop": 1}', "true or false"),
    (b'{"id": "e1", "stop": true, "now": true}', "no key 'now'"),
    (b'{"id": "e1", "stop": false}', "'member' is missing"),
]


@pytest.mark.parametrize(("line", "what"), BAD)
async def test_a_line_that_is_not_valid_is_bad_input(line: bytes, what: str) -> None:
    async with program("everyone: 20k tokens/day") as it:
        before = await it.bot.ledger()
        it.input.write(line + b"\n")
        heard = await it.hear()
        assert heard == {
            "event": "error",
            "code": "bad_input",
            "line": 1,
            "text": heard["text"],
        }
        assert what in heard["text"]
        assert len(heard["text"]) <= 300
        assert await it.leave() == [heard]
        assert it.bot.model.calls == []
        assert await it.bot.ledger() == before


async def test_a_bad_line_leaves_its_id_free_and_the_others_alone() -> None:
    async with program("everyone: 20k tokens/day") as it:
        it.write(b'{"id": "e1", "member": "ana", "text": "a", "admin": "no"}\n')
        assert (await it.ask(id="e1"))["event"] == "answer"


async def test_lines_are_counted_from_one_with_the_blank_ones() -> None:
    async with program() as it:
        it.write(b"\n  \t \r\nbad\n\n{}\r\nbad")
        heard = await it.leave()
        assert [line["line"] for line in heard] == [3, 5, 6]


@pytest.mark.parametrize("size", [1_048_577, 1_048_578, 3_000_000])
async def test_a_line_of_more_than_a_mebibyte_is_bad_input(size: int) -> None:
    async with program("everyone: 20k tokens/day") as it:
        feeding = asyncio.to_thread(it.input.write, b"\n" + b"a" * size + b"\n")
        await asyncio.gather(feeding, it.hear())
        assert (it.heard[0]["code"], it.heard[0]["line"]) == ("bad_input", 2)
        assert "1,048,576 bytes" in it.heard[0]["text"]
        assert (await it.ask())["event"] == "answer"


async def test_a_line_of_a_mebibyte_is_read() -> None:
    async with program("everyone: 20k tokens/day") as it:
        line = json.dumps({"id": "e1", "member": "ana", "text": "a" * 1_048_576})[:-2]
        line = line[: 1_048_576 - 2] + '"}'
        assert len(line) == 1_048_576
        await asyncio.to_thread(it.input.write, line.encode() + b"\r\n")
        assert (await it.end_of())["reason"] == "too_large"


async def test_a_last_line_needs_no_end() -> None:
    async with program() as it:
        it.write(b'{"id": "e1", "member": "ana", "text": "a"}')
        assert [line["event"] for line in await it.leave()][-1] == "answer"


# The same event again.


async def test_the_same_id_again_is_a_duplicate() -> None:
    async with program("everyone: 20k tokens/day") as it:
        first = await it.ask()
        it.send()
        assert await it.hear() == {"id": "e1", "event": "duplicate"}
        assert first["balances"][0]["used"] == 17
        assert len(it.bot.model.calls) == 1


async def test_the_same_id_while_it_runs_is_a_duplicate() -> None:
    async with program() as it:
        gate = Gate()
        it.bot.model.next(steps(gate, TextDelta("late")))
        it.send()
        await gate.reached()
        it.send()
        assert await it.hear() == {"id": "e1", "event": "duplicate"}
        gate.release()
        heard = await it.leave()
        assert [line["event"] for line in heard] == ["duplicate", "delta", "answer"]


@pytest.mark.parametrize(
    "other",
    [{"text": "else"}, {"member": "bo"}, {"channel": "x"}, {"thread": "t"}, {"text": "/quota"}],
)
@pytest.mark.parametrize("running", [True, False])
async def test_the_same_id_with_other_content_is_an_error(other: Json, running: bool) -> None:
    async with program("everyone: 20k tokens/day") as it:
        gate = Gate()
        it.bot.model.next(steps(gate, TextDelta("late")))
        it.send()
        await gate.reached()
        if not running:
            gate.release()
            await it.end_of()
        it.send(**other)
        heard = await it.hear()
        assert (heard["event"], heard["code"]) == ("error", "id_reused")
        gate.release()


async def test_the_same_id_in_another_space_is_another_event() -> None:
    async with program("everyone: 1 request/day") as it:
        it.send(space="one")
        it.send(space="two")
        await it.leave()
        assert [end["event"] for end in it.ends("e1")] == ["answer", "answer"]


async def test_a_refused_id_stays_refused() -> None:
    async with program("everyone: 1 request/day") as it:
        await it.ask(id="e1")
        await it.ask(id="e2")
        it.send(id="e2")
        assert (await it.hear())["event"] == "duplicate"


async def test_a_command_runs_once() -> None:
    async with program("everyone: 20k tokens/day") as it:
        grant = {"text": "/quota-admin grant @bo +5k", "admin": True}
        assert (await it.ask(id="e1", **grant))["panel"]["title"] == "Granted"
        it.send(id="e1", **grant)
        assert await it.hear() == {"id": "e1", "event": "duplicate"}
        it.send(id="e1", text="/quota-admin grant @bo +6k", admin=True)
        assert (await it.hear())["code"] == "id_reused"
        quota = await it.ask(id="e2", member="bo", text="/quota")
        assert quota["balances"][0]["granted"] == 25_000


# Stopping.


async def test_a_stop_ends_the_turn_and_charges_what_came() -> None:
    async with program("everyone: 20k tokens/day") as it:
        gate = Gate()
        it.bot.model.next(steps(TextDelta("one"), TextDelta(" two"), gate, TextDelta(" three")))
        it.send()
        await gate.reached()
        it.send(id="e1", stop=True)
        end = await it.end_of()
        assert (end["finish"], end["text"]) == ("stopped", "one two")
        assert end["tokens"] == {"input": 9, "cached": 0, "output": 2, "source": "counted"}
        assert end["balances"][0]["used"] == 11


async def test_a_stop_on_the_very_next_line_finds_its_turn() -> None:
    async with program("everyone: 20k tokens/day") as it:
        ask = {"id": "e1", "member": "ana", "text": "a"}
        it.write(json.dumps(ask).encode() + b'\n{"id": "e1", "stop": true}\n')
        end = await it.end_of()
        assert (end["event"], end["finish"]) == ("answer", "stopped")
        assert end["balances"][0]["limit"] == "everyone: 20k tokens/day"
        assert it.bot.model.calls == []


async def test_a_stop_finds_a_turn_that_waits_in_line() -> None:
    async with program() as it:
        gate = Gate()
        it.bot.model.next(steps(gate, TextDelta("late"), Finished("stop")))
        it.send(id="e1")
        await gate.reached()
        it.send(id="e2")
        it.send(id="e2", stop=True)
        assert (await it.end_of("e2"))["finish"] == "stopped"
        gate.release()
        assert (await it.end_of("e1"))["finish"] == "stop"


async def test_a_stop_for_an_unknown_or_ended_id_does_nothing() -> None:
    async with program() as it:
        it.send(id="e9", stop=True)
        await it.ask(id="e1")
        it.send(id="e1", stop=True)
        await it.ask(id="e2")
        heard = await it.leave()
        assert [x["id"] for x in heard if x["event"] != "delta"] == ["e1", "e2"]


async def test_a_stop_that_names_a_space_stops_only_there() -> None:
    async with program() as it:
        gates = [Gate(), Gate()]
        for gate in gates:
            it.bot.model.next(steps(gate, TextDelta("late"), Finished("stop")))
        it.send(space="one")
        await gates[0].reached()
        it.send(space="two")
        await gates[1].reached()
        it.send(id="e1", stop=True, space="two")
        assert (await it.end_of())["finish"] == "stopped"
        gates[0].release()
        await it.leave()
        assert [end["finish"] for end in it.ends("e1")] == ["stopped", "stop"]


# Commands.


async def test_quota_is_a_panel_with_balances() -> None:
    async with program("everyone: 20k tokens/day", "space: 2M tokens/day") as it:
        await it.ask(id="e1")
        end = await it.ask(id="e2", text="/quota")
        assert list(end) == ["id", "event", "panel", "balances", "text"]
        assert end["event"] == "panel"
        assert list(end["panel"]) == ["title", "tone", "lines", "gauges", "table", "footer"]
        assert [b["limit"] for b in end["balances"]] == [
            "everyone: 20k tokens/day",
            "space: 2M tokens/day",
        ]
        assert [b["used"] for b in end["balances"]] == [17, 17]
        assert list(end["balances"][0]) == BALANCE_KEYS
        assert "17 / 20,000 tokens" in end["text"]


async def test_unlimited_is_null() -> None:
    async with program("everyone: 20k tokens/day", "role Mod: unlimited") as it:
        end = await it.ask(text="/quota", roles=["Mod"])
        assert end["balances"][0]["granted"] is end["balances"][0]["left"] is None


async def test_a_command_holds_from_the_next_line_on() -> None:
    async with program("everyone: 20k tokens/day") as it:
        rule = "/quota-admin limit set 1 requests per day for @bo"
        it.send(id="e1", text=rule, admin=True)
        it.send(id="e2", member="bo")
        it.send(id="e3", member="bo", text="once more")
        heard = await it.leave()
        ends = [line["event"] for line in heard if line["event"] != "delta"]
        assert sorted(ends) == ["answer", "panel", "refused"]


@pytest.mark.parametrize("text", ["/", "/nonsense", "/quota nonsense", "/quota-admin", "/ quota"])
async def test_what_is_no_command_costs_nothing(text: str) -> None:
    async with program("everyone: 20k tokens/day") as it:
        assert (await it.ask(text=text))["event"] == "panel"
        assert it.bot.model.calls == []


async def test_a_plain_member_governs_nothing() -> None:
    async with program("everyone: 20k tokens/day") as it:
        end = await it.ask(text="/quota-admin pause")
        assert end["panel"]["title"] == "Not allowed"
        assert (await it.ask(id="e2"))["event"] == "answer"


async def test_a_table_comes_with_its_columns() -> None:
    async with program("everyone: 20k tokens/day") as it:
        end = await it.ask(text="/quota-admin limit list", admin=True)
        assert end["panel"]["table"]["columns"] == ["rule", "amount", "kind", "set in"]


async def test_an_admin_speaks_of_somebody_who_was_seen_with_roles() -> None:
    async with program("everyone: 1k tokens/day", "role Fan: 9k tokens/day") as it:
        await it.ask(id="e1", member="bo", roles=["Fan"])
        end = await it.ask(id="e2", text="/quota-admin explain @bo", admin=True)
        assert end["balances"][0]["granted"] == 9_000


# When something breaks.


async def test_a_command_without_a_store_says_so() -> None:
    async with program("everyone: 20k tokens/day") as it:
        stepping_of(it.bot).down["accept"] = StoreUnavailableError()
        end = await it.ask(text="/quota")
        assert (end["event"], end["code"]) == ("error", "store")


async def test_an_ask_without_a_store_is_refused() -> None:
    async with program("everyone: 20k tokens/day") as it:
        stepping_of(it.bot).down["reserve"] = StoreUnavailableError()
        end = await it.ask()
        assert (end["event"], end["reason"], end["limit"]) == (
            "refused",
            "store_unavailable",
            None,
        )


@pytest.mark.parametrize("verb", ["accept", "balances"])
async def test_a_command_that_breaks_is_told_and_the_next_one_works(
    verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with program("everyone: 20k tokens/day") as it:
        stepping_of(it.bot).down[verb] = ZeroDivisionError("secret detail")
        end = await it.ask(id="e1", text="/quota")
        assert (end["event"], end["code"]) == ("error", "internal")
        assert "secret detail" not in end["text"]
        assert "secret detail" in caplog.text
        stepping_of(it.bot).down.clear()
        assert (await it.ask(id="e2", text="/quota"))["event"] == "panel"


async def test_an_ask_that_breaks_has_one_end(caplog: pytest.LogCaptureFixture) -> None:
    async with program("everyone: 20k tokens/day") as it:
        stepping_of(it.bot).down["reserve"] = ZeroDivisionError("secret detail")
        it.send()
        (end,) = await it.leave()
        assert (end["event"], end["code"]) == ("error", "internal")
        assert "secret detail" not in end["text"]


async def test_an_answer_is_told_also_where_its_balances_cannot_be_read() -> None:
    async with program() as it:
        stepping_of(it.bot).down["balances"] = StoreUnavailableError()
        end = await it.ask()
        assert (end["event"], end["balances"]) == ("answer", [])


async def test_an_end_that_cannot_be_told_is_an_internal_error() -> None:
    async with program() as it:
        stepping_of(it.bot).down["balances"] = ZeroDivisionError("secret detail")
        end = await it.ask()
        assert (end["event"], end["code"]) == ("error", "internal")


async def test_who_reads_slowly_gets_fewer_and_longer_deltas() -> None:
    async with program() as it:
        gate = Gate()
        it.bot.model.usual = steps(TextDelta("x" * 1_200_000), gate, *map(TextDelta, "abc"))
        with it.busy():
            it.send()
            await gate.reached()
            gate.release()
            await until(lambda: not it.bot.chat.running)
        heard = await it.leave()
        assert [line["text"][-3:] for line in heard if line["event"] == "delta"] == ["xxx", "abc"]
        assert it.deltas() == heard[-1]["text"]


async def test_a_remark_goes_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with program() as it:
        gate = Gate()
        it.bot.model.next(steps(gate, TextDelta("late")))
        it.send(id="e1")
        await gate.reached()
        it.send(id="e2")
        await until(lambda: "e2: You have an answer running" in caplog.text)
        gate.release()
        assert {line["event"] for line in await it.leave()} == {"delta", "answer"}


# Beginning and end.


async def test_the_end_of_input_lets_running_turns_finish() -> None:
    async with program() as it:
        gate = Gate()
        it.bot.model.next(steps(gate, TextDelta("late")))
        it.send()
        await gate.reached()
        it.input.close()
        gate.release()
        assert [line["event"] for line in await it.leave()] == ["delta", "answer"]
        await it.bot.is_clean()


async def test_no_input_is_no_output() -> None:
    async with program() as it:
        assert await it.leave() == []


async def test_when_nobody_reads_running_turns_are_stopped_and_settled() -> None:
    async with program("everyone: 20k tokens/day") as it:
        gate = Gate()
        it.bot.model.next(steps(TextDelta("one"), gate, TextDelta(" two")))
        it.send()
        await gate.reached()
        await it.hear()
        it.deafen()
        it.send(id="e2", member="bo", text="/quota")
        await it.work
        assert (await it.bot.balance()).used == 10
        await it.bot.is_clean()


async def test_when_stopped_from_outside_every_turn_is_told_its_end() -> None:
    async with program("everyone: 20k tokens/day") as it:
        gate = Gate()
        it.bot.model.next(steps(TextDelta("one"), gate, TextDelta(" two")))
        it.send()
        await gate.reached()
        it.work.cancel()
        end = await it.end_of()
        assert (end["event"], end["finish"], end["text"]) == ("answer", "cut", "one")
        await asyncio.wait((it.work,))
        assert it.work.cancelled()
        assert (await it.bot.balance()).used == 10
        await it.bot.is_clean()


async def test_many_turns_run_at_once() -> None:
    async with program("everyone: 20k tokens/day") as it:
        gate = Gate()
        it.bot.model.usual = steps(gate, TextDelta("together"))
        for number in range(100):
            it.send(id=f"e{number}", member=f"m{number}")
        await gate.reached(100)
        assert it.bot.model.open == 100
        gate.release()
        await it.leave()
        for number in range(100):
            (end,) = it.ends(f"e{number}")
            assert end["text"] == "together"


async def test_whatever_is_said_each_line_is_ascii_json() -> None:
    async with program() as it:
        it.bot.model.next(steps(TextDelta("\u2028line\x85 \x1b[31mé\n\ud83d")))
        end = await it.ask(id="é\u2028", text="\ud83d")
        assert end["text"] == "\u2028line\x85 \x1b[31mé\n\ud83d"
        await it.leave()
        assert it.raw.isascii()
        assert it.raw.count(b"\n") == len(it.raw.splitlines()) == 2


async def test_a_program_may_write_everything_before_it_reads_anything() -> None:
    async with program() as it:
        it.bot.model.usual = says(20)
        asks = [
            json.dumps({"id": f"e{n}", "member": f"m{n}", "text": "a " * 600}) for n in range(200)
        ]
        await asyncio.to_thread(_write_all, it.input, "\n".join(asks).encode())
        await it.leave()
        assert all(len(it.ends(f"e{n}")) == 1 for n in range(200))
        assert it.deltas("e7") == it.ends("e7")[0]["text"]


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
