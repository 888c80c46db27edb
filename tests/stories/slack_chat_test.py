"""People talk with the bot in Slack."""

from pathlib import Path

from tests.adapters.slack_kit import on_slack
from tests.scripted import says
from tests.servers.slack import Slack


async def test_a_mention_is_answered_in_its_thread(tmp_path: Path) -> None:
    async with Slack() as slack, on_slack(slack, tmp_path) as there:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        there.model.next(says(8))
        asked = await ana.says(general, "@bot hello there")
        answer = await there.answer_to(team, asked)
        assert answer.shown.startswith("w1 w2 w3 w4 w5 w6 w7 w8")
        assert answer.thread_ts == asked.ts
        assert [m.content for m in there.model.calls[0].messages if m.role == "user"] == [
            "hello there"
        ]
        assert len(await there.entries("settle")) == 1
        assert slack.refusals == []
