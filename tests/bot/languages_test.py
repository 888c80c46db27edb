"""Every language has every sentence, with the same fields, and short enough for every platform."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from bot import figures
from bot.commands import Typed
from bot.config import ConfigError, load
from bot.figures import amount, money, panel_text, plain, short
from bot.languages import ENGLISH, LANGUAGES, LanguageCode, Speech, catalogue, named, nearest
from bot.settings import MemberSettings
from bot.text import Words
from quota.units import Unit
from tests.bot import text_chat_test, text_test
from tests.bot.tour_test import WORDS, Tour, texts
from tests.fakes import requester
from tests.scripted import build, when

BOT = Path(figures.__file__).parent
OTHERS = [language for language in LANGUAGES if language != ENGLISH]
# What the admins of a space or another member are told is in the language of those.
ALERTED = {
    *("Request for more", "Approve", "Approve less", "Deny", "Quota", "Report"),
    *("Request approved", "Request denied", "Used up", "Running low"),
}
# What the operator reads at the command line, which is English.
FOR_OPERATORS = {"control.py"}


class Sentence(NamedTuple):
    """A sentence of the source: where it stands, its forms, and the fields that it is given."""

    place: str
    one: str
    many: str
    given: frozenset[str] | None


def fields_of(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def literal(node: ast.expr) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(ast.literal_eval(node)) if is_text else ""


@cache
def sentences() -> tuple[Sentence, ...]:
    """Everything that is said: in texts and figures, and by mistakes anywhere."""
    found: list[Sentence] = []
    adapters = BOT.parent / "adapters"
    for path in sorted((*BOT.glob("*.py"), *adapters.rglob("*.py"))):
        if path.name in FOR_OPERATORS:
            continue
        says = path.name.startswith("text") or path.name == "figures.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found.extend(said_by(node, f"{path.name}:{node.lineno}", says=says))
    return tuple(found)


def said_by(node: ast.Call, place: str, *, says: bool) -> Iterator[Sentence]:
    name, texts = called(node), [literal(arg) for arg in node.args]
    names = [keyword.arg for keyword in node.keywords]
    given = None if None in names else frozenset(filter(None, names))
    if says and name == "count" and len(texts) == 3:
        assert all(texts[1:]), f"{place} counts something that is no sentence"
        yield Sentence(place, str(texts[1]), str(texts[2]), given)
    elif says and name == "phrase":
        assert texts[0], f"{place} marks something that is no sentence"
        yield Sentence(place, "", texts[0], None)
    elif texts and texts[0] and (name == "MistakeError" or (says and name == "say")):
        yield Sentence(place, "", texts[0], given)


def test_sentences_are_found() -> None:
    assert len(sentences()) > 500
    assert {s.many for s in sentences()} >= {"Quota", "this minute", "{n} tokens"}


def astray(sentence: Sentence) -> bool:
    """Whether it is given other fields than it takes; what is counted is told by itself."""
    by_itself = {"n"} if sentence.one else set()
    given = sentence.given
    return given is not None and given - by_itself != fields_of(sentence.many) - by_itself


def test_every_sentence_is_given_its_fields() -> None:
    assert [f"{s.place}: {s.many!r}" for s in sentences() if astray(s)] == []


@pytest.mark.parametrize(
    "line",
    [
        'words.say("{left} left", right=1)',
        'words.say("{left} left")',
        'self.say("All of it", left=1)',
        'words.count(2, "one of {all}", "{n} of {all}")',
        'MistakeError("{said!r} is odd", USAGE)',
    ],
)
def test_a_field_that_is_missing_or_too_much_is_seen(line: str) -> None:
    (call,) = (node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call))
    (sentence,) = said_by(call, "here", says=True)
    assert astray(sentence)


def test_a_sentence_for_one_takes_no_field_that_the_one_for_many_does_not() -> None:
    assert [
        s.place for s in sentences() if s.one and not fields_of(s.one) <= fields_of(s.many)
    ] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_in_every_language(language: str) -> None:
    known = catalogue(language)
    missing = [f"{s.place}: {s.many}" for s in sentences() if s.many not in known]
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_language_has_a_sentence_that_nobody_says(language: str) -> None:
    assert sorted(set(catalogue(language)) - {s.many for s in sentences()}) == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_fields(language: str) -> None:
    counted = {s.many for s in sentences() if s.one}
    wrong = []
    for sentence, forms in catalogue(language).items():
        wanted = fields_of(sentence)
        for form in forms:
            # "One" may be written as a word.
            optional = {"n"} if sentence in counted and len(forms) > 1 else set()
            if fields_of(form) | optional != wanted | optional:
                wrong.append(f"{sentence} -> {form}")
        if len(forms) not in ({1, 2} if sentence in counted else {1}):
            wrong.append(f"{sentence} has {len(forms)} forms")
    assert wrong == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_language_shouts_or_leaves_gaps(language: str) -> None:
    odd = [form for forms in catalogue(language).values() for form in forms if unwanted(form)]
    assert odd == []


def unwanted(text: str) -> bool:
    # What stands in quotes in English, {name!r}, does so everywhere.
    return bool(re.search(r"[!\u00a1\uff01]|  |\.\.|\u3002\u3002", text.replace("!r}", "}")))


@pytest.mark.parametrize("language", OTHERS)
def test_a_whole_sentence_stays_one(language: str) -> None:
    odd = [
        f"{sentence} -> {form}"
        for sentence, forms in catalogue(language).items()
        for form in forms
        if sentence.endswith(".") and not form.endswith((".", "\u3002", "\uff09\u3002"))
    ]
    assert odd == []


# What people see, in every language.


@pytest.mark.parametrize("language", OTHERS)
def test_no_refusal_is_too_long_in_any_language(language: str) -> None:
    words = Words(when, language=language)
    told = (*text_test.sentences(words), *text_chat_test.sentences(words))
    assert [text for text in told if len(text) > 300] == []
    assert [text for text in told if unfinished(text)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_label_fits_on_a_button(language: str) -> None:
    words = Words(when, language=language)
    assert [label for label in text_chat_test.labels(words) if not 1 <= len(label) <= 75] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_card_has_a_plain_twin(language: str) -> None:
    for card in text_test.cards(Words(when, language=language)):
        assert not unfinished(panel_text(card))


@pytest.fixture(params=OTHERS)
async def tour(request: pytest.FixtureRequest) -> Tour:
    """Every command, button and form in one language."""
    found = Tour(replace(WORDS, language=request.param))
    await found.go()
    await found.press_all()
    return found


async def test_a_tour_in_another_language_leaves_no_field_open(tour: Tour) -> None:
    assert [text for text in texts(tour) if unfinished(text)] == []


async def test_a_tour_in_another_language_speaks_it(tour: Tour) -> None:
    """What is typed, kept or given by name stays as it is; titles and labels never do."""
    known = {form for forms in catalogue(tour.words.language).values() for form in forms}
    english = {s.many for s in sentences()} - known
    assert {panel.title for panel in tour.panels if panel.title in english} <= ALERTED
    assert {a.label for p in tour.panels for a in p.actions if a.label in english} <= ALERTED
    for form in tour.forms:
        labels = {form.title, form.submit, *(field.label for field in form.fields)}
        assert labels & english <= ALERTED


async def test_every_form_and_button_of_a_tour_fits(tour: Tour) -> None:
    for panel in tour.panels:
        assert [action.label for action in panel.actions if not 1 <= len(action.label) <= 40] == []
    for form in tour.forms:
        assert len(form.title) <= 24, form.title
        assert len(form.submit) <= 24, form.submit
        assert [field.label for field in form.fields if not 1 <= len(field.label) <= 45] == []
        assert [field.hint for field in form.fields if len(field.hint) > 100] == []


async def test_every_refusal_of_a_tour_is_short(tour: Tour) -> None:
    refused = [p for p in tour.panels if p.tone in {"warning", "bad"}]
    assert refused
    assert [p for p in refused if len(" ".join(p.lines)) > 600] == []


def unfinished(text: str) -> bool:
    """Whether a field was not filled in, or two sentences did not meet well."""
    return bool(re.search(r"\{\w+(![rs])?\}|\.\.|\u3002\.|\u3002\u3002", text.replace("...", "")))


# Numbers.


@pytest.mark.parametrize(
    ("language", "numbers"),
    [
        ("en", ["999", "1,234", "12,345", "12.3k", "$1,234.50", "1 token", "2,000 tokens"]),
        ("de", ["999", "1.234", "12.345", "12,3k", "1.234,50 $", "1 Token", "2.000 Tokens"]),
        ("es", ["999", "1234", "12.345", "12,3k", "1234,50 $", "1 token", "2000 tokens"]),
        ("fr", ["999", "1_234", "12_345", "12,3k", "1_234,50 $", "1 token", "2_000 tokens"]),
        ("ja", ["999", "1,234", "12,345", "12.3k", "$1,234.50", "1 トークン", "2,000 トークン"]),
    ],
)
def test_numbers_are_written_as_in_the_language(language: str, numbers: list[str]) -> None:
    speech = Speech(language=language)
    found = [
        *(speech.grouped(number) for number in (999, 1_234, 12_345)),
        short(12_345, speech),
        money(1_234_500_000, speech),
        amount(1, Unit.TOKENS, speech),
        amount(2_000, Unit.TOKENS, speech),
    ]
    # In French a narrow space stands between groups of digits, which no line breaks at.
    spaced = [text.replace("\u00a0", " ").replace("\u202f", "_") for text in found]
    assert spaced == numbers
    assert plain(2_000, Unit.REQUESTS, speech) == speech.grouped(2_000)


def test_french_counts_nothing_as_one() -> None:
    assert amount(0, Unit.REQUESTS, Speech(language="fr")) == "0 requête"
    assert amount(0, Unit.REQUESTS, Speech(language="de")) == "0 Anfragen"


def test_a_sentence_that_a_language_does_not_have_is_said_in_english() -> None:
    speech = Speech(language="de")
    assert speech.say("{n} of a kind", n=3) == "3 of a kind"
    assert speech.count(1, "{n} of a kind", "{n} of many kinds") == "1 of a kind"


def test_what_was_said_already_keeps_its_braces() -> None:
    assert Words(when, language="de").mistake("{limit} is odd").lines == ("{limit} is odd.",)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        *[("de", "de"), ("de-AT", "de"), ("es-419", "es"), ("es-ES", "es"), ("fr_CA", "fr")],
        *[("en-GB", "en"), ("ja", "ja"), ("JA-jp", "ja"), ("pt-BR", ""), ("", ""), (None, "")],
    ],
)
def test_the_nearest_language_of_a_locale_is_taken(locale: str | None, language: str) -> None:
    assert nearest(locale) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [("Deutsch", "de"), (" français ", "fr"), ("日本語", "ja"), ("es", "es"), ("klingon", "")],
)
def test_a_language_is_known_by_its_own_name_and_its_code(text: str, language: str) -> None:
    assert named(text) == language


# Whose language it is.


def test_the_operators_language_is_english_unless_the_config_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("", encoding="utf-8")
    assert load(path, {}).language == ENGLISH
    path.write_text('[chat]\nlanguage = "fr"\n', encoding="utf-8")
    assert load(path, {}).language == "fr"


def test_a_language_that_is_not_there_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[chat]\nlanguage = "tlh"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as mistake:
        load(path, {})
    told = "[chat] language is 'tlh'; write one of en, de, es, fr, ja"
    assert mistake.value.problems == (f"{path}: {told}",)


def test_every_language_can_be_chosen_by_the_operator() -> None:
    assert set(get_args(LanguageCode)) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("line", "language", "told"),
    [
        ("/chat settings language de", "de", "Sprache: Deutsch."),
        ("/chat settings language Français", "fr", "Langue\u00a0: Français."),
        ("/chat settings language default", "", "Language: as in your app."),
        ("/chat settings", "", "Language: as in your app."),
    ],
)
async def test_a_member_chooses_a_language_by_typing_it(
    line: str, language: str, told: str
) -> None:
    bot = build("everyone: 10k tokens/day")
    card = await bot.type(line, "ana")
    assert card.panel.lines[-1] == told
    assert bot.desk.settings.member(requester().member).language == language


async def test_a_language_that_is_not_there_is_told_with_those_that_are() -> None:
    bot = build("everyone: 10k tokens/day")
    card = await bot.type("/chat settings language tlh", "ana")
    assert card.panel.lines == ("'tlh' is no language here; known: en, de, es, fr, ja.",)
    assert bot.desk.settings.member(requester().member).language == ""


async def test_a_member_who_chose_nothing_is_told_in_the_language_read_last() -> None:
    bot = build("everyone: 10k tokens/day")
    ana, bo = requester("ana"), requester("bo")
    await bot.commands.run(Typed(ana, "/quota"), replace(bot.words, language="fr"))
    space = ana.member.space
    assert bot.desk.words_for(space, ana.member).language == "fr"
    assert bot.desk.words_for(space, bo.member).language == ENGLISH
    bot.desk.usual_language = lambda: "ja"
    assert bot.desk.words_for(space, bo.member).language == "ja"
    assert bot.desk.words_for(space).language == "ja"
    await bot.desk.settings.set_member(ana.member, MemberSettings(language="es"))
    assert bot.desk.words_for(space, ana.member).language == "es"
