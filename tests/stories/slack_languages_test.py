"""Everybody in Slack is spoken to in a language of their own."""

from pathlib import Path

from bot.settings import MemberSettings
from quota.members import Member, Space
from tests.adapters.slack_kit import buttons_of, on_slack, our_app, press
from tests.servers.slack import Slack
from tests.stories.slack_govern_test import governed

GERMAN = '\n[chat]\nlanguage = "de"\n'


async def test_cards_and_answers_follow_the_locale_of_who_reads_them(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.ana.locale, place.bo.locale = "de-DE", "fr-FR"
        assert "Kontingent" in (await place.command(place.ana, "/quota")).shown
        assert "Aujourd'hui" in (await place.command(place.bo, "/quota")).shown
        assert "Today" in (await place.command(place.ada, "/quota")).shown
        answer = await place.there.answer_to(await place.bo.says(place.general, "@bot hello"))
        assert "Régénérer" in buttons_of(answer)
        answer = await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        assert "Neu erzeugen" in buttons_of(answer)
        assert place.slack.refusals == []


async def test_what_somebody_chose_comes_before_their_locale(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.ana.locale = "fr-FR"
        ana = Member(Space("slack", place.there.team.id), place.ana.id)
        await place.there.bot.settings.set_member(ana, MemberSettings(language="ja"))
        assert "今日" in (await place.command(place.ana, "/quota")).shown
        assert place.slack.refusals == []


async def test_forms_are_in_the_language_of_who_opens_them(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.ana.locale = "de-DE"
        card = await place.command(place.ana, "/quota")
        view = await (await press(place.ana, card, "Um mehr bitten")).modal()
        assert {"Wie viel", "Für wie lange", "Wofür"} <= set(view.shown.splitlines())
        assert place.slack.refusals == []


async def test_what_the_messages_tab_suggests_is_in_the_language_of_who_opens_it(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path) as place:
        place.ana.locale = "fr-FR"
        await place.ana.opens_home("messages")
        await place.there.rests()
        (shown,) = place.there.team.prompts.values()
        assert shown["title"] == "Que puis-je faire pour vous\N{NO-BREAK SPACE}?"
        assert [(one["title"], one["message"]) for one in shown["prompts"]] == [
            ("Quel quota me reste-t-il\N{NO-BREAK SPACE}?", "!quota"),
            ("Quelles règles valent pour moi\N{NO-BREAK SPACE}?", "!quota rules"),
            (
                "Résumer un texte",
                "Je vais vous donner un texte. Résumez-le en cinq phrases.",
            ),
            ("Expliquer quelque chose", "Expliquez simplement, avec un exemple\N{NO-BREAK SPACE}:"),
        ]


async def test_who_has_no_language_that_is_known_reads_the_operators(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path, more=GERMAN) as there:
        ana = there.team.user("ana", locale="pt-BR")
        general = there.team.channel("general")
        answer = await there.answer_to(await ana.says(general, "@bot hello"))
        assert "Neu erzeugen" in buttons_of(answer)
