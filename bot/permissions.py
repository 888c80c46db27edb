"""Who may do what: one function, one table. Asked at every command, click and submit."""

from typing import Literal

from quota.members import Requester

# look: whoever is there. own: for oneself. staff: for those who help. govern: for admins.
Deed = Literal["look", "own", "staff", "govern"]

# Every command by its first word, and what it takes.
DEEDS: dict[str, Deed] = {
    "quota": "look",
    "help": "look",
    "model": "own",
    "new": "own",
    "stop": "own",
    "chat": "own",
    "privacy": "own",
    "quota-staff": "staff",
    "quota-admin": "govern",
}

# Every action and form by its name, and what it takes. Where an action names its owner, `own`
# asks for that very member; `staff` and `govern` do not, for a deed of theirs has no owner.
ACTIONS: dict[str, Deed] = {
    "again": "own",
    "onward": "own",
    "good": "own",
    "bad": "own",
    "stop": "own",
    "use": "own",
    "room": "own",
    "send": "own",
    "drop": "own",
    "sending": "own",
    "more": "own",
    "remind": "own",
    "settings": "own",
    "forget": "own",
    "privacy": "own",
    "quota": "look",
    "report": "look",
    "approve": "staff",
    "less": "staff",
    "deny": "staff",
    "apply": "govern",
    "cancel": "govern",
    "undo": "govern",
    "giveback": "govern",
    "line": "staff",
    "limit": "govern",
    "grant": "govern",
    "notice": "govern",
    "setup": "govern",
}
# What staff may do although it belongs to somebody else.
FOR_STAFF = frozenset({"stop"})


def may(requester: Requester, deed: Deed | None, owner: str = "") -> bool:
    """Whether this requester may do a deed; nobody may do an unknown one."""
    match deed:
        case "look":
            return True
        case "own":
            return owner in {"", requester.member.id}
        case "staff":
            return requester.is_staff or requester.is_admin
        case "govern":
            return requester.is_admin
        case None:
            return False


def may_command(requester: Requester, command: str) -> bool:
    """Whether this requester may use a command."""
    return may(requester, DEEDS.get(command))


def may_press(requester: Requester, name: str, owner: str) -> bool:
    """Whether this requester may use an action, or submit the form of this name."""
    if name in FOR_STAFF and may(requester, "staff"):
        return True
    return may(requester, ACTIONS.get(name), owner)
