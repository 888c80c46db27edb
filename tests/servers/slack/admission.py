"""auth.*, oauth.v2.access, apps.connections.open: who may come in."""

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.servers.slack.calls import TIER_3, UNLIMITED, Call, Method
from tests.servers.slack.errors import Json, NotPossibleError, RefusedError

if TYPE_CHECKING:
    from tests.servers.slack.server import Slack


def auth_test(call: Call) -> Json:
    installed = call.installation
    return {
        "url": f"https://{call.team.name.lower()}.slack.com/",
        "team": call.team.name,
        "user": call.slack.app.name.lower(),
        "team_id": call.team.id,
        "user_id": installed.bot_user_id,
        "bot_id": installed.bot_id,
        "is_enterprise_install": False,
    }


def auth_revoke(call: Call) -> Json:
    if not call.flag("test"):
        call.team.revoke("token_revoked")
    return {"revoked": not call.flag("test")}


def connections_open(call: Call) -> Json:
    return {"url": call.slack.new_ticket()}


def oauth_access(call: Call) -> Json:
    app = call.slack.app
    client_id, secret = credentials(call)
    if client_id != app.client_id:
        raise RefusedError("invalid_client_id")
    if secret != app.client_secret:
        raise RefusedError("bad_client_secret")
    found = call.slack.codes.pop(call.text("code"), None)  # Good once.
    if found is None:
        raise RefusedError("invalid_code")
    team_id, user_id, redirect = found
    if redirect and call.text("redirect_uri", redirect) != redirect:
        raise RefusedError("bad_redirect_uri")
    team = call.slack.teams[team_id]
    installed = call.slack.install(team)
    installed.authed_user_id = user_id
    return {
        "app_id": app.app_id,
        "authed_user": {"id": user_id},
        "scope": ",".join(installed.scopes),
        "token_type": "bot",
        "access_token": installed.token,
        "bot_user_id": installed.bot_user_id,
        "team": {"id": team.id, "name": team.name},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def credentials(call: Call) -> tuple[str, str]:
    """The client's id and secret, from HTTP Basic or from the arguments."""
    basic = call.text("_basic")
    if basic:
        try:
            user, _, secret = base64.b64decode(basic).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, secret
    return call.text("client_id"), call.text("client_secret")


def allow_url(slack: "Slack", team_id: str, user_id: str, authorize_url: str) -> str:
    """Grant what the address asks for: a code that is good once, and the state as it came."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
    if query.get("client_id") != slack.app.client_id:
        raise NotPossibleError("Slack shows an error: invalid client_id")
    wanted = {one for one in query.get("scope", "").split(",") if one}
    if not wanted or not wanted <= set(slack.app.scopes):
        raise NotPossibleError(f"Slack shows an error: scopes {sorted(wanted)}")
    redirect = query.get("redirect_uri", "")
    code = f"code-{slack.next_number()}"
    slack.codes[code] = (team_id, user_id, redirect)
    return f"{redirect}?{urlencode({'code': code, 'state': query.get('state', '')})}"


METHODS = {
    "api.test": Method(lambda _: {}, UNLIMITED, token="none"),
    "auth.test": Method(auth_test, UNLIMITED),
    "auth.revoke": Method(auth_revoke, TIER_3),
    "apps.connections.open": Method(connections_open, TIER_3, token="app"),
    "oauth.v2.access": Method(oauth_access, UNLIMITED, token="none"),
}
