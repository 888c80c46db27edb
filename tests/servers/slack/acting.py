"""What a click or a submission says: the values of elements, as Slack's window would send them."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tests.servers.slack.delivery import Delivery
from tests.servers.slack.errors import Json, NotPossibleError
from tests.servers.slack.model import Message, ResponseUrl, View

if TYPE_CHECKING:
    from tests.servers.slack.team import Team
    from tests.servers.slack.user import User

ONE = {
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
}
MANY = {
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}
OPTION = {"static_select", "overflow", "radio_buttons"}
OPTIONS = {"multi_static_select", "checkboxes"}


class Asked:
    """A command or interaction after the app had its three seconds."""

    def __init__(self, user: "User", delivery: Delivery, url: ResponseUrl | None) -> None:
        self.user = user
        self.delivery = delivery
        self.url = url
        self.errors: Json = {}  # What a submission's `response_action: errors` said.

    @property
    def ack(self) -> Json:
        """What the acknowledgement carried."""
        return (self.delivery.acks[-1] if self.delivery.acks else None) or {}

    @property
    def error(self) -> str:
        """What the person is told by Slack itself, as `operation_timeout`; empty if all is well."""
        failed = self.delivery.failed
        if not failed:
            return ""
        return "operation_timeout" if "timeout" in failed else "dispatch_failed"

    async def settled(self) -> "Asked":
        """Return when the app answered, or when it is too late."""
        await self.delivery.ended()
        if self.url is not None and self.delivery.kind == "slash_commands" and self.ack:
            self.user.team.slack.respond(self.url, self.ack, from_ack=True)
        return self

    @property
    def messages(self) -> list[Message]:
        """What came by the acknowledgement and by response_url."""
        return self.url.posted if self.url is not None else []

    async def answer(self, number: int = 1) -> Message:
        """Wait for so many messages, and return the last of them."""
        found = await self.user.team.slack.watch.until(
            lambda: self.messages if len(self.messages) >= number else None,
            f"{number} answer(s) to {self.delivery.label}",
        )
        return found[number - 1]

    async def modal(self) -> View:
        """Wait for the modal that this opened."""
        trigger = self.delivery.payload["trigger_id"]
        slack = self.user.team.slack
        return await slack.watch.until(
            lambda: slack.opened.get(trigger), f"a modal after {self.delivery.label}"
        )


def plain(value: Any) -> Any:
    """The id of a person or a place, in lists too; anything else as it is."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return getattr(value, "id", value)


