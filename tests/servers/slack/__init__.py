"""Slack on loopback, spoken to by the real slack-bolt and slack-sdk through `base_url`.

    async with Slack(clock=clock) as slack:                  # or Slack(App.of_manifest(manifest))
        team = slack.team("Acme")
        ana = team.user("ana", groups=["supporters"])
        general = team.channel("general")                    # everybody so far, and the bot
        ... start the bot with slack.base_url, team.token, slack.app.app_token ...
        asked = await ana.says(general, "@bot hello")        # thread=, files=, broadcast=
        answer = await team.answer_to(asked)                 # the bot's next finished message there
        assert answer.shown == "..." and answer.payload["..."]   # the very arguments it sent
        ran = await ana.command(general, "/quota", "rules")  # .ack, .error, await ran.answer(),
        view = await ran.modal()                             # ... or the modal that it opened
        await ana.submits(view, {"amount": "20k", "who": bo})
        await ana.clicks(answer, "more")                     # NotPossibleError where she sees none
        await ana.stops(answer)                              # the native stop button
        await ana.opens_home()                               # then team.homes[ana.id]
        slack.deliver_again(asked.event_ids[0])              # a lost acknowledgement
        assert team.sees(ana, general) and not team.hanging and not slack.rate_limited

Whatever waits, is woken by the change itself; a wait in vain fails after five real seconds with a
transcript. Time that Slack measures (streams, triggers, response URLs, acknowledgements, retries,
pace) is that of the injected clock. The test fails at its end if a method was called that Slack
does not have. Things go wrong on demand: `slack.fail_next`, `slack.limit_next`, `slack.pace.set`,
`slack.sockets.disconnect` and `drop`, `team.revoke`, `team.uninstall`, `slack.send_over_http(url)`
with `slack.http.forge` and `replay`. `slack.pace.off()` for tests of something else than pace.

What is checked, and after which page (under docs.slack.dev unless said):
- calls.py      tiers, scopes, required arguments: reference/methods/*, apis/web-api/rate-limits,
                slack-ruby/slack-api-ref. 429 with Retry-After; `ratelimited` is counted.
- chat.py       posts, edits, ephemeral messages: reference/methods/chat.*. A text over 40,000 is
                cut (`message.truncated`), over 4,000 refused in an edit; no edit while it streams.
- streaming.py  streams and agent sessions: ai/agent-sessions, reference/methods/chat.*Stream and
                agents.sessions.*, events/agent_session_stopped; 5 minutes: python-slack-sdk#1859.
- viewing.py    surfaces/modals, reference/views: triggers, hashes, stacks of three, 250 kB.
- responding.py interactivity/handling-user-interaction: five uses, thirty minutes.
- blocks.py, elements.py, shapes.py   reference/block-kit/*, blocks.json for the surfaces; what is
                chosen already must be an id, or a number where one is typed.
- delivery.py, signing.py   apis/events-api (three seconds, three retries), using-socket-mode,
                authentication/verifying-requests-from-slack.
- places.py     users, usergroups, conversations, reactions, files; admission.py: auth, OAuth.
- mrkdwn.py     messaging/formatting-message-text: who is pinged, which links unfurl.
- manifest.py   reference/app-manifest, slackapi/manifest-schema.

Guests of shared channels are users with another `home_id`; streams name the workspace of their
reader. Not modelled: Enterprise Grid, shared channels in all else, token rotation, scheduled
messages, canvases, lists, workflows, legacy attachments beyond their number, external selects,
files in modals, reading receipts. A block or element that is not modelled is refused as unknown.
"""

from tests.servers.slack.app import App
from tests.servers.slack.errors import NotPossibleError
from tests.servers.slack.model import Channel, File, Message, View
from tests.servers.slack.server import Slack
from tests.servers.slack.team import Team
from tests.servers.slack.user import User

__all__ = ["App", "Channel", "File", "Message", "NotPossibleError", "Slack", "Team", "User", "View"]
