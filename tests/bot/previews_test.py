"""What touches many people is shown first, applied by one press, and taken back by another."""

from typing import Any

import pytest

from bot.actions import AskAgain, Pressed, Shown
from bot.messages import Answer, Card
from quota.store import AuditRow
from quota.units import Usage
from tests.fakes import DAY, HOUR, MINUTE, requester
from tests.scripted import Bot, build, says, stepping_of

DAILY = "everyone: 10k tokens/day"
ADMIN = requester("ada", admin=True)


async def trail(bot: Bot) -> list[AuditRow]:
    return await bot.quotas.governing.audit_trail("console:console", 0, 100)


async def acts(bot: Bot) -> list[tuple[str, str, str]]:
    return [(row.actor, row.action, row.reason) for row in await trail(bot)]


async def used(bot: Bot, who: Any, tokens: int) -> None:
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    answer = await bot.answer(who)
    assert answer.charged_tokens == tokens
    bot.chat.forget(requester(who) if isinstance(who, str) else who)


async def shown(bot: Bot, line: str) -> Card:
    """A line of an admin on a platform with buttons."""
    return await bot.type(f"/quota-admin {line}", ADMIN, previews=True)


def subject(card: Card, name: str) -> str:
    return next(action.subject for action in card.panel.actions if action.name == name)


async def test_a_limit_is_shown_with_whom_it_touches_before_it_is_set() -> None:
    bot = build(DAILY)
    for who, tokens in (("ana", 600), ("bo", 300), ("cy", 501)):
        await used(bot, who, tokens)
    card = await shown(bot, "limit set 500 tokens per day -- the bill")
    assert card.panel.title == "Set this limit"
    assert card.panel.lines == (
        "everyone: 500 tokens/day (now 10k tokens/day).",
        (
            "This lowers the daily limit for 3 members; 2 are already above it and would wait "
            "until on day 1 at 00:00."
        ),
        "Apply?",
    )
    assert [a.label for a in card.panel.actions] == ["Apply", "Cancel"]
    assert (await bot.balance()).granted == 10_000
    assert await trail(bot) == []
    done = await bot.press("apply", subject(card, "apply"), ADMIN)
    assert isinstance(done, Shown)
    assert done.replaces
    assert done.card.panel.lines == (
        "everyone: 500 tokens/day (was 10k tokens/day). It holds from the next message on.",
    )
    assert (await bot.balance()).granted == 500
    assert await acts(bot) == [("ada", "limit set", "the bill")]


async def test_a_preview_tells_who_could_go_on() -> None:
    bot = build("everyone: 500 tokens/day")
    await used(bot, "ana", 480)
    await used(bot, "bo", 100)
    card = await shown(bot, "limit set 400 tokens per day")
    assert card.panel.lines[1] == (
        "This lowers the daily limit for 2 members; 1 is already above it and would wait "
        "until on day 1 at 00:00."
    )
    await bot.pressed("apply", subject(card, "apply"), ADMIN)
    card = await shown(bot, "limit set 2k tokens per day")
    assert card.panel.lines[1] == (
        "This raises the daily limit for 2 members; 1 of them wait now and could go on."
    )
    again = await shown(bot, "limit remove everyone tokens/day")
    assert again.panel.lines[:2] == (
        "everyone: 400 tokens/day would go. Then everyone: 500 tokens/day holds again.",
        "This raises the daily limit for 2 members; 1 of them wait now and could go on.",
    )


async def test_who_waits_already_is_not_counted_as_stopped_by_a_change() -> None:
    bot = build("everyone: 500 tokens/day")
    await used(bot, "ana", 500)
    card = await shown(bot, "limit set 400 tokens per day")
    assert card.panel.lines[1] == (
        "This lowers the daily limit for 1 member; nobody would have to wait now."
    )


