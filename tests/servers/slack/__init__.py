"""Slack on loopback, spoken to by the real slack-bolt and slack-sdk.

async with Slack() as slack:
    team = slack.team("Acme")
    ana = team.user("ana", groups=["supporters"])
    general = team.channel("general")
    client = AsyncWebClient(team.token, base_url=slack.base_url)
    ...
    message = await ana.says(general, "@bot hello")
"""

from tests.servers.slack.app import App
from tests.servers.slack.errors import NotPossibleError
from tests.servers.slack.model import Channel, File, Message, View
from tests.servers.slack.server import Slack
from tests.servers.slack.team import Team
from tests.servers.slack.user import User

__all__ = ["App", "Channel", "File", "Message", "NotPossibleError", "Slack", "Team", "User", "View"]
