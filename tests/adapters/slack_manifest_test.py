"""The manifest that an operator pastes is one that Slack takes."""

import json
from itertools import product
from pathlib import Path

import pytest

from adapters.slack.commands import IN_THREADS
from adapters.slack.manifest import EVENTS, SCOPES, manifest, problems
from bot.cli import run
from tests.servers.slack.manifest import errors_of


@pytest.mark.parametrize(
    ("prefix", "single", "http"),
    [*product(("", "acme-"), ("",), ("", "https://bot.example")), ("", "acme", "")],
)
def test_slack_takes_the_manifest(prefix: str, single: str, http: str) -> None:
    assert problems("Quotabot", prefix, single, http) == []
    assert errors_of(manifest("Quotabot", prefix, single, http)) == []


def test_the_manifest_is_of_the_new_kind_and_hears_of_stop() -> None:
    made = manifest()
    assert "agent_view" in made["features"]
    assert "assistant_view" not in made["features"]
    assert "agent_session_stopped" in EVENTS
    assert made["settings"]["socket_mode_enabled"]


def test_by_http_everything_is_sent_to_one_address() -> None:
    made = manifest(http="https://bot.example/")
    settings = made["settings"]
    there = "https://bot.example/slack/events"
    assert not settings["socket_mode_enabled"]
    assert settings["event_subscriptions"]["request_url"] == there
    assert settings["interactivity"]["request_url"] == there
    assert {command["url"] for command in made["features"]["slash_commands"]} == {there}
    assert made["oauth_config"]["redirect_urls"] == ["https://bot.example/slack/oauth_redirect"]


def test_all_commands_can_be_put_under_one_name() -> None:
    commands = manifest(single="acme")["features"]["slash_commands"]
    assert [command["command"] for command in commands] == ["/acme"]


def test_names_of_people_and_channels_come_with_their_ids() -> None:
    assert all(c["should_escape"] for c in manifest()["features"]["slash_commands"])


def test_every_scope_says_what_it_is_for() -> None:
    assert all(len(why) > 10 for why in SCOPES.values())


@pytest.mark.parametrize(
    ("prefix", "single", "http"),
    [
        ("", "status", ""),
        ("", "Acme", ""),
        ("", "a" * 32, ""),
        ("x" * 30, "", ""),
        ("acme-", "acme", ""),
        ("", "", "http://bot.example"),
    ],
)
def test_what_slack_would_refuse_is_refused_here(prefix: str, single: str, http: str) -> None:
    assert len(problems("Quotabot", prefix, single, http)) == 1


def test_the_command_line_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["manifest", "slack", "--prefix", "acme-"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made == manifest(prefix="acme-")


def test_the_command_line_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["manifest", "slack", "--single", "remind"]) == 2
    assert "none of Slack's own" in capsys.readouterr().err


def test_the_page_names_every_scope_with_its_reason_and_every_command_in_threads() -> None:
    page = (Path(__file__).parents[2] / "docs" / "slack.md").read_text(encoding="utf-8")
    for scope, why in SCOPES.items():
        assert f"| `{scope}` | {why} |" in page
    for word in IN_THREADS:
        assert f"`!{word}" in page
