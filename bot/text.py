"""Every sentence a person reads. Numbers come from the books, times from the platform's own way.

House style: what, which rule, when, what now; at most 300 characters; no blame, no exclamation
marks; a bar always carries its numbers.

Why it is put together from parts: one module would be longer than a sitting. Cards that only one
command shows are functions in text_*.py beside this.
"""

from bot.text_cards import Cards
from bot.text_chat import Chat


class Words(Cards, Chat):
    """All sentences of one platform, written its way."""

    __slots__ = ()
