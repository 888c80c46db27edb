"""views.*: modals and home tabs. docs.slack.dev/surfaces/modals, /reference/views."""

import json
from typing import TYPE_CHECKING

from tests.servers.slack.blocks import checked_view
from tests.servers.slack.calls import TIER_4, Call, Method
from tests.servers.slack.clock import SECOND_MS
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import View

if TYPE_CHECKING:
    from tests.servers.slack.server import Slack
    from tests.servers.slack.team import Team

TRIGGER_MS = 3 * SECOND_MS
STACK_MAX = 3
VIEW_BYTES_MAX = 250_000


def view_payload(slack: "Slack", view: View) -> Json:
    """The view as answers and interactions show it."""
    team = next(team for team in slack.teams.values() if view.user in team.users)
    found: Json = {
        "private_metadata": "",
        "callback_id": "",
        "state": {"values": {}},
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        **view.payload,
        "id": view.id,
        "hash": view.hash,
        "blocks": view.blocks,
        "team_id": team.id,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": slack.app.app_id,
        "app_installed_team_id": team.id,
        "bot_id": team.installation.bot_id if team.installation is not None else "",
    }
    copied: Json = json.loads(json.dumps(found))
    return copied


def new_hash(slack: "Slack") -> str:
    return f"{slack.clock.now() // SECOND_MS}.{slack.next_number():08x}"


def given(call: Call, kinds: tuple[str, ...]) -> Json:
    """The view of a call, checked."""
    view = call.structure("view", "invalid_arguments")
    if len(json.dumps(view)) > VIEW_BYTES_MAX:
        raise RefusedError("view_too_large")
    return checked_view(view, kinds)


def exchanged(call: Call) -> str:
    """The person whose trigger this is; it is good once, for three seconds."""
    trigger = call.slack.triggers.get(call.text("trigger_id"))
    if trigger is None or trigger.team_id != call.team.id:
        raise RefusedError("invalid_trigger_id")
    if trigger.used:
        raise RefusedError("exchanged_trigger_id")
    if call.slack.clock.now() - trigger.made_at > TRIGGER_MS:
        raise RefusedError("expired_trigger_id")
    trigger.used = True
    return trigger.user


def free_external_id(team: "Team", payload: Json, own: View | None = None) -> None:
    external = payload.get("external_id")
    taken = [
        view
        for view in team.views.values()
        if external and view.payload.get("external_id") == external and not view.closed
    ]
    if [view for view in taken if view is not own]:
        raise RefusedError("duplicate_external_id")


def shown(slack: "Slack", team: "Team", user: str, payload: Json, calls: list[Json]) -> View:
    """A new view on top of this person's stack."""
    free_external_id(team, payload)
    stack = team.stacks.setdefault(user, [])
    if len(stack) >= STACK_MAX:
        raise RefusedError("push_limit_reached")
    view_id = slack.next_id("V")
    root = stack[0].id if stack else view_id
    previous = stack[-1].id if stack else None
    blocks = payload["blocks"]
    view = View(view_id, user, payload, new_hash(slack), blocks, root, previous, calls)
    stack.append(view)
    team.views[view.id] = view
    slack.watch.note(f"{team.users[user].name} sees the modal {view.callback_id}")
    return view


def close_view(team: "Team", view: View, *, clear: bool = False) -> None:
    """Take a view off its person's stack, or all of them."""
    stack = team.stacks.get(view.user, [])
    for one in list(stack):
        if clear or one is view:
            one.closed = True
            stack.remove(one)


def open_view(call: Call) -> Json:
    payload = given(call, ("modal",))
    user = exchanged(call)
    for old in list(call.team.stacks.get(user, [])):
        close_view(call.team, old)
    view = shown(call.slack, call.team, user, payload, [call.args])
    call.slack.opened[call.text("trigger_id")] = view
    call.slack.watch.changed()
    return {"view": view_payload(call.slack, view)}


def push(call: Call) -> Json:
    payload = given(call, ("modal",))
    user = exchanged(call)
    if not call.team.stacks.get(user):
        raise RefusedError("not_found")
    view = shown(call.slack, call.team, user, payload, [call.args])
    call.slack.opened[call.text("trigger_id")] = view
    call.slack.watch.changed()
    return {"view": view_payload(call.slack, view)}


def update(call: Call) -> Json:
    payload = given(call, ("modal", "home"))
    view = call.team.views.get(call.text("view_id"))
    if view is None and (external := call.text("external_id")):
        views = call.team.views.values()
        view = next((v for v in views if v.payload.get("external_id") == external), None)
    if view is None or view.closed:
        raise RefusedError("not_found")
    if (known := call.text("hash")) and known != view.hash:
        raise RefusedError("hash_conflict")
    free_external_id(call.team, payload, view)
    rewrite(call.slack, view, payload, call.args)
    return {"view": view_payload(call.slack, view)}


def rewrite(slack: "Slack", view: View, payload: Json, args: Json) -> None:
    view.payload, view.blocks = payload, payload["blocks"]
    view.hash = new_hash(slack)
    view.calls.append(args)
    slack.watch.note(f"the view {view.callback_id or view.type} changes")


def publish(call: Call) -> Json:
    if not call.slack.app.home_tab:
        raise RefusedError("not_enabled")
    payload = given(call, ("home",))
    user = call.text("user_id")
    if user not in call.team.users:
        raise RefusedError("invalid_arguments", "user_id is no member of this workspace")
    home = call.team.homes.get(user)
    if home is not None:
        if (known := call.text("hash")) and known != home.hash:
            raise RefusedError("hash_conflict")
        rewrite(call.slack, home, payload, call.args)
    else:
        view_id = call.slack.next_id("V")
        made = new_hash(call.slack)
        home = View(view_id, user, payload, made, payload["blocks"], view_id, calls=[call.args])
        call.team.homes[user] = call.team.views[view_id] = home
        call.slack.watch.note(f"{call.team.users[user].name} gets a home")
    return {"view": view_payload(call.slack, home)}


def after_submission(slack: "Slack", team: "Team", view: View, ack: Json) -> Json:
    """Do with a submitted modal what the acknowledgement says; returns the errors it shows."""
    action = ack.get("response_action")
    if action is None:
        close_view(team, view)
        return {}
    if action == "errors":
        errors: Json = ack["errors"]
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        assert errors, "Slack shows an error of its own where `errors` is empty"
        assert set(errors) <= inputs, f"errors for {sorted(set(errors) - inputs)}: no such inputs"
        return errors
    if action == "clear":
        close_view(team, view, clear=True)
        return {}
    payload = checked_view(ack["view"], ("modal",))
    if action == "update":
        rewrite(slack, view, payload, ack)
    elif action == "push":
        shown(slack, team, view.user, payload, [ack])
    else:
        raise AssertionError(f"Slack knows no response_action {action!r}")
    return {}


METHODS = {
    "views.open": Method(open_view, TIER_4, (), ("trigger_id", "view")),
    "views.push": Method(push, TIER_4, (), ("trigger_id", "view")),
    "views.update": Method(update, TIER_4, (), ("view",)),
    "views.publish": Method(publish, TIER_4, (), ("user_id", "view")),
}