async def test_a_limit_for_few_touches_few() -> None:
    bot = build(DAILY)
    for who in ("ana", "bo"):
        await used(bot, who, 100)
    mine = await shown(bot, "limit set 5k tokens per day for @ana")
    assert mine.panel.lines[1] == (
        "This lowers the daily limit for 1 member; nobody would have to wait now."
    )
    bot.commands.meet(requester("bo", roles=["Supporter"]))
    role = await shown(bot, "limit set 90k tokens per day for @Supporter")
    assert role.panel.lines[1:3] == (
        "This raises the daily limit for 1 member.",
        ("The roles of 1 member are not known yet: they have not written since the last start."),
    )
    nobody = await shown(bot, "limit set 90k tokens per day for @member:zoe")
    assert nobody.panel.lines[1] == (
        "It changes nothing for the 2 members who asked in the last 30 days."
    )


async def test_a_pool_is_shown_first_too() -> None:
    bot = build(DAILY, "space: 1M tokens/day")
    await used(bot, "ana", 400)
    await used(bot, "bo", 200)
    card = await shown(bot, "pool 500 tokens per day")
    assert card.panel.lines[1] == (
        "This lowers the daily limit that all share for 2 members; 2 are already above it and "
        "would wait until on day 1 at 00:00."
    )
    await bot.pressed("apply", subject(card, "apply"), ADMIN)
    assert (await bot.refusal("cy", "word " * 100)).refused.reason == "pool_used"


async def test_who_has_not_asked_for_a_month_is_not_counted() -> None:
    bot = build(DAILY)
    await used(bot, "ana", 100)
    bot.clock.advance(31 * DAY)
    card = await shown(bot, "limit set 5k tokens per day")
    assert card.panel.lines[1] == (
        "It changes nothing for the 0 members who asked in the last 30 days."
    )


async def test_what_is_cancelled_is_not_done() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    cancelled = await bot.press("cancel", subject(card, "cancel"), ADMIN)
    assert isinstance(cancelled, Shown)
    assert cancelled.replaces
    late = await bot.pressed("apply", subject(card, "apply"), ADMIN)
    assert late.panel.title == "Not applied"
    assert (await bot.balance()).granted == 10_000
    assert await trail(bot) == []


async def test_a_change_waits_a_quarter_of_an_hour_also_over_a_restart() -> None:
    bot = build(DAILY)
    first = await shown(bot, "limit set 5k tokens per day")
    again = build(DAILY, store=stepping_of(bot).inner)
    await again.quotas.start()
    again.clock.advance(15 * MINUTE - 1)
    await again.pressed("apply", subject(first, "apply"), ADMIN)
    assert (await again.balance()).granted == 5_000
    second = await shown(again, "limit set 6k tokens per day")
    again.clock.advance(15 * MINUTE)
    late = await again.pressed("apply", subject(second, "apply"), ADMIN)
    assert late.panel.lines == (
        (
            "This was shown more than 15 minutes ago, or is applied or cancelled already. "
            "Nothing was changed now. Write it again."
        ),
    )
    assert (await again.balance()).granted == 5_000


async def test_a_change_is_applied_once() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    assert (await bot.pressed("apply", subject(card, "apply"), ADMIN)).panel.title == "Limit set"
    twice = await bot.pressed("apply", subject(card, "apply"), ADMIN)
    assert twice.panel.title == "Not applied"
    assert len(await trail(bot)) == 1


async def test_a_preview_that_is_true_no_more_is_not_applied() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    await bot.type("/quota-admin limit set 20k tokens per day")
    late = await bot.pressed("apply", subject(card, "apply"), ADMIN)
    assert late.panel.title == "Not applied"
    assert "were changed since" in late.panel.lines[0]
    assert (await bot.balance()).granted == 20_000


@pytest.mark.parametrize(
    "who",
    [
        requester("ana"),
        requester("sam", staff=True),
        requester("eve", space="discord:7"),
        requester("quotabot"),
    ],
)
@pytest.mark.parametrize("name", ["apply", "cancel", "undo"])
async def test_who_is_no_admin_here_applies_nothing(who: Any, name: str) -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    await bot.type("/quota-admin block @bo")
    for values in ({}, {"confirm": "reset all"}):
        id_ = "1" if name == "undo" else subject(card, "apply")
        refused = await bot.pressed(name, id_, who, values=values)
        assert refused.panel.title == "Not allowed"
    assert (await bot.balance()).granted == 10_000
    assert [row[1] for row in await acts(bot)][-1] == "block"
    space = who.member.space.key
    attempts = await bot.quotas.governing.audit_trail(space, 0, 2)
    assert {(row.actor, row.action) for row in attempts} == {(who.member.id, "refused")}


