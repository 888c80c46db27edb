"""Who may do what, by five identities: member, staff, admin, admin of another space, bot."""

import pytest

from bot.permissions import ACTIONS, DEEDS, FOR_STAFF, may, may_command, may_press
from tests.fakes import requester

MEMBER = requester("ana", roles=["admin", "Moderator", "quota-admin"])
STAFF = requester("sam", staff=True)
ADMIN = requester("ada", admin=True)
# Being an admin is worked out from the event, for the space of the event: elsewhere it is nothing.
STRANGER = requester("eve", space="discord:7")
BOT = requester("quotabot")

LOOKS = ["quota", "help"]
OWN = ["new", "stop", "model", "chat", "privacy"]


@pytest.mark.parametrize("command", [*LOOKS, *OWN])
@pytest.mark.parametrize("who", [MEMBER, STAFF, ADMIN, STRANGER])
def test_everybody_may_look_and_act_for_themselves(who: object, command: str) -> None:
    assert may_command(who, command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "staff", "govern"),
    [
        (MEMBER, False, False),
        (STAFF, True, False),
        (ADMIN, True, True),
        (STRANGER, False, False),
        (BOT, False, False),
    ],
)
def test_only_staff_may_help_and_only_admins_govern(who: object, staff: bool, govern: bool) -> None:
    assert may_command(who, "quota-staff") is staff  # type: ignore[arg-type]
    assert may_command(who, "quota-admin") is govern  # type: ignore[arg-type]
    for name, deed in ACTIONS.items():
        if deed in {"staff", "govern"}:
            wanted = {"staff": staff, "govern": govern}[deed]
            assert may_press(who, name, "") is wanted, name  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(n for n, deed in ACTIONS.items() if deed == "own"))
def test_what_belongs_to_somebody_is_theirs_alone(name: str) -> None:
    assert may_press(MEMBER, name, "ana")
    assert not may_press(BOT, name, "ana")
    assert not may_press(STRANGER, name, "ana")
    for helper in (STAFF, ADMIN):
        assert may_press(helper, name, "ana") is (name in FOR_STAFF)


@pytest.mark.parametrize("command", ["", "Quota-Admin", "quota-admin ", "granted", "quota admin"])
def test_nobody_may_do_what_is_not_in_the_table(command: str) -> None:
    assert not may_command(ADMIN, command)
    assert not may_press(ADMIN, command, "")
    assert not may(ADMIN, None)


def test_the_table_holds_what_is_tested_here() -> None:
    assert set(DEEDS) == {*LOOKS, *OWN, "quota-staff", "quota-admin"}
