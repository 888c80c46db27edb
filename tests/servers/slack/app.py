"""The app under test as Slack's settings pages know it, and its installations."""

from dataclasses import dataclass, field

from tests.servers.slack.errors import Json

SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
)
EVENTS = (
    "agent_session_stopped",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "file_shared",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "subteam_created",
    "subteam_members_changed",
    "subteam_updated",
    "tokens_revoked",
    "user_change",
)


@dataclass(kw_only=True)
class App:
    """What the settings pages of one app say.

    `commands` and `shortcuts` None: whatever a test uses is taken as declared.
    """

    app_id: str = "A0APP0001"
    name: str = "Quotabot"
    client_id: str = "111.222"
    client_secret: str = "client-secret"
    signing_secret: str = "signing-secret"
    app_token: str = "xapp-1-A0APP0001-1-secret"
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = EVENTS
    commands: dict[str, Json] | None = None
    shortcuts: dict[str, Json] | None = None
    is_agent: bool = True
    home_tab: bool = True
    messages_tab: bool = True

    @classmethod
    def of_manifest(cls, manifest: Json, **changes: object) -> "App":
        """The app that this manifest would make, with exactly its scopes, events and commands."""
        features = manifest.get("features", {})
        subscribed = manifest.get("settings", {}).get("event_subscriptions", {})
        home = features.get("app_home", {})
        found = {
            "name": manifest["display_information"]["name"],
            "scopes": tuple(manifest["oauth_config"]["scopes"].get("bot", ())),
            "events": tuple(subscribed.get("bot_events", ())),
            "commands": {one["command"]: one for one in features.get("slash_commands", ())},
            "shortcuts": {one["callback_id"]: one for one in features.get("shortcuts", ())},
            "is_agent": "agent_view" in features,
            "home_tab": bool(home.get("home_tab_enabled")),
            "messages_tab": bool(home.get("messages_tab_enabled")),
        }
        return cls(**{**found, **changes})


@dataclass
class Installation:
    """The app in one team: its bot and its token."""

    team_id: str
    bot_user_id: str
    bot_id: str
    token: str
    scopes: tuple[str, ...]
    revoked: str = ""  # The error that its token gets, once it is no good any more.
    authed_user_id: str = field(default="")