async def test_the_admin_of_another_space_reaches_nothing_here() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    await bot.type("/quota-admin block @bo")
    stranger = requester("eve", space="discord:7", admin=True)
    late = await bot.pressed("apply", subject(card, "apply"), stranger)
    assert late.panel.title == "Not applied"
    undo = await bot.pressed("undo", "1", stranger)
    assert undo.panel.lines == ("There is no act 1 here.",)
    await bot.pressed("cancel", subject(card, "apply"), stranger)
    assert (await bot.pressed("apply", subject(card, "apply"), ADMIN)).panel.title == "Limit set"


async def test_to_reset_all_is_typed_once_more() -> None:
    bot = build(DAILY, "everyone: 5 requests/hour")
    for who in ("ana", "bo"):
        await used(bot, who, 300)
    card = await shown(bot, "reset all -- our fault")
    assert card.panel.lines == (
        "This writes off what 2 members have used in their current periods.",
        "Running answers keep their reservation. It cannot be undone. Apply?",
    )
    pressed = Pressed(ADMIN, "apply", subject(card, "apply"))
    form = bot.actions.form(pressed, bot.words)
    assert form is not None
    assert form.fields[0].label == 'Type "reset all" to go on'
    wrong = await bot.pressed("apply", form.subject, ADMIN, values={"confirm": "yes"})
    assert wrong.panel.title == "That did not work"
    bare = await bot.pressed("apply", form.subject, ADMIN)
    assert bare.panel.title == "That did not work"
    assert (await bot.balance("ana")).used == 300
    done = await bot.pressed("apply", form.subject, ADMIN, values={"confirm": "Reset ALL "})
    assert done.panel.lines == (
        "What 2 members had used is written off; running answers keep their reservation.",
    )
    assert [(await bot.balance(who)).used for who in ("ana", "bo")] == [0, 0]
    assert [(row.action, row.subject) for row in await trail(bot)] == [
        ("reset", "console:console:bo"),
        ("reset", "console:console:ana"),
    ]
    twice = await bot.pressed("apply", form.subject, ADMIN, values={"confirm": "reset all"})
    assert twice.panel.title == "Not applied"
    limit = await shown(bot, "limit set 5k tokens per day")
    assert bot.actions.form(Pressed(ADMIN, "apply", subject(limit, "apply")), bot.words) is None
    await bot.is_clean()


async def test_without_buttons_an_act_is_done_at_once() -> None:
    bot = build(DAILY)
    await used(bot, "ana", 300)
    card = await bot.type("/quota-admin reset all everyone tokens/day")
    assert card.panel.title == "Reset"
    assert card.panel.actions == ()
    assert (await bot.balance("ana")).used == 0


UNDONE = [
    "limit set 5k tokens per day",
    "limit set 5k tokens per day for @ana cap",
    'limit set 5k tokens per day for @role:"Two Words" model mini',
    "pool 1M tokens per day",
    "block @ana until 2h -- spam",
    "pause until 2h -- the bill",
    "notice Ask Ada: she knows (cap)",
]


@pytest.mark.parametrize("line", UNDONE)
async def test_an_act_is_taken_back_and_brought_back(line: str) -> None:
    bot = build(DAILY)

    def state() -> tuple[object, ...]:
        policy = bot.quotas.policy("console:console").limits
        governing = bot.quotas.governing
        block = governing.told("console:console", "block", "console:console:ana")
        pause = governing.told("console:console", "pause", "")
        return (policy, block, pause, governing.note("console:console"))

    before = state()
    await bot.type(f"/quota-admin {line}")
    after = state()
    assert before != after
    (row,) = await trail(bot)
    card = await bot.type(f"/quota-admin undo {row.id} -- a mistake")
    assert card.panel.title == "Undone"
    assert state() == before
    inverse = (await trail(bot))[0]
    assert inverse.reason == f"undo {row.id}: a mistake"
    twice = await bot.type(f"/quota-admin undo {row.id}")
    assert twice.panel.lines == (f"Act {row.id} was undone already.",)
    await bot.type(f"/quota-admin undo {inverse.id}")
    assert state() == after


