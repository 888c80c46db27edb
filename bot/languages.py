"""The languages in which the bot speaks: the English sentence is the key to all others.

A catalogue is a file bot/lang/CODE.toml: English sentence = sentence, with the same fields in
braces; a counted one has a list, for one and for many. What a catalogue does not have is said in
English, so a sentence that is new is never missing. docs/languages.md tells how to add a language.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

ENGLISH = "en"
LanguageCode: TypeAlias = Literal["en", "de", "es", "fr", "ja"]
# By their own names, as a menu shows them.
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ja": "日本語",
}

Catalogue: TypeAlias = Mapping[str, tuple[str, ...]]


class Typography(NamedTuple):
    """How a language sets numbers and sentences.

    Digits are grouped from `grouped_from` on; what is counted takes the form for one from
    `one_from` up to 1; `between` stands between two sentences.
    """

    group: str = ","
    decimal: str = "."
    grouped_from: int = 1_000
    dollars: str = "${number}"
    one_from: int = 1
    between: str = " "


_TYPOGRAPHY: Mapping[str, Typography] = {
    "de": Typography(".", ",", dollars="{number}\u00a0$"),
    "es": Typography(".", ",", grouped_from=10_000, dollars="{number}\u00a0$"),
    "fr": Typography("\u202f", ",", dollars="{number}\u00a0$", one_from=0),
    "ja": Typography(between=""),
}
_ENGLISH = Typography()


def phrase(sentence: str) -> str:
    """Marks a sentence of a table that `say` says later; a test then asks for it everywhere."""
    return sentence


def nearest(locale: str | None) -> str:
    """The language for a locale such as `de-AT` or `es_419`, empty where there is none."""
    code = (locale or "").replace("_", "-").partition("-")[0].casefold()
    return code if code in LANGUAGES else ""


def named(text: str) -> str:
    """The language that somebody calls `de`, `deutsch` or `de-DE`, empty where there is none."""
    said = text.strip().casefold()
    by_name = {name.casefold(): code for code, name in LANGUAGES.items()}
    return by_name.get(said) or nearest(said)


@cache
def catalogue(language: str) -> Catalogue:
    """All sentences of one language; read when they are first needed."""
    file = files("bot") / "lang" / f"{language}.toml"
    if language == ENGLISH or not file.is_file():
        return {}
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        key: (value,) if isinstance(value, str) else tuple(value) for key, value in found.items()
    }


@dataclass(frozen=True, slots=True)
class Speech:
    """One language: how it says sentences, counts, and writes numbers."""

    language: str = field(default=ENGLISH, kw_only=True)

    def say(self, sentence: str, /, **fields: object) -> str:
        """An English sentence in this language, with its fields filled in.

        What was said in a language already may come again: without fields, braces are braces.
        """
        said = catalogue(self.language).get(sentence, (sentence,))[-1]
        return said.format(**fields) if fields else said

    def count(self, number: int, one: str, many: str, /, **fields: object) -> str:
        """The sentence for one or for many; `{n}` is the number as it is written."""
        forms = catalogue(self.language).get(many, (one, many))
        form = forms[0] if self.typography.one_from <= number <= 1 else forms[-1]
        return form.format(n=self.grouped(number), **fields)

    def joined(self, *sentences: str) -> str:
        """Sentences one after the other; Japanese leaves no space between them."""
        return self.typography.between.join(sentences)

    @property
    def typography(self) -> Typography:
        """How this language sets numbers and sentences."""
        return _TYPOGRAPHY.get(self.language, _ENGLISH)

    def grouped(self, number: int) -> str:
        """12,400 as this language groups its digits."""
        if abs(number) < self.typography.grouped_from:
            return str(number)
        return f"{number:,}".replace(",", self.typography.group)
