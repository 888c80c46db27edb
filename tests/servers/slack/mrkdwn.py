"""Who would be pinged by a text, and which links would unfurl.

From docs.slack.dev/messaging/formatting-message-text. Where it is not known whether Slack reads a
token (inside code, in Markdown), it counts as read: a bot that is quiet here is quiet in Slack.
"""

import re

TOKEN = re.compile(r"<([^<>\s|][^<>|]*)(?:\|([^<>]*))?>")
BARE_LINK = re.compile(r"(?<![\w<|])https?://[^\s<>|)\]]+")
NAME = re.compile(r"(?<![\w.])@([a-z0-9][\w.-]*)", re.IGNORECASE)


def escaped(text: str) -> str:
    """The three characters that Slack escapes in what people write."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pings(text: str, *, link_names: bool = False) -> set[str]:
    """Ids of members and user groups, and `!channel`, `!here`, `!everyone`."""
    found = set()
    for match in TOKEN.finditer(text):
        token = match[1]
        if token.startswith(("@U", "@W")):
            found.add(token[1:])
        elif token.startswith("!subteam^"):
            found.add(token.removeprefix("!subteam^"))
        elif token in {"!channel", "!here", "!everyone", "!group"}:
            found.add(token)
    if link_names:
        found |= {f"@{name}" for name in NAME.findall(text)}
    return found


def links(text: str) -> set[str]:
    """Addresses in a text, written out or in Slack's brackets."""
    found = {match[1] for match in TOKEN.finditer(text) if match[1].startswith("http")}
    return found | set(BARE_LINK.findall(text))


def parsed_texts(node: object) -> list[str]:
    """The texts in blocks that Slack reads for mentions and links: all but plain_text."""
    if isinstance(node, list):
        return [text for item in node for text in parsed_texts(item)]
    if not isinstance(node, dict):
        return []
    match node:
        case {"type": "plain_text" | "raw_text"}:
            return []
        case {"type": "mrkdwn" | "markdown" | "markdown_text", "text": str(text)}:
            return [text]
        case {"type": "user", "user_id": str(user)}:
            return [f"<@{user}>"]
        case {"type": "usergroup", "usergroup_id": str(group)}:
            return [f"<!subteam^{group}>"]
        case {"type": "broadcast", "range": str(everyone)}:
            return [f"<!{everyone}>"]
        case {"type": "link", "url": str(url)}:
            return [f"<{url}>"]
        case _:
            return [text for value in node.values() for text in parsed_texts(value)]
