"""What people do in Slack's window; each act is one that the window offers at that moment.

`by_force()` is a person with a window that offers everything, for tests of the app's own checks.
"""

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.servers.slack.acting import (
    Asked,
    find_element,
    interaction,
    place_of,
    value_of,
    values_of,
)
from tests.servers.slack.admission import allow_url
from tests.servers.slack.delivery import Delivery
from tests.servers.slack.errors import Json, NotPossibleError
from tests.servers.slack.model import Channel, File, Message, View

if TYPE_CHECKING:
    from tests.servers.slack.team import Team


class User:
    """A member of a team."""

    forced = False

    def __init__(self, team: "Team", user_id: str, name: str, **flags: object) -> None:
        self.team = team
        self.id = user_id
        self.name = name
        self.tz = str(flags.pop("tz", "Europe/Berlin"))
        self.locale = str(flags.pop("locale", "en-US"))
        # Whose member a stranger is, who comes through a shared channel.
        self.home_id = str(flags.pop("home_id", team.id))
        self.flags = {
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_bot": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_stranger": False,
            "deleted": False,
        }
        unknown = set(flags) - set(self.flags)
        assert not unknown, f"users.info has no {unknown}"
        self.flags |= {name: bool(value) for name, value in flags.items()}

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def by_force(self) -> "User":
        """The same person with a window that checks nothing."""
        twin = copy.copy(self)
        twin.forced = True
        return twin

    # Talking

    async def says(
        self,
        channel: Channel,
        text: str,
        *,
        thread: Message | None = None,
        files: Iterable[File] = (),
        broadcast: bool = False,
    ) -> Message:
        """Write a message; `@bot`, `@ana` and `#general` in the text become references."""
        team = self.team
        self._must_be_in(channel)
        message = Message(
            channel,
            team.slack.stamps.next(),
            self.id,
            team.translated(text),
            thread_ts=thread.root_ts if thread is not None else None,
            broadcast=broadcast,
            files=[team.slack.keep_file(team, self.id, file) for file in files],
        )
        return self._written(message)

    async def says_to_bot(self, text: str, *, thread: Message | None = None) -> Message:
        """Write to the bot directly, in the Messages tab."""
        return await self.says(self.team.dm(self), text, thread=thread)

    def _written(self, message: Message) -> Message:
        team = self.team
        team.write(message)
        event = team.event_of(message)
        mentioned = team.installation is not None and team.bot in message.text
        sent = [team.emit_message(message.channel, event)]
        if mentioned and message.channel.kind != "im":
            mention = {key: value for key, value in event.items() if key != "subtype"}
            mention |= {"type": "app_mention", "channel": message.channel.id}
            sent.append(team.emit(mention))
        message.event_ids = [delivery.event_id for delivery in sent if delivery is not None]
        for file in message.files:
            file.channels.append(message.channel.id)
            shared = {
                "type": "file_shared",
                "file_id": file.id,
                "user_id": self.id,
                "file": {"id": file.id},
                "channel_id": message.channel.id,
                "event_ts": message.ts,
            }
            team.emit(shared)
        return message

    async def edits(self, message: Message, text: str) -> Delivery | None:
        """Change what one wrote oneself."""
        if message.user != self.id:
            raise NotPossibleError(f"{self.name} did not write this")
        team = self.team
        before = {**team.event_of(message)}
        message.edits.append(before)
        message.text = team.translated(text)
        message.edited_ts = team.slack.stamps.next()
        after = {
            **team.event_of(message),
            "edited": {"user": self.id, "ts": message.edited_ts},
        }
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "message": after,
            "previous_message": before,
            "ts": message.edited_ts,
            "event_ts": message.edited_ts,
        }
        return team.emit_message(message.channel, event)

    async def deletes(self, message: Message) -> Delivery | None:
        """Take one's own message away."""
        if message.user != self.id:
            raise NotPossibleError(f"{self.name} did not write this")
        message.deleted = True
        stamp = self.team.slack.stamps.next()
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "deleted_ts": message.ts,
            "previous_message": self.team.event_of(message),
            "ts": stamp,
            "event_ts": stamp,
        }
        return self.team.emit_message(message.channel, event)

    # Interacting

    async def command(self, channel: Channel, name: str, text: str = "") -> Asked:
        """Run a slash command in a channel (never in a thread: Slack has none there)."""
        team, slack = self.team, self.team.slack
        self._must_be_in(channel)
        declared = slack.app.commands
        if declared is not None and name not in declared:
            raise NotPossibleError(f"{name} is not a command of this app: {sorted(declared)}")
        escape = declared is None or bool(declared[name].get("should_escape"))
        url = slack.new_response_url(team, self, channel, None)
        payload: Json = {
            "token": "verification-token",
            "team_id": team.id,
            "team_domain": team.name.lower(),
            "channel_id": channel.id,
            "channel_name": channel.name or "directmessage",
            "user_id": self.id,
            "user_name": self.name,
            "command": name,
            "text": team.with_names(team.translated(text)) if escape else text,
            "api_app_id": slack.app.app_id,
            "is_enterprise_install": "false",
            "response_url": slack.address_of(url),
            "trigger_id": team.new_trigger(self.id).id,
        }
        slack.watch.note(f"{self.name} runs {name} {text}")
        delivery = slack.postman.send("slash_commands", payload, name)
        return await Asked(self, delivery, url).settled()

    async def clicks(
        self, on: Message | View, action_id: str, value: Any = None, *, block_id: str | None = None
    ) -> Asked:
        """Press a button or choose `value` in a menu, in a message or a view that one sees."""
        team, slack = self.team, self.team.slack
        if isinstance(on, Message):
            self._must_see(on)
        elif not self.forced and (on.closed or on.user != self.id):
            raise NotPossibleError(f"{self.name} does not see this view")
        block, element = find_element(on.blocks, action_id, block_id)
        action = value_of(element, value)
        action |= {
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "action_ts": slack.stamps.next(),
        }
        url = None
        payload = interaction(self, "block_actions") | {"actions": [action]}
        if isinstance(on, Message):
            url = slack.new_response_url(team, self, on.channel, on)
            payload |= place_of(team, on) | {"response_url": slack.address_of(url)}
            payload["state"] = {"values": values_of(on.blocks, {})}
        else:
            payload |= {
                "view": slack.view_payload(on),
                "container": {"type": "view", "view_id": on.id},
            }
        slack.watch.note(f"{self.name} clicks {action_id}")
        delivery = slack.postman.send("interactive", payload, f"block_actions {action_id}")
        return await Asked(self, delivery, url).settled()

    async def submits(self, view: View, values: Json | None = None) -> Asked:
        """Press the modal's submit button with these values, by block id, action id or label."""
        slack = self.team.slack
        mine = self.forced or (view.user == self.id and not view.closed)
        if not mine or view.type != "modal":
            raise NotPossibleError(f"{self.name} has no such modal open")
        if not view.payload.get("submit"):
            raise NotPossibleError("this modal has no submit button")
        view.payload["state"] = {"values": values_of(view.blocks, values or {}, strict=True)}
        payload = interaction(self, "view_submission")
        payload |= {"view": slack.view_payload(view), "response_urls": []}
        slack.watch.note(f"{self.name} submits {view.callback_id}")
        delivery = slack.postman.send("interactive", payload, f"submission {view.callback_id}")
        asked = await Asked(self, delivery, None).settled()
        asked.errors = slack.after_submission(self.team, view, asked.ack)
        return asked

    async def closes(self, view: View, *, clear: bool = False) -> Delivery | None:
        """Close a modal by its cross; the app hears of it if it asked to."""
        slack = self.team.slack
        slack.close_view(self.team, view, clear=clear)
        if not view.payload.get("notify_on_close"):
            return None
        payload = interaction(self, "view_closed")
        payload |= {"view": slack.view_payload(view), "is_cleared": clear}
        return slack.postman.send("interactive", payload, f"closed {view.callback_id}")

    async def uses_shortcut(self, callback_id: str, on: Message | None = None) -> Asked:
        """Use a global shortcut, or one of a message's."""
        team, slack = self.team, self.team.slack
        declared = slack.app.shortcuts
        kind = "global" if on is None else "message"
        if declared is not None and declared.get(callback_id, {}).get("type") != kind:
            raise NotPossibleError(f"no {kind} shortcut {callback_id}")
        payload = interaction(self, "shortcut" if on is None else "message_action")
        payload |= {"callback_id": callback_id, "action_ts": slack.stamps.next()}
        url = None
        if on is not None:
            self._must_see(on)
            url = slack.new_response_url(team, self, on.channel, None)
            payload |= {
                "channel": {"id": on.channel.id, "name": on.channel.name},
                "message": team.event_of(on),
                "message_ts": on.ts,
                "response_url": slack.address_of(url),
            }
        delivery = slack.postman.send("interactive", payload, f"shortcut {callback_id}")
        return await Asked(self, delivery, url).settled()

    # The app's home, its sessions

    async def opens_home(self, tab: str = "home") -> Delivery | None:
        """Open the app's page at one of its tabs."""
        team, app = self.team, self.team.slack.app
        if not (app.home_tab if tab == "home" else app.messages_tab):
            raise NotPossibleError(f"the app has no {tab} tab")
        event: Json = {
            "type": "app_home_opened",
            "user": self.id,
            "channel": team.dm(self).id,
            "tab": tab,
            "event_ts": team.slack.stamps.next(),
        }
        if tab == "home" and self.id in team.homes:
            event["view"] = team.slack.view_payload(team.homes[self.id])
        return team.emit(event)

    async def looks_at(self, channel: Channel | None) -> Delivery | None:
        """Open a channel beside the app, which then hears what is in view."""
        context: Json = {}
        if channel is not None:
            entity = {"type": "slack#/types/channel_id", "value": channel.id}
            context = {"entities": [entity | {"team_id": self.team.id}]}
        return self.team.emit({"type": "app_context_changed", "context": context})

    async def stops(self, message: Message) -> Delivery | None:
        """Press the native stop button of the thread in which this message is."""
        team, slack = self.team, self.team.slack
        session = team.sessions.get((message.channel.id, message.root_ts))
        if session is None or session.status != "processing":
            raise NotPossibleError("no stop button: the session is not processing")
        if "agent_session_stopped" not in slack.app.events:
            raise NotPossibleError("no stop button: the app does not subscribe to it")
        self._must_be_in(message.channel)
        session.stop_pressed = True
        stopped = team.live_streams(message.channel.id, message.root_ts)
        for _, stream in stopped:
            stream.state = "stopped_by_user"
        slack.watch.note(f"{self.name} presses stop")
        event = {
            "type": "agent_session_stopped",
            "channel": message.channel.id,
            "thread_ts": message.root_ts,
            "user": self.id,
            "streaming_message_ts": [written.ts for written, _ in stopped],
            "event_ts": slack.stamps.next(),
        }
        return team.emit(event)

    def reloads(self) -> None:
        """Start the window anew: ephemeral messages are gone for good."""
        for channel in self.team.channels.values():
            for message in channel.messages:
                if message.visible_to == self.id:
                    message.gone = True

    async def allows(self, authorize_url: str) -> str:
        """Press "Allow" on the page of an OAuth address; returns where the browser goes next."""
        return allow_url(self.team.slack, self.team.id, self.id, authorize_url)

    # What others do to a member, told as events

    async def joins(self, channel: Channel) -> Delivery | None:
        channel.members.add(self.id)
        return self._moved("member_joined_channel", channel)

    async def leaves(self, channel: Channel) -> Delivery | None:
        channel.members.discard(self.id)
        return self._moved("member_left_channel", channel)

    async def becomes(self, **flags: bool) -> Delivery | None:
        """Change what users.info says, as when somebody is made an admin or is deactivated."""
        assert set(flags) <= set(self.flags), f"users.info has no {set(flags) - set(self.flags)}"
        self.flags |= flags
        event = {"type": "user_change", "user": self.info(), "event_ts": self._now()}
        return self.team.emit(event)

    async def joins_group(self, handle: str) -> Delivery | None:
        return self._regrouped(handle, joins=True)

    async def leaves_group(self, handle: str) -> Delivery | None:
        return self._regrouped(handle, joins=False)

    def _regrouped(self, handle: str, *, joins: bool) -> Delivery | None:
        group = self.team.usergroup(handle)
        (group.users.add if joins else group.users.discard)(self.id)
        event = {
            "type": "subteam_members_changed",
            "subteam_id": group.id,
            "team_id": self.team.id,
            "added_users": [self.id] if joins else [],
            "removed_users": [] if joins else [self.id],
            "added_users_count": int(joins),
            "removed_users_count": int(not joins),
            "event_ts": self._now(),
        }
        return self.team.emit(event)

    def _moved(self, kind: str, channel: Channel) -> Delivery | None:
        letter = "C" if channel.kind == "channel" else "G"
        event = {"type": kind, "user": self.id, "channel": channel.id, "channel_type": letter}
        return self.team.emit(event | {"team": self.team.id, "event_ts": self._now()})

    def info(self, *, locale: bool = False) -> Json:
        """The member as users.info shows them."""
        profile = {"real_name": self.name.capitalize(), "display_name": self.name}
        found: Json = {"id": self.id, "team_id": self.home_id, "name": self.name, "tz": self.tz}
        found |= {"real_name": profile["real_name"], "profile": profile, **self.flags}
        return found | ({"locale": self.locale} if locale else {})

    def _now(self) -> str:
        return self.team.slack.stamps.next()

    def _must_be_in(self, channel: Channel) -> None:
        if not self.forced and self.id not in channel.members:
            raise NotPossibleError(f"{self.name} is not in {channel.name or 'this conversation'}")

    def _must_see(self, message: Message) -> None:
        self._must_be_in(message.channel)
        hidden = message.deleted or message.gone or message.visible_to not in {None, self.id}
        if hidden and not self.forced:
            raise NotPossibleError(f"{self.name} does not see this message")
