"""Wallets and scopes as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.errors import BadRuleError
from quota.members import EVERYONE, Member, Scope, Space

ids = st.text(min_size=1, max_size=12) | st.sampled_from(["a:b", "%3A", "%", "%25", "::", "%253A"])


@pytest.mark.parametrize(
    ("member", "wallet"),
    [
        (Member(Space("discord", "1234"), "5678"), "discord:1234:5678"),
        (Member(Space("slack", "T01"), "U:9"), "slack:T01:U:9"),
        (Member(Space("console", "a:b"), "ana"), "console:a%3Ab:ana"),
        (Member(Space("console", "50%"), "ana"), "console:50%25:ana"),
    ],
)
def test_a_wallet_reads_back_as_its_member(member: Member, wallet: str) -> None:
    assert member.wallet == wallet
    assert Member.from_wallet(wallet) == member


@given(ids, ids, ids, ids)
def test_no_two_members_share_a_wallet(space: str, name: str, space_2: str, name_2: str) -> None:
    one, other = Member(Space("x", space), name), Member(Space("x", space_2), name_2)
    assert Member.from_wallet(one.wallet) == one
    assert (one == other) == (one.wallet == other.wallet)


@pytest.mark.parametrize("text", ["", "ana", "console:ana", "console::ana", ":x:ana", "a:b:"])
def test_what_is_no_wallet_is_told(text: str) -> None:
    with pytest.raises(BadRuleError, match="is no member; write platform:space:id"):
        Member.from_wallet(text)


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (EVERYONE, "everyone"),
        (Scope("role", "Night Owl"), "role Night Owl"),
        (Scope("member", "ana"), "member ana"),
        (Scope("channel", "homework"), "channel homework"),
        (Scope("house"), "house"),
    ],
)
def test_a_scope_reads_as_people_say_it(scope: Scope, text: str) -> None:
    assert scope.text == text
