"""users.*, usergroups.*, conversations.*, reactions.*, files.*, team.info, bots.info."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.servers.slack.calls import TIER_2, TIER_3, TIER_4, Call, Method
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import Channel, File, Message

if TYPE_CHECKING:
    from tests.servers.slack.user import User

READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
HISTORY = {kind: scope.replace(":read", ":history") for kind, scope in READ.items()}
FREE_PLAN = "free"


def user_of(call: Call, name: str = "user") -> "User":
    user = call.team.users.get(call.text(name))
    if user is None:
        raise RefusedError("user_not_found")
    return user


def users_info(call: Call) -> Json:
    if call.text("user") == call.installation.bot_user_id:
        return {"user": bot_as_user(call)}
    return {"user": user_of(call).info(locale=call.flag("include_locale"))}


def bot_as_user(call: Call) -> Json:
    installed = call.installation
    return {
        "id": installed.bot_user_id,
        "team_id": call.team.id,
        "name": call.slack.app.name.lower(),
        "is_bot": True,
        "is_admin": False,
        "is_owner": False,
        "deleted": False,
        "profile": {"bot_id": installed.bot_id, "display_name": call.slack.app.name},
    }


def users_list(call: Call) -> Json:
    locale = call.flag("include_locale")
    members = [user.info(locale=locale) for user in call.team.users.values()]
    return page(call, "members", [*members, bot_as_user(call)])


def page(call: Call, name: str, items: Sequence[object], default: int = 100) -> Json:
    """One page of a list, and the cursor to the next."""
    limit = call.number("limit", default)
    if not 1 <= limit <= 1000:
        raise RefusedError("invalid_limit")
    start = 0
    if cursor := call.text("cursor"):
        if not (cursor.startswith("next:") and cursor[5:].isdigit()):
            raise RefusedError("invalid_cursor")
        start = int(cursor[5:])
    end = start + limit
    following = f"next:{end}" if end < len(items) else ""
    return {
        name: list(items[start:end]),
        "response_metadata": {"next_cursor": following},
        "has_more": bool(following),
    }


def usergroups_list(call: Call) -> Json:
    if call.team.plan == FREE_PLAN:
        raise RefusedError("plan_upgrade_required")
    users, disabled = call.flag("include_users"), call.flag("include_disabled")
    groups = [group for group in call.team.groups.values() if disabled or not group.disabled]
    return {"usergroups": [one.payload(call.team.id, users=users) for one in groups]}


def usergroup_users(call: Call) -> Json:
    if call.team.plan == FREE_PLAN:
        raise RefusedError("plan_upgrade_required")
    group = call.team.groups.get(call.text("usergroup"))
    if group is None:
        raise RefusedError("no_such_subteam")
    return {"users": sorted(group.users)}


def channel_payload(call: Call, channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_member": call.installation.bot_user_id in channel.members,
        "context_team_id": call.team.id,
        **({"user": other(call, channel)} if channel.kind == "im" else {}),
    }


def other(call: Call, channel: Channel) -> str:
    return next(user for user in channel.members if user != call.installation.bot_user_id)


def readable(call: Call, scopes: dict[str, str]) -> Channel:
    channel = call.channel(member=False)
    call.need(scopes[channel.kind])
    return channel


def conversations_info(call: Call) -> Json:
    return {"channel": channel_payload(call, readable(call, READ))}


def conversations_list(call: Call) -> Json:
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
    asked = call.text("types", "public_channel").split(",")
    if not set(asked) <= set(kinds):
        raise RefusedError("invalid_types")
    wanted = {kinds[one.strip()] for one in asked}
    for kind in wanted:
        call.need(READ[kind])
    bot = call.installation.bot_user_id
    channels = [
        channel_payload(call, channel)
        for channel in call.team.channels.values()
        if channel.kind in wanted and (channel.kind == "channel" or bot in channel.members)
        if not (channel.archived and call.flag("exclude_archived"))
    ]
    return page(call, "channels", channels)


def users_conversations(call: Call) -> Json:
    return conversations_list(call)


def conversations_members(call: Call) -> Json:
    return page(call, "members", sorted(readable(call, READ).members))


def conversations_open(call: Call) -> Json:
    call.need("im:write", "mpim:write")
    users = [one for one in call.text("users").split(",") if one]
    if not users:
        raise RefusedError("users_list_not_supplied")
    if len(users) > 1:
        raise RefusedError("method_not_supported_for_channel_type")
    user = call.team.users.get(users[0])
    if user is None:
        raise RefusedError("user_not_found")
    if user.flags["deleted"]:
        raise RefusedError("user_disabled")
    return {"channel": {"id": call.team.dm(user).id}}


def within(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = call.text("oldest", "0"), call.text("latest", "9999999999")
    inclusive = call.flag("inclusive")
    return [
        message
        for message in messages
        if oldest < message.ts < latest or (inclusive and message.ts in {oldest, latest})
    ]


def stored(call: Call, message: Message) -> Json:
    """A message as history shows it."""
    found = call.team.event_of(message)
    for name in ("channel", "channel_type", "event_ts"):
        found.pop(name, None)
    replies = [m for m in message.channel.thread(message.ts) if m is not message]
    if replies:
        found |= {"thread_ts": message.ts, "reply_count": len(replies)}
    if message.by_bot and message.markdown:
        found["text"] = message.markdown
    if message.metadata and call.flag("include_all_metadata"):
        found["metadata"] = message.metadata
    return found


def conversations_history(call: Call) -> Json:
    channel = readable(call, HISTORY)
    if call.installation.bot_user_id not in channel.members:
        raise RefusedError("not_in_channel")
    found = [m for m in channel.messages if m.thread_ts in {None, m.ts} or m.broadcast]
    found = within(call, [m for m in found if not (m.deleted or m.is_ephemeral)])
    return page(call, "messages", [stored(call, m) for m in reversed(found)])


def conversations_replies(call: Call) -> Json:
    channel = readable(call, HISTORY)
    ts = call.text("ts")
    root = channel.message(ts)
    if root is None:
        raise RefusedError("thread_not_found")
    thread = channel.thread(root.root_ts)
    kept = within(call, [message for message in thread if message.ts != root.root_ts])
    first = [message for message in thread if message.ts == root.root_ts]
    return page(call, "messages", [stored(call, m) for m in first + kept], 1000)


def reactions_add(call: Call) -> Json:
    message = call.message("timestamp", call.channel())
    users = message.reactions.setdefault(call.text("name"), set())
    if call.installation.bot_user_id in users:
        raise RefusedError("already_reacted")
    users.add(call.installation.bot_user_id)
    return {}


def reactions_remove(call: Call) -> Json:
    message = call.message("timestamp", call.channel())
    users = message.reactions.get(call.text("name"), set())
    if call.installation.bot_user_id not in users:
        raise RefusedError("no_reaction")
    users.discard(call.installation.bot_user_id)
    return {}


def upload_url(call: Call) -> Json:
    if call.number("length", 0) <= 0:
        raise RefusedError("invalid_arguments", "length must be positive")
    file = File(call.text("filename"), uploaded=False)
    call.slack.keep_file(call.team, call.installation.bot_user_id, file)
    return {"upload_url": call.slack.upload_address(file), "file_id": file.id}


def complete_upload(call: Call) -> Json:
    files = []
    for one in call.structure("files", "invalid_arguments") or []:
        file = call.team.files.get(one.get("id", ""))
        if file is None or not file.uploaded:
            raise RefusedError("file_not_found")
        files.append(file)
    if call.text("channel_id"):
        channel = call.channel("channel_id")
        share(call, channel, files)
    return {"files": [file.payload for file in files]}


def share(call: Call, channel: Channel, files: list[File]) -> None:
    message = Message(
        channel,
        call.slack.stamps.next(),
        call.installation.bot_user_id,
        call.text("initial_comment"),
        thread_ts=call.text("thread_ts") or None,
        by_bot=True,
        files=files,
        calls=[{"method": call.method, **call.args}],
    )
    for file in files:
        file.channels.append(channel.id)
    call.team.write(message)
    call.team.emit_message(channel, call.team.event_of(message))


def files_info(call: Call) -> Json:
    file = call.team.files.get(call.text("file"))
    if file is None:
        raise RefusedError("file_not_found")
    return {"file": file.payload}


def team_info(call: Call) -> Json:
    domain = call.team.name.lower()
    return {"team": {"id": call.team.id, "name": call.team.name, "domain": domain}}


def bots_info(call: Call) -> Json:
    if call.text("bot") not in {"", call.installation.bot_id}:
        raise RefusedError("bot_not_found")
    installed = call.installation
    ids = {"id": installed.bot_id, "user_id": installed.bot_user_id}
    return {"bot": {**ids, "app_id": call.slack.app.app_id, "name": call.slack.app.name}}


USERS, GROUPS, REACT = ("users:read",), ("usergroups:read",), ("reactions:write",)
METHODS = {
    "users.info": Method(users_info, TIER_4, USERS, ("user",)),
    "users.list": Method(users_list, TIER_2, USERS),
    "usergroups.list": Method(usergroups_list, TIER_2, GROUPS),
    "usergroups.users.list": Method(usergroup_users, TIER_2, GROUPS, ("usergroup",)),
    "conversations.info": Method(conversations_info, TIER_3, (), ("channel",)),
    "conversations.list": Method(conversations_list, TIER_2),
    "users.conversations": Method(users_conversations, TIER_3),
    "conversations.members": Method(conversations_members, TIER_4, (), ("channel",)),
    "conversations.open": Method(conversations_open, TIER_3),
    "conversations.history": Method(conversations_history, TIER_3, (), ("channel",)),
    "conversations.replies": Method(conversations_replies, TIER_3, (), ("channel", "ts")),
    "reactions.add": Method(reactions_add, TIER_3, REACT, ("channel", "timestamp", "name")),
    "reactions.remove": Method(reactions_remove, TIER_2, REACT, ("channel", "timestamp", "name")),
    "files.getUploadURLExternal": Method(
        upload_url, TIER_4, ("files:write",), ("filename", "length")
    ),
    "files.completeUploadExternal": Method(complete_upload, TIER_4, ("files:write",), ("files",)),
    "files.info": Method(files_info, TIER_4, ("files:read",), ("file",)),
    "team.info": Method(team_info, TIER_3, ("team:read",)),
    "bots.info": Method(bots_info, TIER_3, USERS),
}