async def test_a_limit_that_replaced_another_gives_way_to_it_again() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin limit set 20k tokens per day")
    await bot.type("/quota-admin limit set 30k tokens per day")
    await bot.type("/quota-admin undo 2")
    assert (await bot.balance()).granted == 20_000
    await bot.type("/quota-admin limit remove everyone tokens/day")
    await bot.type("/quota-admin undo 4")
    assert (await bot.balance()).granted == 20_000


async def test_what_was_changed_since_is_not_undone() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin limit set 20k tokens per day")
    await bot.type("/quota-admin limit set 30k tokens per day")
    card = await bot.type("/quota-admin undo 1")
    assert card.panel.lines == ("It was changed since: now it is 'everyone: 30k tokens/day'.",)
    await bot.type("/quota-admin block @bo -- spam")
    await bot.type("/quota-admin unblock @bo")
    card = await bot.type("/quota-admin undo 3")
    assert card.panel.lines == ("It was changed since: now it is 'nothing'.",)
    assert (await bot.balance()).granted == 30_000


async def test_a_grant_is_taken_back_as_far_as_it_is_unspent() -> None:
    bot = build("everyone: 500 tokens/day")
    await bot.type("/quota-admin grant @ana 1k until 3d")
    await used(bot, "ana", 700)
    card = await bot.type("/quota-admin undo 1")
    assert card.panel.lines == ("Act 1 (grant @ana) is taken back.",)
    balance = await bot.balance("ana")
    assert (balance.used, balance.left) == (700, 0)
    bot.clock.advance(DAY)
    assert (await bot.balance("ana")).left == 500
    twice = await bot.type("/quota-admin undo 1")
    assert twice.panel.lines == ("Act 1 was undone already.",)


async def test_a_grant_that_has_ended_or_is_used_up_is_not_taken_back() -> None:
    bot = build("everyone: 500 tokens/day")
    await bot.type("/quota-admin grant @ana 1k until 1h")
    await bot.type("/quota-admin grant @bo 200 until 3d")
    await used(bot, "bo", 700)
    bot.clock.advance(HOUR)
    ended = await bot.type("/quota-admin undo 1")
    assert ended.panel.lines == ("What was given then has ended.",)
    gone = await bot.type("/quota-admin undo 2")
    assert gone.panel.lines == ("What was given then is used up.",)


async def test_what_was_taken_is_given_back() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin grant @ana -4k")
    await bot.type("/quota-admin undo 1")
    assert (await bot.balance("ana")).left == 10_000


@pytest.mark.parametrize("line", ["reset @ana", "grant @ana lots"])
async def test_what_cannot_be_undone_says_so(line: str) -> None:
    bot = build(DAILY)
    await used(bot, "ana", 300)
    await bot.type(f"/quota-admin {line}")
    card = await bot.type("/quota-admin undo 1")
    assert card.panel.title == "That did not work"
    assert (await bot.type("/quota-admin audit")).panel.actions == ()


async def test_a_block_that_has_ended_is_not_set_again() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin block @ana until 2h")
    await bot.type("/quota-admin unblock @ana")
    bot.clock.advance(2 * HOUR)
    await bot.type("/quota-admin undo 2")
    assert isinstance(await bot.ask("ana"), Answer)
    assert (await trail(bot))[0].after == ""
    assert bot.quotas.governing.closed_to(requester("ana").member, 0) is None


async def test_each_act_carries_its_undo() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin block @bo")
    for line in ("grant @ana 5k", "grant @ana -1k", "block @ana", "unblock @bo", "pause"):
        card = await shown(bot, line)
        await bot.pressed("undo", subject(card, "undo"), ADMIN)
    card = await shown(bot, "resume")
    assert card.panel.actions == (), "nothing was paused"
    card = await shown(bot, "notice Ask Ada.")
    done = await bot.pressed("undo", subject(card, "undo"), ADMIN)
    assert done.panel.title == "Undone"
    assert bot.quotas.governing.note("console:console") == ""


