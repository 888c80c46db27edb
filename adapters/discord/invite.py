"""The link that invites the bot, with just the permissions that it has a use for."""

import base64
import binascii
from urllib.parse import urlencode

# Bit by bit (docs.discord.com, Permissions), each with its reason in docs/discord.md.
PERMISSIONS = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,
    "Create Public Threads": 1 << 35,
    "Create Private Threads": 1 << 36,
    "Send Messages in Threads": 1 << 38,
}
SCOPES = ("bot", "applications.commands")
ADDRESS = "https://discord.com/oauth2/authorize"


def application_of(token: str) -> str:
    """The id of the app that a token belongs to: its first part; empty where it is no token."""
    first = token.partition(".")[0]
    try:
        found = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return found if found.isdecimal() else ""


def link(application: str) -> str:
    """Where whoever manages a server can invite the bot."""
    query = {
        "client_id": application,
        "scope": " ".join(SCOPES),
        "permissions": str(sum(PERMISSIONS.values())),
        "integration_type": "0",
    }
    return f"{ADDRESS}?{urlencode(query)}"
