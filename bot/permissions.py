"""Who may do what: one function, one table. Asked at every command, and again at every click."""

from typing import Literal

from quota.members import Requester

Deed = Literal["look", "govern"]

# Every command by its first word (and second, where that decides), and what it takes.
DEEDS: dict[str, Deed] = {
    "quota": "look",
    "help": "look",
    "new": "look",
    "stop": "look",
    "model": "look",
    "quota-admin": "govern",
}


def allowed(requester: Requester, command: str) -> bool:
    """Whether this requester may use the command; nobody may use an unknown one."""
    deed = DEEDS.get(command)
    return deed == "look" or (deed == "govern" and requester.is_admin)
