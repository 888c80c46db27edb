"""Block Kit as Slack checks it. docs.slack.dev/reference/block-kit."""

import itertools
from typing import Any

from tests.servers.slack.errors import Json, RefusedError

_ids = itertools.count(1)


def checked_blocks(blocks: Any, surface: str) -> list[Json]:
    """The blocks with their ids filled in, or `invalid_blocks`."""
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    return [{"block_id": f"b{next(_ids)}", **block} for block in blocks]


def checked_view(view: Any, kinds: tuple[str, ...]) -> Json:
    """The view with its blocks checked."""
    if not isinstance(view, dict) or view.get("type") not in kinds:
        raise RefusedError("invalid_arguments", f"view.type must be one of {kinds}")
    return {**view, "blocks": checked_blocks(view.get("blocks"), str(view["type"]))}
