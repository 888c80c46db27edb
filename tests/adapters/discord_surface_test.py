"""The table of commands: what each stands for as a typed line, and what it is called elsewhere."""

import json
from typing import Any

import discord
import pytest
from discord import app_commands

from adapters.discord.commands import plant
from adapters.discord.entries import Entry, quoted, said
from adapters.discord.surface import ENTRIES, GROUPS, MENUS
from adapters.discord.translator import TABLES, Translator, table

BY_PATH = {entry.path: entry for entry in ENTRIES}


class Nobody:
    async def entered(self, *_: Any) -> None: ...

    async def chosen(self, *_: Any) -> None: ...

    async def completions(self, *_: Any) -> list[tuple[str, str]]:
        return []


@pytest.mark.parametrize(
    ("path", "given", "lines"),
    [
        ("quota", {}, ["/quota"]),
        ("quota", {"view": "summary"}, ["/quota"]),
        ("quota", {"view": "rules"}, ["/quota rules"]),
        (
            "quota-admin limit set",
            {"amount": "20k", "per": "day", "target": '@role:"Homework Helper"', "reason": "why"},
            ['limit set 20k per day for @role:"Homework Helper" -- why'],
        ),
        (
            "quota-admin limit set",
            {"amount": "5", "per": "hour", "unit": "messages", "kind": "cap", "model": "mini"},
            ["limit set 5 messages per hour model mini cap"],
        ),
        (
            "quota-admin limit set",
            {"amount": "5", "per": "hour", "kind": "allowance", "channel": "#general"},
            ["limit set 5 per hour in #general"],
        ),
        (
            "quota-admin model set",
            {"model": "mini", "allowed_for": "@role:A", "fallback": "small"},
            ["model mini allow @role:A", "model mini fallback small"],
        ),
        ("quota-admin model set", {"model": "mini"}, ["model mini"]),
        (
            "quota-admin pool set",
            {"amount": "2M", "per": "day", "share": "free"},
            ["pool 2M per day"],
        ),
        ("quota-admin audit", {"days": "7", "actor": "@member:1"}, ["audit 7 by @member:1"]),
    ],
)
def test_options_become_the_typed_line(path: str, given: dict[str, str], lines: list[str]) -> None:
    assert BY_PATH[path].typed(given) == lines


def test_a_value_cannot_begin_a_reason_or_a_line_of_its_own() -> None:
    assert said("20k -- for\nme") == "20k - for me"
    assert said("a -- -- b --") == "a - - b -"


def test_a_name_is_written_as_it_is_or_not_at_all() -> None:
    assert quoted("Supporter") == "Supporter"
    assert quoted("Homework Helper") == '"Homework Helper"'
    assert [quoted(name) for name in ('My "best" role', "a  b", "a -- b", " a")] == [""] * 4


def strings(entry: Entry) -> set[str]:
    return {*entry.path.split(), *(option.name for option in entry.options)}


@pytest.mark.parametrize("language", sorted(set(TABLES.values())))
def test_every_language_names_every_command(language: str) -> None:
    found = table(language)
    names = set().union(*map(strings, ENTRIES)) | {menu.name for menu in MENUS}
    abouts = {e.about for e in ENTRIES} | {o.about for e in ENTRIES for o in e.options}
    # The names of this product are the same everywhere.
    assert names - {"quota-admin", "quota-staff"} <= set(found["name"])
    assert abouts | set(GROUPS.values()) <= set(found["about"])


async def test_discord_takes_the_commands_in_every_language() -> None:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    plant(tree, Nobody())
    for command in tree.get_commands():
        payload: Any = await command.get_translated_payload(tree, Translator())
        for locale in ("de", "es-ES", "es-419", "fr", "ja"):
            check(payload, locale)
        chat_input = payload.get("type", 1) == 1
        assert not chat_input or size(payload) <= 8_000, payload["name"]


def check(part: Any, locale: str) -> None:
    name = part.get("name_localizations", {}).get(locale, part["name"])
    about = part.get("description_localizations", {}).get(locale, part.get("description", ""))
    assert 1 <= len(name) <= 32, json.dumps(part, ensure_ascii=False)[:200]
    assert len(about) <= 100
    options = part.get("options", [])
    shown = [o.get("name_localizations", {}).get(locale, o["name"]) for o in options]
    assert len(set(shown)) == len(shown), shown
    for option in options:
        local = option.get("name_localizations", {}).get(locale, option["name"])
        assert local == local.lower()
        assert " " not in local
        check(option, locale)


def size(part: Any) -> int:
    total = 0
    for field in ("name", "description"):
        texts = [part.get(field, ""), *part.get(f"{field}_localizations", {}).values()]
        total += max(map(len, texts))
    total += sum(size(option) for option in part.get("options", []))
    return total + sum(len(str(c["value"])) + size(c) for c in part.get("choices", []))
