"""What the commands are called in other languages: tables beside this module, one a language.

Where a table has no word, Discord shows the English one; typed commands are English everywhere.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

TABLES: Mapping[discord.Locale, str] = {
    discord.Locale.german: "de",
    discord.Locale.spain_spanish: "es",
    discord.Locale.latin_american_spanish: "es",
    discord.Locale.french: "fr",
    discord.Locale.japanese: "ja",
}
_NAMES = {Location.command_name, Location.group_name, Location.parameter_name}
_CHOICES = {Location.choice_name}


@cache
def table(language: str) -> Mapping[str, Mapping[str, str]]:
    """The words of a language: names, what stands below them, and choices."""
    text = (files("adapters.discord") / "lang" / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Translator(app_commands.Translator):
    """Looks words up; asked once for each word and locale, before the commands are sent."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContext[Any, Any],
    ) -> str | None:
        """See discord.app_commands.Translator."""
        language = TABLES.get(locale)
        if language is None:
            return None
        kind = "about"
        if context.location in _NAMES:
            kind = "name"
        elif context.location in _CHOICES:
            kind = "choice"
        found = table(language)
        return found[kind].get(string.message) or found["name"].get(string.message)
