"""How the bot and Slack come together, stay together, and part."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.slack.leftover import Left
from bot.config_values import ConfigError
from bot.news import Alert
from bot.panels import Panel
from bot.ports import Finished, TextDelta, UsageReport
from quota.members import Space
from quota.units import Usage
from tests.adapters.slack_kit import (
    OAUTH,
    TOKENS,
    NetClock,
    OnSlack,
    browser,
    buttons_of,
    free_port,
    on_slack,
    our_app,
    shown_to,
)
from tests.scripted import Gate, Step, steps
from tests.servers.slack import Slack
from tests.servers.slack.signing import HttpSender

END: list[Step] = [Finished("stop"), UsageReport(Usage(input=20, output=3))]


# Over a socket.


async def test_a_socket_that_slack_refreshes_loses_nothing(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        gate = Gate()
        there.model.next(steps(TextDelta("one "), gate, TextDelta("two"), *END))
        asked = await ana.says_to_bot("hello")
        await gate.reached()
        await slack.sockets.disconnect()
        await there.until(lambda: slack.sockets.opened == 2, "a new socket")
        gate.release()
        assert (await there.answer_to(asked)).shown.startswith("one two")
        again = await ana.says_to_bot("and again")
        await there.answer_to(again)


async def test_events_that_came_while_the_bot_was_away_are_answered(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        async with on_slack(slack, tmp_path) as there:
            ana = there.team.user("ana")
        asked = await ana.says_to_bot("are you there")
        async with on_slack(slack, tmp_path) as there:
            assert "w1" in (await there.answer_to(asked)).shown


async def test_a_stop_in_mid_stream_lets_it_end(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        gate = Gate()
        there.model.next(steps(TextDelta("one two three "), gate, TextDelta("four"), *END))
        asked = await ana.says_to_bot("hello")
        await gate.reached()
        await there.until(lambda: there.answers_to(asked), "a beginning")
        leaving = asyncio.create_task(there.stop())
        gate.release()
        await leaving
        (answer,) = there.answers_to(asked)
        assert answer.shown.startswith("one two three four")
        assert there.team.hanging == []


async def test_an_answer_that_takes_too_long_at_a_stop_is_settled_and_says_so(
    tmp_path: Path,
) -> None:
    clock = NetClock()
    async with Slack(our_app(), clock=clock) as slack:
        async with on_slack(slack, tmp_path, clock=clock) as there:
            ana = there.team.user("ana")
            gate = Gate()
            there.model.next(steps(TextDelta("one two three "), gate, *END))
            asked = await ana.says_to_bot("hello")
            await gate.reached()
            await there.until(lambda: there.answers_to(asked), "a beginning")
            leaving = asyncio.create_task(there.stop())
            await clock.goes_by(25_000)
            await leaving
            (answer,) = there.answers_to(asked)
            assert answer.shown.startswith("one two three")
            assert "broke off" in answer.shown
            assert answer.stream is not None
            assert answer.stream.state == "stopped"
            assert there.team.hanging == []
        async with on_slack(slack, tmp_path, clock=clock) as there:
            (settled,) = await there.entries("settle")
            assert settled is not None
            assert (await there.balance(ana)).held == 0
            assert there.connection.front.leftover.left == {}


async def test_an_answer_that_was_whole_when_the_process_died_is_not_called_interrupted(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack:
        async with on_slack(slack, tmp_path) as there:
            there.model.next(steps(TextDelta("one two three"), *END))
            asked = await there.team.user("ana").says_to_bot("hello")
            await there.until(
                lambda: any("Regenerate" in str(m.blocks) for m in there.answers_to(asked)),
                "a whole answer",
            )
            front = there.connection.front
            about = f"{asked.channel.id}:{asked.ts}"
            left = Left(there.team.id, asked.channel.id, asked.root_ts, about)
            await there.until(lambda: not front.running, "the end of the ask")
            # As if the last line of its file had not been written any more.
            front.leftover.begin("an event", left)
        async with on_slack(slack, tmp_path) as there:
            again = there.connection.front.leftover
            await there.until(lambda: not again.left, "what was left is put right")
            (answer,) = there.answers_to(asked)
            assert "interrupted" not in answer.shown


# Over HTTP.


@asynccontextmanager
async def over_http(slack: Slack, folder: Path) -> AsyncIterator[tuple[OnSlack, HttpSender]]:
    port = free_port()
    tokens = 'bot_token_env = "SLACK_BOT_TOKEN"\nsigning_secret_env = "SLACK_SIGNING_SECRET"'
    settings = f'mode = "http"\nhttp_port = {port}'
    sender = slack.send_over_http(f"http://127.0.0.1:{port}/slack/events")
    async with on_slack(slack, folder, settings=settings, tokens=tokens) as there:
        yield there, sender


async def test_over_http_everything_works_as_over_a_socket(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, over_http(slack, tmp_path) as (there, sender):
        assert await sender.verify_url()
        ana = there.team.user("ana")
        general = there.team.channel("general")
        asked = await ana.says(general, "@bot hello")
        answer = await there.answer_to(asked)
        assert "w1 w2" in answer.shown
        ran = await ana.command(general, "/quota")
        assert "% left" in (await ran.answer()).shown


async def test_forged_old_and_replayed_requests_touch_nothing(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, over_http(slack, tmp_path) as (there, sender):
        ana = there.team.user("ana")
        asked = await ana.says_to_bot("hello")
        await there.answer_to(asked)
        taken = len(sender.requests)
        event = json.loads(sender.requests[0][0])
        fresh = event | {"event_id": "Ev-other", "event": event["event"] | {"ts": "1.000001"}}
        now = there.bot.clock.now() // 1_000
        assert await sender.forge(fresh, secret="another") == 401
        assert await sender.forge(fresh, signed=False) == 401
        assert await sender.forge(fresh, timestamp=str(now - 400)) == 401
        assert await sender.forge(fresh, timestamp=str(now + 400)) == 401
        assert await sender.forge(fresh, timestamp="yesterday") == 401
        for number in range(taken):
            assert await sender.replay(number) == 401
        await there.rests()
        assert len(there.model.calls) == 1
        assert len(await there.entries("settle")) == 1


async def test_an_event_that_slack_sends_again_is_signed_anew_and_answered_once(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack, over_http(slack, tmp_path) as (there, sender):
        asked = await there.team.user("ana").says_to_bot("hello")
        await there.answer_to(asked)
        event = json.loads(sender.requests[0][0])
        later = str(there.bot.clock.now() // 1_000 + 2)
        assert await sender.forge(event, timestamp=later) == 200
        await there.rests()
        assert len(there.answers_to(asked)) == 1


# Several workspaces.


async def test_workspaces_install_the_app_and_each_has_books_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    home = f"http://127.0.0.1:{port}/slack"
    tokens = 'app_token_env = "SLACK_APP_TOKEN"'
    async with Slack(our_app()) as slack:
        teams = [slack.team("Acme", installed=False), slack.team("Globex", installed=False)]
        people = [team.user("ana") for team in teams]
        settings = OAUTH.format(port=port)
        async with on_slack(slack, tmp_path, settings=settings, tokens=tokens) as there:
            for person in people:
                _, _, address, cookie = await browser(f"{home}/install")
                back = await person.allows(address)
                query = back.partition("?")[2]
                status, text, _, _ = await browser(f"{home}/oauth_redirect?{query}", cookie)
                assert (status, "is installed" in text) == (200, True)
                again = await browser(f"{home}/oauth_redirect?{query}", cookie)
                assert again[0] == 400
                await there.rests()
                (welcome,) = shown_to(person.team, person, person.team.dm(person))
                assert "Home tab" in welcome
            assert len(slack.calls_of("oauth.v2.access")) == len(people)
            for person in people:
                await there.answer_to(await person.says_to_bot("hello"))
        kept = tmp_path / "books.db.slack.json"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        async with on_slack(slack, tmp_path, settings=settings, tokens=tokens) as there:
            await there.answer_to(await people[1].says_to_bot("hello again"))
            wallets = {entry.wallet for entry in await there.entries("settle")}
            assert len(wallets) == 2
            teams[1].uninstall()
            await there.rests()
            assert teams[1].id not in kept.read_text(encoding="utf-8")
            assert teams[0].id in kept.read_text(encoding="utf-8")


async def test_an_installation_begins_and_ends_in_one_browser(tmp_path: Path) -> None:
    port = free_port()
    home = f"http://127.0.0.1:{port}/slack"
    async with Slack(our_app()) as slack:
        settings = OAUTH.format(port=port)
        async with on_slack(slack, tmp_path, settings=settings, tokens=TOKENS) as there:
            ana = there.team.user("ana")
            _, _, address, cookie = await browser(f"{home}/install")
            query = (await ana.allows(address)).partition("?")[2]
            for url, mine in (
                (f"{home}/oauth_redirect?{query}", "another"),
                (f"{home}/oauth_redirect?{query}", ""),
                (f"{home}/oauth_redirect?code=code-1&state=guessed", "guessed"),
                (f"{home}/oauth_redirect", cookie),
            ):
                assert (await browser(url, mine))[0] == 400
            assert slack.calls_of("oauth.v2.access") == []


async def test_a_revoked_token_ends_a_workspace_and_no_other(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        there.team.revoke()
        await there.rests()
        assert there.connection.front.workspaces == {}
        assert not there.work.done()


# News.


async def test_alerts_come_to_the_channel_of_the_admins(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        alerts = slack.team("Acme").channel("quota-alerts")
        ada = slack.team("Acme").user("ada")
        alerts.members.add(ada.id)
        settings = 'alert_channel = "#quota-alerts"'
        async with on_slack(slack, tmp_path, settings=settings) as there:
            for hear in there.bot.on_alert:
                hear(Alert(Space("slack", there.team.id), Panel("The pool runs low", "warning")))
                hear(Alert(Space("slack", "T-other"), Panel("Not ours", "warning")))
            await there.rests()
            (told,) = shown_to(there.team, ada, alerts)
            assert "The pool runs low" in told


async def test_no_card_has_a_button_that_slack_refuses(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        ada = slack.team("Acme").user("ada")
        async with on_slack(slack, tmp_path, settings=f'admins = ["{ada.id}"]') as there:
            general = there.team.channel("general")
            for line in ("", "audit", "limit list", "requests", "top", "usage", "setup", "help"):
                ran = await ada.command(general, "/quota-admin", line)
                buttons_of(await ran.answer() if line else await ran.modal())
            for line in ("", "rules", "history", "summary"):
                ran = await ada.command(general, "/quota", line)
                await ran.answer()
            assert slack.refusals == []


# What the operator is told.


@pytest.mark.parametrize(
    ("method", "told"), [("auth.test", "bot token"), ("apps.connections.open", "app token")]
)
async def test_a_token_that_slack_refuses_is_named(tmp_path: Path, method: str, told: str) -> None:
    async with Slack(our_app()) as slack:
        slack.fail_next(method, "invalid_auth", times=9)
        with pytest.raises(ConfigError, match=told):
            async with on_slack(slack, tmp_path) as there:
                await there.work


async def test_while_slack_cannot_be_reached_the_bot_tries_again(tmp_path: Path) -> None:
    clock = NetClock()
    async with Slack(our_app(), clock=clock) as slack:
        slack.fail_next("auth.test", status=503, times=2)
        slack.fail_next("apps.connections.open", "internal_error")
        starting = asyncio.create_task(_serves(slack, tmp_path, clock))
        while not starting.done():
            await clock.goes_by(1_000)
        await starting


async def _serves(slack: Slack, folder: Path, clock: NetClock) -> None:
    async with on_slack(slack, folder, clock=clock) as there:
        await there.answer_to(await there.team.user("ana").says_to_bot("hello"))


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tokens = 'bot_token_env = "SLACK_BOT_TOKEN"\nsigning_secret_env = "SLACK_SIGNING_SECRET"'
        settings = f'mode = "http"\nhttp_port = {port}'
        async with Slack(our_app()) as slack:
            with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
                async with on_slack(slack, tmp_path, settings=settings, tokens=tokens) as there:
                    await there.work


async def test_rights_are_those_of_the_config_in_force(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ada = there.team.user("ada")
        general = there.team.channel("general")
        ran = await ada.command(general, "/quota-admin", "limit list")
        assert "Not allowed" in (await ran.answer()).shown
        assert there.bot.config.slack is not None
        there.bot.config = replace(
            there.bot.config, slack=replace(there.bot.config.slack, admins=(ada.id,))
        )
        ran = await ada.command(general, "/quota-admin", "limit list")
        assert "Not allowed" not in (await ran.answer()).shown
