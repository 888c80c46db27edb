"""All methods that the double has; any other is `unknown_method`, and fails the test."""

from collections.abc import Mapping

from tests.servers.slack import admission, chat, places, streaming, viewing
from tests.servers.slack.calls import Method

METHODS: Mapping[str, Method] = {
    **admission.METHODS,
    **chat.METHODS,
    **streaming.METHODS,
    **viewing.METHODS,
    **places.METHODS,
}
