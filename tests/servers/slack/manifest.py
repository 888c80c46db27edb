"""What Slack accepts as an app manifest.

Lengths and fields: slackapi/manifest-schema (2026-07-21). Reserved command names and that one bad
name spoils the whole manifest: hermes-agent#17054, #18456. An empty list of commands is refused,
and an event needs its scope: gascity-packs#63. New apps have `agent_view`, never `assistant_view`.
"""

import re
from typing import Any

from tests.servers.slack.errors import Json
from tests.servers.slack.shapes import (
    Report,
    Rule,
    Shape,
    anything,
    boolean,
    choice,
    many,
    string,
)

RESERVED_NAMES = """
/apps /archive /away /collapse /dm /dnd /expand /feed /feedback /invite /join /kick /leave /me /msg
/mute /open /pro /remind /remove /rename /search /shortcuts /shrug /star /status /topic /who
"""
RESERVED = frozenset(RESERVED_NAMES.split())
COMMAND = re.compile(r"/[a-z0-9][a-z0-9_-]*")
COLOR = re.compile(r"#([0-9a-fA-F]{3}){1,2}")
URL_FIELD = string(3500)

SCOPE_NAMES = """
app_mentions:read assistant:write bookmarks:read bookmarks:write calls:read calls:write
canvases:read canvases:write channels:history channels:join channels:manage channels:read
channels:write.invites channels:write.topic chat:write chat:write.customize chat:write.public
commands conversations.connect:manage conversations.connect:read conversations.connect:write
dnd:read emoji:read files:read files:write groups:history groups:read groups:write
groups:write.invites groups:write.topic im:history im:read im:write im:write.topic
incoming-webhook links.embed:write links:read links:write lists:read lists:write
metadata.message:read mpim:history mpim:read mpim:write mpim:write.topic pins:read pins:write
reactions:read reactions:write reminders:read reminders:write remote_files:read
remote_files:share remote_files:write team:read usergroups:read usergroups:write
users.profile:read users:read users:read.email users:write workflow.steps:execute
"""
BOT_SCOPES = frozenset(SCOPE_NAMES.split())
# Events that the bot may subscribe to, with the scopes of which it needs one.
EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "agent_session_stopped": ("chat:write",),
    "agent_session_title_changed": ("chat:write",),
    "app_context_changed": ("assistant:write",),
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_uninstalled": (),
    "assistant_thread_context_changed": (),
    "assistant_thread_started": (),
    "channel_archive": ("channels:read",),
    "channel_created": ("channels:read",),
    "channel_deleted": ("channels:read",),
    "channel_left": ("channels:read",),
    "channel_rename": ("channels:read",),
    "channel_unarchive": ("channels:read",),
    "file_change": ("files:read",),
    "file_created": ("files:read",),
    "file_deleted": ("files:read",),
    "file_public": ("files:read",),
    "file_shared": ("files:read",),
    "file_unshared": ("files:read",),
    "group_left": ("groups:read",),
    "group_rename": ("groups:read",),
    "im_history_changed": ("im:history",),
    "member_joined_channel": ("channels:read", "groups:read", "mpim:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "message.app_home": (),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "pin_added": ("pins:read",),
    "pin_removed": ("pins:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "subteam_created": ("usergroups:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_self_added": ("usergroups:read",),
    "subteam_self_removed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "team_domain_change": ("team:read",),
    "team_join": ("users:read",),
    "team_rename": ("team:read",),
    "tokens_revoked": (),
    "user_change": ("users:read",),
    "user_profile_changed": ("users:read",),
    "user_status_changed": ("users:read",),
}


def pattern(regex: re.Pattern[str], what: str) -> Rule:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str) or not regex.fullmatch(value):
            report.add(what, path)

    return check


def command(value: Any, path: str, report: Report) -> None:
    string(32, 2)(value, path, report)
    pattern(COMMAND, "the slash command has an invalid name")(value, path, report)
    if value in RESERVED:
        report.add("the slash command has an invalid name", path)