async def test_the_audit_offers_what_can_be_undone_and_is_filtered() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin grant @ana 5k")
    await bot.type("/quota-admin reset @bo")
    await bot.type("/quota-admin block @bo", requester("eva", admin=True))
    card = await bot.type("/quota-admin audit")
    assert [(a.label, a.subject) for a in card.panel.actions] == [("Undo 3", "3"), ("Undo 1", "1")]

    async def rows(filters: str) -> list[str]:
        table = (await bot.type(f"/quota-admin audit {filters}")).panel.table
        return [row[2] for row in table.rows] if table else []

    assert await rows("by @eva") == ["block"]
    assert await rows("to @bo") == ["block", "reset"]
    assert await rows("3 by @ada to @ana") == ["grant"]
    assert await rows("by @nobody") == []
    await bot.type("/quota-admin limit set 5k tokens per day for @ana")
    assert await rows("to @ana") == ["limit set", "grant"]


async def test_nothing_here_asks_the_model() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per day")
    pressing = await bot.press("apply", subject(card, "apply"), ADMIN)
    assert not isinstance(pressing, AskAgain)
    assert bot.model.calls == []


async def test_a_mistyped_line_is_mended_in_a_form() -> None:
    bot = build(DAILY)
    card = await shown(bot, "limit set 5k tokens per fortnight")
    assert card.panel.title == "That did not work"
    (action,) = card.panel.actions
    assert action.subject == "quota-admin limit set 5k tokens per fortnight"
    form = bot.actions.form(Pressed(ADMIN, action.name, action.subject), bot.words)
    assert form is not None
    assert form.fields[0].value == action.subject
    values = {"line": "quota-admin block @bo -- spam"}
    done = await bot.pressed(form.name, form.subject, ADMIN, values=values)
    assert done.panel.lines == ("@bo cannot ask.",)
    bare = await bot.pressed(form.name, "", ADMIN, values={"line": "/unblock @bo"})
    assert bare.panel.lines == ("@bo can ask again.",)


async def test_a_line_that_no_button_can_carry_stands_in_the_form_for_a_while() -> None:
    bot = build(DAILY)
    line = "quota-admin grant @ana lots -- " + "because " * 20 + "so"
    (action,) = (await bot.type(f"/{line}", ADMIN, previews=True)).panel.actions
    pressed = Pressed(ADMIN, action.name, action.subject)
    form = bot.actions.form(pressed, bot.words)
    assert form is not None
    assert form.fields[0].value == line
    elsewhere = Pressed(requester("eve", space="discord:7", admin=True), "line", action.subject)
    theirs = bot.actions.form(elsewhere, bot.words)
    assert theirs is not None
    assert theirs.fields[0].value == ""
    bot.clock.advance(HOUR)
    late = bot.actions.form(pressed, bot.words)
    assert late is not None
    assert late.fields[0].value == ""


@pytest.mark.parametrize("line", ["quota-admin pause", "pause", "quota-staff show @ana", ""])
@pytest.mark.parametrize("who", [requester("ana"), requester("eve", space="discord:7")])
async def test_a_form_is_no_way_around_the_permission(who: Any, line: str) -> None:
    bot = build(DAILY)
    assert bot.actions.form(Pressed(who, "line"), bot.words) is None
    card = await bot.pressed("line", "", who, values={"line": line})
    assert card.panel.title == "Not allowed"
    assert await bot.store.flags() == []


async def test_staff_cannot_govern_through_the_form() -> None:
    bot = build(DAILY)
    staff = requester("sam", staff=True)
    card = await bot.pressed("line", "", staff, values={"line": "quota-admin pause"})
    assert card.panel.title == "Not allowed"
    show = await bot.pressed("line", "", staff, values={"line": "quota-staff show @ana"})
    assert show.panel.title == "Quota — 100% left"


async def test_the_bare_command_offers_where_to_begin() -> None:
    bot = build(DAILY)
    card = await bot.type("/quota-admin", ADMIN, previews=True)
    assert [a.name for a in card.panel.actions] == ["setup", "limit", "grant", "notice", "line"]
    plain = await bot.type("/quota-admin")
    assert plain.panel.actions == ()