def elements_of(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each element that can be acted on, with its block."""
    for block in blocks:
        found = [*block.get("elements", ())]
        found += [block[name] for name in ("accessory", "element") if name in block]
        found += block.get("actions", ()) if isinstance(block.get("actions"), list) else ()
        for element in found:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element
        for name in ("child_blocks", "elements"):
            inner = [one for one in block.get(name, ()) if isinstance(one, dict)]
            yield from elements_of([one for one in inner if "block_id" in one])


def find_element(
    blocks: list[Json], action_id: str, block_id: str | None = None
) -> tuple[Json, Json]:
    """The element with this action id; a test that means one of several names the block."""
    found = [
        (block, element)
        for block, element in elements_of(blocks)
        if element["action_id"] == action_id and block_id in {None, block.get("block_id")}
    ]
    if len(found) == 1:
        return found[0]
    have = sorted({element["action_id"] for _, element in elements_of(blocks)})
    raise NotPossibleError(f"{len(found)} elements are {action_id!r}; there are {have}")


def option_of(element: Json, value: Any) -> Json:
    """The option with this value or this text."""
    groups = element.get("option_groups") or [{"options": element.get("options", [])}]
    options: list[Json] = [option for group in groups for option in group["options"]]
    for option in options:
        if value in {option.get("value"), option["text"]["text"]}:
            return option
    have = [option.get("value") for option in options]
    raise NotPossibleError(f"no option {value!r} in {element['action_id']}: {have}")


def value_of(element: Json, value: Any) -> Json:
    """What an element says once this value was chosen or typed."""
    kind = element["type"]
    value = plain(value)
    if kind in {"button", "icon_button"}:
        found: Json = {
            name: element[name] for name in ("value", "text", "style") if name in element
        }
        return {"type": kind, **found}
    if kind == "feedback_buttons":
        chosen = element["positive_button" if value in {None, True} else "negative_button"]
        if isinstance(value, str):
            both = (element["positive_button"], element["negative_button"])
            chosen = next(one for one in both if one.get("value") == value)
        return {"type": kind, "value": chosen.get("value"), "text": chosen["text"]}
    if kind in OPTION:
        return {"type": kind, "selected_option": option_of(element, value)}
    if kind in OPTIONS:
        return {"type": kind, "selected_options": [option_of(element, one) for one in value]}
    if kind in MANY:
        return {"type": kind, MANY[kind][0]: value}
    check_typed(element, value)
    return {"type": kind, ONE[kind][0]: value}


def check_typed(element: Json, value: Any) -> None:
    """Hold what is typed to the limits that Slack's window enforces."""
    if element["type"] == "plain_text_input":
        long, short = element.get("max_length", 3000), element.get("min_length", 0)
        if not short <= len(value) <= long:
            raise NotPossibleError(f"{element['action_id']} takes {short} to {long} characters")
    elif element["type"] == "number_input":
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise NotPossibleError(f"{value!r} is no number") from None
        whole = number == number.to_integral_value()
        if not whole and not element.get("is_decimal_allowed"):
            raise NotPossibleError(f"{element['action_id']} takes whole numbers only")
        low, high = element.get("min_value"), element.get("max_value")
        if low is not None and number < Decimal(low):
            raise NotPossibleError(f"{value} is below {low}")
        if high is not None and number > Decimal(high):
            raise NotPossibleError(f"{value} is above {high}")


def initial_of(element: Json) -> Json:
    """What an element says that nobody touched."""
    kind = element["type"]
    if kind in OPTION:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in OPTIONS:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in MANY:
        return {"type": kind, MANY[kind][0]: element.get(MANY[kind][1], [])}
    name, initial = ONE[kind]
    return {"type": kind, name: element.get(initial)}


def values_of(blocks: list[Json], given: Json, *, strict: bool = False) -> Json:
    """The `state.values` of a view or message, with what a person entered.

    `strict` is a submission: an input that is required must have a value, as Slack's window
    would insist, and everything given must have found its input.
    """
    values: Json = {}
    left = dict(given)
    for block, element in elements_of(blocks):
        if element["type"] not in ONE.keys() | MANY.keys() | OPTION | OPTIONS:
            continue
        if element["type"] == "overflow":
            continue
        label = block.get("label", {}).get("text", "")
        names = [n for n in (block["block_id"], element["action_id"], label) if n in left]
        said = value_of(element, left.pop(names[0])) if names else initial_of(element)
        filled = any(one not in (None, [], "") for key, one in said.items() if key != "type")
        if strict and block["type"] == "input" and not (filled or block.get("optional")):
            raise NotPossibleError(f"{label or element['action_id']} must be filled in")
        values.setdefault(block["block_id"], {})[element["action_id"]] = said
    assert not left, f"this view has no inputs {sorted(left)}"
    return values


def interaction(user: "User", kind: str) -> Json:
    """What every interaction says: who, where, and the trigger that comes with it."""
    team, slack = user.team, user.team.slack
    return {
        "type": kind,
        "team": {"id": team.id, "domain": team.name.lower()},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.home_id},
        "api_app_id": slack.app.app_id,
        "token": "verification-token",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": team.new_trigger(user.id).id,
    }


def place_of(team: "Team", message: Message) -> Json:
    """Where a click in a message happened; an ephemeral message itself is not sent along."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    name = message.channel.name or "directmessage"
    found: Json = {"container": container, "channel": {"id": message.channel.id, "name": name}}
    if not message.is_ephemeral:
        found["message"] = team.event_of(message)
    return found
