"""Who may do what."""

import pytest

from bot.permissions import DEEDS, allowed
from tests.fakes import requester

LOOKS = ["quota", "help", "new", "stop", "model"]


@pytest.mark.parametrize("command", LOOKS)
def test_everybody_may_look(command: str) -> None:
    assert allowed(requester(), command)
    assert allowed(requester(admin=True), command)


def test_only_an_admin_may_govern() -> None:
    assert allowed(requester(admin=True), "quota-admin")
    assert not allowed(requester(), "quota-admin")
    assert not allowed(requester("ada", roles=["admin", "Moderator"]), "quota-admin")


@pytest.mark.parametrize("command", ["", "Quota-Admin", "quota-admin ", "grant", "quota admin"])
def test_nobody_may_do_what_is_not_in_the_table(command: str) -> None:
    assert not allowed(requester(admin=True), command)


def test_the_table_holds_what_is_tested_here() -> None:
    assert set(DEEDS) == {*LOOKS, "quota-admin"}
