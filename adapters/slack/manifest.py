"""The manifest of the app: what Slack's settings pages are to say, in one file to paste.

`agent_view` is the way new apps talk; one command with a reserved or clashing name would make Slack
refuse all of it, so names can be given a prefix or put under one.
"""

import json
import re
from typing import Any

from adapters.slack.commands import NAMES
from bot import text_slack
from bot.languages import Speech

Json = dict[str, Any]

# Each scope with what stops working without it.
SCOPES: dict[str, str] = {
    "app_mentions:read": "hear mentions in channels",
    "assistant:write": "suggest prompts in the Messages tab",
    "channels:history": "follow threads in public channels that the bot is in",
    "channels:read": "know channels by name, for limits of a channel",
    "chat:write": "answer, stream, and show that an answer is on its way",
    "commands": "slash commands and shortcuts",
    "files:read": "read text files and pictures that come with a question",
    "files:write": "send what is too long for a message, and exports",
    "groups:history": "follow threads in private channels that the bot is in",
    "groups:read": "know private channels by name",
    "im:history": "hear direct messages",
    "im:read": "tell direct messages from channels",
    "im:write": "write to somebody who asked to be told",
    "mpim:history": "hear group messages that the bot is in",
    "mpim:read": "tell group messages from channels",
    "usergroups:read": "user groups are the roles of Slack",
    "users:read": "names, whether somebody is a workspace admin, and how many people share a pool",
}
EVENTS = (
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "subteam_created",
    "subteam_members_changed",
    "subteam_self_added",
    "subteam_self_removed",
    "subteam_updated",
    "tokens_revoked",
    "user_change",
)
EVENTS_PATH, OAUTH_PATH, INSTALL_PATH = "/slack/events", "/slack/oauth_redirect", "/slack/install"
NAME_CHARS_MAX, APP_NAME_CHARS_MAX = 31, 35
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{NAME_CHARS_MAX - 1}}}")
# One of these, and Slack takes none of the manifest.
RESERVED = frozenset(
    {"apps", "archive", "away", "collapse", "dm", "dnd", "expand", "feed", "feedback", "invite"}
    | {"join", "kick", "leave", "me", "msg", "mute", "open", "pro", "remind", "remove", "rename"}
    | {"search", "shortcuts", "shrug", "star", "status", "topic", "who"}
)
# Callback ids of the shortcuts.
MY_QUOTA, ASK_ABOUT, SHOW_COST = "my_quota", "ask_about", "show_cost"


def problems(name: str, prefix: str, single: str, http: str) -> list[str]:
    """What is wrong with what was asked for; Slack would refuse the whole manifest."""
    found = []
    if not 1 <= len(name) <= APP_NAME_CHARS_MAX:
        found.append(text_slack.bad_app_name(APP_NAME_CHARS_MAX))
    if prefix and single:
        found.append(text_slack.PREFIX_OR_SINGLE)
    names = [single] if single else [f"{prefix}{one}" for one in NAMES]
    if any(one in RESERVED or not _NAME.fullmatch(one) for one in names):
        found.append(text_slack.bad_command_name(NAME_CHARS_MAX))
    if http and not http.startswith("https://"):
        found.append(text_slack.BAD_ADDRESS)
    return found


def written(name: str, prefix: str, single: str, http: str) -> str:
    """The manifest as it is pasted."""
    return json.dumps(manifest(name, prefix, single, http), indent=2, ensure_ascii=False)


def manifest(name: str = "Quotabot", prefix: str = "", single: str = "", http: str = "") -> Json:
    """The manifest; with an `http` address Slack sends there, else through a socket."""
    address = f"{http.rstrip('/')}{EVENTS_PATH}" if http else ""
    return {
        "_metadata": {"major_version": 1},
        "display_information": {
            "name": name,
            "description": text_slack.DESCRIPTION,
            "background_color": "#1F4E5F",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "agent_view": {
                "agent_description": text_slack.AGENT_DESCRIPTION,
                # Slack takes one language here; who opens the tab is shown them in their own.
                "suggested_prompts": prompts(Speech()),
            },
            "shortcuts": _shortcuts(),
            "slash_commands": [
                {**command, **({"url": address} if address else {})}
                for command in _commands(prefix, single)
            ],
        },
        "oauth_config": {
            **({"redirect_urls": [f"{http.rstrip('/')}{OAUTH_PATH}"]} if http else {}),
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {
                **({"request_url": address} if address else {}),
                "bot_events": list(EVENTS),
            },
            "interactivity": {
                "is_enabled": True,
                **({"request_url": address} if address else {}),
            },
            "org_deploy_enabled": False,
            "socket_mode_enabled": not address,
            "token_rotation_enabled": False,
        },
    }


def prompts(words: Speech) -> list[dict[str, str]]:
    """What can be asked with one click in the Messages tab."""
    return [
        {
            "title": words.say(title),
            "message": message if message.startswith("!") else words.say(message),
        }
        for title, message in text_slack.PROMPTS
    ]


def _commands(prefix: str, single: str) -> list[Json]:
    if single:
        hint, description = text_slack.SINGLE_COMMAND
        return [_command(single, description, hint)]
    return [_command(f"{prefix}{name}", *reversed(text_slack.COMMANDS[name])) for name in NAMES]


def _command(name: str, description: str, hint: str) -> Json:
    return {
        "command": f"/{name}",
        "description": description,
        "usage_hint": hint,
        "should_escape": True,
    }


def _shortcuts() -> list[Json]:
    kinds = {MY_QUOTA: "global", ASK_ABOUT: "message", SHOW_COST: "message"}
    return [
        {
            "name": text_slack.SHORTCUTS[callback][0],
            "type": kind,
            "callback_id": callback,
            "description": text_slack.SHORTCUTS[callback][1],
        }
        for callback, kind in kinds.items()
    ]
