"""What people hear without having asked just now: admins in their channel, a member in private."""

import logging

from adapters.slack.failures import LOST, error_of
from adapters.slack.front import Front
from adapters.slack.home import Home
from adapters.slack.panels import card, notification, section
from adapters.slack.post import directly
from adapters.slack.workspace import Workspace
from bot.bot import Alert, Word
from bot.figures import panel_text
from quota.members import Space
from quota.waiting import Fresh

_log = logging.getLogger(__name__)


class Notices:
    """Brings news of the bot into Slack."""

    def __init__(self, front: Front, home: Home) -> None:
        """Hear from now on."""
        self._front = front
        self._home = home
        front.bot.on_alert.append(self._alert)
        front.bot.on_word.append(self._word)
        front.bot.on_fresh.append(self._fresh)

    def close(self) -> None:
        """Hear no more."""
        bot = self._front.bot
        bot.on_alert.remove(self._alert)
        bot.on_word.remove(self._word)
        bot.on_fresh.remove(self._fresh)

    def _alert(self, alert: Alert) -> None:
        workspace = self._workspace(alert.space)
        if workspace is not None:
            self._front.tasks.start(self._alerted(workspace, alert), "alert")

    def _word(self, word: Word) -> None:
        workspace = self._workspace(word.member.space)
        if workspace is not None:
            self._front.tasks.start(self._told(workspace, word), "word")

    def _fresh(self, fresh: Fresh) -> None:
        workspace = self._workspace(fresh.requester.member.space)
        if workspace is not None:
            self._front.tasks.start(self._opened(workspace, fresh), "fresh")

    def _workspace(self, space: Space) -> Workspace | None:
        return self._front.workspaces.get(space.id) if space.platform == "slack" else None

    async def _alerted(self, workspace: Workspace, alert: Alert) -> None:
        """Into the channel that the admins of the space chose, else that of the config."""
        front = self._front
        chosen = front.bot.settings.space(alert.space).alert_channel or front.config.alert_channel
        channel = await workspace.people.channel_id(chosen) if chosen else ""
        if not channel:
            _log.warning("no alert channel in %s: %s", alert.space.id, alert.panel.title)
            return
        for plain in (False, True):
            try:
                await workspace.web.chat_postMessage(
                    channel=channel,
                    text=notification(panel_text(alert.panel)),
                    blocks=card(alert.panel, plain=plain),
                    unfurl_links=False,
                    unfurl_media=False,
                )
            except LOST as error:
                _log.warning("an alert in %s: %s", channel, error_of(error) or error)
            else:
                return

    async def _told(self, workspace: Workspace, word: Word) -> None:
        text = notification(panel_text(word.panel))
        try:
            await directly(workspace, word.member.id, text, card(word.panel))
        except LOST as error:
            _log.warning("a word to a member: %s", error_of(error) or error)
        self._home.changed(workspace, word.member.id)

    async def _opened(self, workspace: Workspace, fresh: Fresh) -> None:
        words = await self._front.words(workspace, fresh.requester.member.id)
        text = words.open_again(fresh.refused)
        try:
            await directly(
                workspace, fresh.requester.member.id, notification(text), [section(text)]
            )
        except LOST as error:
            _log.warning("a word to a member: %s", error_of(error) or error)