PROMPT = Shape({"title": string(100), "message": string(4000)}, ("title", "message"))
FEATURES = Shape(
    {
        "app_home": Shape(
            {
                "home_tab_enabled": boolean,
                "messages_tab_enabled": boolean,
                "messages_tab_read_only_enabled": boolean,
            }
        ),
        "bot_user": Shape(
            {"display_name": string(80), "always_online": boolean}, ("display_name",)
        ),
        "agent_view": Shape(
            {
                "agent_description": string(300),
                "suggested_prompts": many(PROMPT, 0, 4),
                "actions": many(anything, 0, 10),
            }
        ),
        "shortcuts": many(
            Shape(
                {
                    "name": string(24),
                    "type": choice("message", "global"),
                    "callback_id": string(255),
                    "description": string(150),
                },
                ("name", "type", "callback_id", "description"),
            ),
            1,
            10,
        ),
        "slash_commands": many(
            Shape(
                {
                    "command": command,
                    "description": string(2000),
                    "usage_hint": string(1000),
                    "should_escape": boolean,
                    "url": string(3000),
                },
                ("command", "description"),
            ),
            1,
            50,
        ),
        "unfurl_domains": many(string(255), 1, 5),
    }
)
SETTINGS = Shape(
    {
        "event_subscriptions": Shape(
            {"request_url": URL_FIELD, "bot_events": many(string(50), 0, 100)}
        ),
        "interactivity": Shape(
            {
                "is_enabled": boolean,
                "request_url": URL_FIELD,
                "message_menu_options_url": URL_FIELD,
            },
            ("is_enabled",),
        ),
        "org_deploy_enabled": boolean,
        "socket_mode_enabled": boolean,
        "token_rotation_enabled": boolean,
        "is_mcp_enabled": boolean,
    }
)
MANIFEST = Shape(
    {
        "_metadata": anything,
        "display_information": Shape(
            {
                "name": string(35),
                "description": string(140),
                "long_description": string(4000, 175),
                "background_color": pattern(COLOR, "must be a colour like #0000AA"),
            },
            ("name",),
        ),
        "features": FEATURES,
        "oauth_config": Shape(
            {
                "redirect_urls": many(string(2500), 0, 1000),
                "scopes": Shape(
                    {
                        "bot": many(choice(*sorted(BOT_SCOPES)), 0, 255),
                        "user": many(string(50), 0, 255),
                        "bot_optional": many(choice(*sorted(BOT_SCOPES)), 0, 255),
                    }
                ),
            }
        ),
        "settings": SETTINGS,
    },
    ("display_information",),
)


def errors_of(manifest: Json) -> list[str]:
    """What Slack would say against this manifest; empty if it takes it."""
    report = Report()
    if "assistant_view" in manifest.get("features", {}):
        report.add("assistant_view is not available to new apps", "/features/assistant_view")
    MANIFEST(manifest, "", report)
    if not report.messages:
        check_together(manifest, report)
    return report.messages


def check_together(manifest: Json, report: Report) -> None:
    """What one part of a manifest asks of another."""
    features, settings = manifest.get("features", {}), manifest.get("settings", {})
    scopes = set(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ()))
    if scopes and "bot_user" not in features:
        report.add("bot scopes need a bot_user", "/features/bot_user")
    check_events(settings, scopes, report)
    check_commands(features, settings, scopes, report)
    if "agent_view" in features and "assistant:write" not in scopes:
        report.add("agent_view needs assistant:write", "/oauth_config/scopes/bot")
    socket = settings.get("socket_mode_enabled", False)
    interactive = settings.get("interactivity", {})
    if interactive.get("is_enabled") and not (socket or interactive.get("request_url")):
        report.add("request_url is required without socket mode", "/settings/interactivity")
    for name in ("shortcuts",):
        ids = [one["callback_id"] for one in features.get(name, ())]
        if len(set(ids)) < len(ids):
            report.add("callback_id must be unique", f"/features/{name}")


def check_events(settings: Json, scopes: set[str], report: Report) -> None:
    path = "/settings/event_subscriptions"
    subscribed = settings.get("event_subscriptions", {})
    events = subscribed.get("bot_events", [])
    if events and not (settings.get("socket_mode_enabled") or subscribed.get("request_url")):
        report.add("request_url is required without socket mode", path)
    for index, event in enumerate(events):
        at = f"{path}/bot_events/{index}"
        if event not in EVENT_SCOPES:
            report.add(f"unknown event: {event}", at)
        elif EVENT_SCOPES[event] and not scopes & set(EVENT_SCOPES[event]):
            report.add(f"{event} needs one of {', '.join(EVENT_SCOPES[event])}", at)
    if len(set(events)) < len(events):
        report.add("events must be unique", f"{path}/bot_events")


def check_commands(features: Json, settings: Json, scopes: set[str], report: Report) -> None:
    path = "/features/slash_commands"
    commands = features.get("slash_commands", [])
    if (commands or features.get("shortcuts")) and "commands" not in scopes:
        report.add("commands and shortcuts need the scope commands", "/oauth_config/scopes/bot")
    names = [one["command"] for one in commands]
    if len(set(names)) < len(names):
        report.add("commands must be unique", path)
    for index, one in enumerate(commands):
        if not (settings.get("socket_mode_enabled") or one.get("url")):
            report.add("url is required without socket mode", f"{path}/{index}")
