"""What Slack tells twice is done once, also where the bot was restarted in between."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.slack_kit import OnSlack, free_port, on_slack, our_app, press
from tests.servers.slack import Slack
from tests.servers.slack.signing import HttpSender

SETTINGS = 'admins = ["@quota-admins"]\nalert_channel = "quota-alerts"'
HTTP = 'bot_token_env = "SLACK_BOT_TOKEN"\nsigning_secret_env = "SLACK_SIGNING_SECRET"'
# What leaves something behind in Slack that people see.
WRITES = ("chat.", "views.", "files.", "reactions.")


class Again:
    """Everything that can be done, done once; then told again."""

    def __init__(self, slack: Slack) -> None:
        slack.pace.off()
        self.slack = slack
        team = self.team = slack.team("Acme")
        self.ada, self.ana = team.user("ada", groups=["quota-admins"]), team.user("ana")
        self.general, self.alerts = team.channel("general"), team.channel("quota-alerts")

    async def does_all(self, there: OnSlack) -> list[Any]:
        """A command, a typed line, `/ask`, buttons, a form and shortcuts; what brought them."""
        general, ada, ana = self.general, self.ada, self.ana
        asked = await ana.says(general, "@bot hello")
        answer = await there.answer_to(asked)
        brought: list[Any] = [*asked.event_ids]
        told = [
            await ada.command(general, "/quota-admin", "grant @ana 5k"),
            await ana.command(general, "/ask", "what is a quokka"),
            await ana.command(general, "/quota"),
            await ana.command(general, "/quota", "more 5k tokens -- a demo"),
            await press(ana, answer, "Regenerate"),
            await ana.clicks(answer, "rate", True),
            await ana.uses_shortcut("my_quota"),
        ]
        await there.rests()
        typed = await ada.says(general, "!quota-admin grant @ana 7k", thread=asked)
        brought += typed.event_ids
        await there.rests()
        about = await ana.uses_shortcut("ask_about", asked)
        view = await about.modal()
        told += [about, await ana.submits(view, {"question": "Is that so?"})]
        await there.rests()
        (card,) = [m for m in self.alerts.messages if m.by_bot]
        told.append(await press(ada, card, "Approve"))
        await there.rests()
        return brought + [each.delivery for each in told]

    async def all_there_is(self, there: OnSlack) -> tuple[Any, ...]:
        """All that could be different if something was done again."""
        store = there.bot.quotas.store
        space = f"slack:{self.team.id}"
        writes = [c.method for c in self.slack.calls if c.method.startswith(WRITES)]
        entries = [entry async for entry in store.entries(0, None)]
        trail = await store.audit_trail(space, 0, 1_000)
        return len(writes), len(entries), len(trail), (await there.balance(self.ana)).granted


@asynccontextmanager
async def by_socket(slack: Slack, folder: Path) -> AsyncIterator[OnSlack]:
    async with on_slack(slack, folder, settings=SETTINGS) as there:
        yield there


@asynccontextmanager
async def over_http(slack: Slack, folder: Path) -> AsyncIterator[OnSlack]:
    port = free_port()
    settings = f'{SETTINGS}\nmode = "http"\nhttp_port = {port}'
    slack.send_over_http(f"http://127.0.0.1:{port}/slack/events")
    async with on_slack(slack, folder, settings=settings, tokens=HTTP) as there:
        yield there


Reached = Callable[[Slack, Path], AbstractAsyncContextManager[OnSlack]]


@pytest.mark.parametrize("reached", [by_socket, over_http])
async def test_what_slack_tells_again_after_a_restart_is_not_done_again(
    tmp_path: Path, reached: Reached
) -> None:
    async with Slack(our_app()) as slack:
        again = Again(slack)
        async with reached(slack, tmp_path) as there:
            brought = await again.does_all(there)
            before = await again.all_there_is(there)
            assert before[-1] == 100_000 + 5_000 + 7_000 + 5_000
            # Over HTTP what comes again within a second is signed alike, and is not let in.
            for each in brought if reached is by_socket else ():
                await there.told_again(each)
            assert await again.all_there_is(there) == before
        async with reached(slack, tmp_path) as there:
            for each in brought:
                await there.told_again(each)
            assert there.model.calls == []
            assert await again.all_there_is(there) == before
            # What is new is done all the same.
            await again.ada.command(again.general, "/quota-admin", "grant @ana 1k")
            await there.rests()
            assert (await there.balance(again.ana)).granted == before[-1] + 1_000


async def test_a_request_that_was_listened_to_does_nothing_when_sent_again_after_a_restart(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack:
        again = Again(slack)
        async with over_http(slack, tmp_path) as there:
            sender = slack.http
            assert isinstance(sender, HttpSender)
            await again.does_all(there)
            before = await again.all_there_is(there)
            taken = len(sender.requests)
            for number in range(taken):
                assert await sender.replay(number) == 401
        async with over_http(slack, tmp_path) as there:
            for number in range(taken):
                await sender.replay(number)
            await there.rests()
            assert there.model.calls == []
            assert await again.all_there_is(there) == before


async def test_each_event_four_times_as_mention_and_message_is_one_answer_and_one_charge(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        async with on_slack(slack, tmp_path) as there:
            ana, general = there.team.user("ana"), there.team.channel("general")
            asked = [await ana.says(general, "@bot hello"), await ana.says_to_bot("hello")]
            for one in asked:
                await there.answer_to(one)
            # A mention in a channel comes as two events, a direct message as one.
            events = [event for one in asked for event in one.event_ids]
            assert len(events) == 3
            for event in events:
                await there.told_again(event)
        async with on_slack(slack, tmp_path) as there:
            for _ in range(2):
                for event in events:
                    await there.told_again(event)
            assert there.model.calls == []
            assert [len(there.answers_to(one)) for one in asked] == [1, 1]
            assert len(await there.entries("settle")) == 2
            assert (await there.balance(ana)).held == 0
