"""What admins choose for channels, models and their space; and the guided way through it."""

import re
from dataclasses import replace
from typing import get_args

from bot import text_setup
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, Target
from bot.panels import Panel
from bot.settings import ChannelMode, ChannelSettings, ModelSettings, SpaceSettings
from bot.text import Words
from bot.undo_commands import with_undo
from quota.members import EVERYONE, Space

CHANNEL_USAGE = (
    "channel #name [off|mention|reply|thread|auto-thread] [model M] [persona P] [max 500]"
)
MODEL_USAGE = "model mini allow @role | allow default | fallback small | fallback none"
NOTE_CHARS_MAX = 300
CONTACT_CHARS_MAX = 100
REPLY_TOKENS_MAX = 1_000_000
MODES: tuple[ChannelMode, ...] = get_args(ChannelMode)
UNSET = frozenset({"default", "none", "off", "all"})


async def channel(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """How the bot behaves in a channel; without a choice, how it does now."""
    first, _, rest = line.rest.partition(" ")
    name = first.removeprefix("#")
    if not first.startswith("#") or not name:
        raise MistakeError("a channel is missing; write it with #, such as #general", CHANNEL_USAGE)
    space = space_of(typed)
    before = desk.settings.channel(space, name)
    if not rest.strip():
        return Handled(text_setup.channel(words, name, before))
    chosen = _channel(desk, before, rest.split(), words)
    act = act_of(typed.requester, line.reason)
    await desk.settings.set_channel(act, name, chosen)
    done = Handled(text_setup.channel(words, name, chosen))
    kind = "channel" if chosen != ChannelSettings() else "channel off"
    return await with_undo(desk, typed, done, (kind, name), words)


def _channel(desk: Desk, chosen: ChannelSettings, said: list[str], words: Words) -> ChannelSettings:
    """What was chosen before with what is said now."""
    while said:
        key, *said = said
        mode = next((mode for mode in MODES if mode == key.casefold()), None)
        if mode is not None:
            chosen = replace(chosen, mode=mode)
            continue
        if key.casefold() == "default":
            chosen = ChannelSettings()
            continue
        if not said:
            raise MistakeError("{said!r} is not understood", CHANNEL_USAGE, said=key[:40])
        value, *said = said
        given = "" if value.casefold() in UNSET else value
        match key.casefold():
            case "model":
                chosen = replace(chosen, model=_model_key(desk, given, words))
            case "persona":
                chosen = replace(chosen, persona=_persona(desk, given, words))
            case "max":
                chosen = replace(chosen, max_reply=_tokens(given or "0"))
            case _:
                raise MistakeError("{said!r} is not understood", CHANNEL_USAGE, said=key[:40])
    return chosen


def _model_key(desk: Desk, name: str, words: Words) -> str:
    """The key of a model by any of its names; empty for none."""
    model = desk.chat.models.find(name)
    if model is None:
        raise MistakeError(words.unknown_model(name, desk.chat.models.names))
    return model.key if name else ""


def _persona(desk: Desk, name: str, words: Words) -> str:
    known = desk.chat.settings.personas
    found = next((key for key in known if key.casefold() == name.casefold()), None)
    if name and found is None:
        raise MistakeError(text_setup.unknown_persona(words, name, tuple(known)))
    return found or ""


def _tokens(text: str) -> int:
    if not text.isdecimal() or int(text) > REPLY_TOKENS_MAX:
        raise MistakeError("{said!r} is no number of tokens", CHANNEL_USAGE, said=text[:40])
    return int(text)


async def model(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Who may use a model, and what is offered in its place."""
    name, _, rest = line.rest.partition(" ")
    key = _model_key(desk, name, words) if name else ""
    if not key:
        raise MistakeError("a model is missing", MODEL_USAGE)
    chosen = before = desk.settings.model(space_of(typed), key)
    verb, _, value = rest.strip().partition(" ")
    match verb.casefold():
        case "":
            return Handled(text_setup.model(words, key, before))
        case "allow":
            chosen = replace(before, allowed_for=_roles(value))
        case "fallback":
            given = "" if value.strip().casefold() in UNSET else value.strip()
            if not value.strip() or (given and _model_key(desk, given, words) == key):
                raise MistakeError("another model is missing", MODEL_USAGE)
            chosen = replace(before, fallback=_model_key(desk, given, words))
        case _:
            raise MistakeError("{said!r} is not understood", MODEL_USAGE, said=verb[:40])
    await desk.settings.set_model(act_of(typed.requester, line.reason), key, chosen)
    done = Handled(text_setup.model(words, key, chosen))
    kind = "model" if chosen != ModelSettings() else "model off"
    return await with_undo(desk, typed, done, (kind, key), words)


def _roles(text: str) -> tuple[str, ...]:
    """`@role @"another role"`, or `default`: as the operator says."""
    if text.strip().casefold() == "default":
        return ()
    roles, rest = [], text
    while rest.strip():
        target, rest = Target.first(rest, lambda _name: True, MODEL_USAGE)
        if target.kind != "role":
            raise MistakeError(
                "@{name} is a member; a model is for roles", MODEL_USAGE, name=target.name
            )
        roles.append(target.name)
    if not roles:
        raise MistakeError("a role is missing; write it with @", MODEL_USAGE)
    return tuple(roles)


async def alerts(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`alerts #channel | alerts off`: where admins hear of what they should know."""
    said = line.rest.strip()
    if said.casefold() != "off" and not re.fullmatch(r"#\S+", said):
        raise MistakeError("a channel is missing; write it with #", "alerts #channel | alerts off")
    name = "" if said.casefold() == "off" else said.removeprefix("#")
    space = space_of(typed)
    chosen = replace(desk.settings.space(space), alert_channel=name)
    await desk.settings.set_space(act_of(typed.requester, line.reason), chosen)
    done = Handled(text_setup.alerts(words, name))
    return await with_undo(desk, typed, done, _space_act(desk, typed), words)


async def contact(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`contact <whom to ask> | contact off`: told in the help."""
    said = line.rest.strip()
    if not said or len(said) > CONTACT_CHARS_MAX:
        raise MistakeError(
            "a contact of 1 to {most} characters is missing",
            "contact <whom to ask> | contact off",
            most=CONTACT_CHARS_MAX,
        )
    whom = "" if said.casefold() == "off" else said
    chosen = replace(desk.settings.space(space_of(typed)), contact=whom)
    await desk.settings.set_space(act_of(typed.requester, line.reason), chosen)
    done = Handled(text_setup.contact(words, whom))
    return await with_undo(desk, typed, done, _space_act(desk, typed), words)


def _space_act(desk: Desk, typed: Typed) -> tuple[str, str]:
    """What the audit calls the change of a space's settings that was just made."""
    is_set = desk.quotas.governing.flag(space_of(typed).key, "space")
    return ("space" if is_set else "space off", "")


async def thresholds(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`thresholds 60 90 | thresholds default`: at which percent people are told."""
    said = line.rest.replace(",", " ").replace("%", " ").split()
    if said == ["default"]:
        value = ""
    elif not said or not all(part.isdecimal() and 1 <= int(part) <= 100 for part in said):  # noqa: PLR2004 - percent
        raise MistakeError("a threshold is a number from 1 to 100", "thresholds 75 90")
    else:
        value = ",".join(str(n) for n in sorted({int(part) for part in said}))
    act = act_of(typed.requester, line.reason)
    await desk.quotas.governing.switch(act, "warn", "", value)
    at = desk.quotas.governing.warn_at(space_of(typed).key) or desk.quotas.rules.warn_at
    done = Handled(text_setup.thresholds(words, at))
    return await with_undo(desk, typed, done, ("warn" if value else "warn off", ""), words)


async def notice(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """The admins' own sentence at the limit; with buttons, all that goes with it."""
    sentence = line.rest.strip()
    if not sentence and typed.previews:
        return Handled(notice_card(desk, typed, words))
    if len(sentence) > NOTE_CHARS_MAX:
        raise MistakeError(
            "the sentence has {size} characters; at most 300 are shown", size=len(sentence)
        )
    if not sentence:
        raise MistakeError("a sentence is missing", "notice <sentence> | notice off")
    value = "" if sentence.casefold() == "off" else sentence
    act = act_of(typed.requester, line.reason)
    await desk.quotas.governing.switch(act, "note", "", value)
    done = Handled(words.noticed(value))
    return await with_undo(desk, typed, done, ("note" if value else "note off", ""), words)


def notice_card(desk: Desk, typed: Typed, words: Words) -> Panel:
    """What people are told at the limit, and what admins are told where."""
    space, governing = space_of(typed), desk.quotas.governing
    at = governing.warn_at(space.key) or desk.quotas.rules.warn_at
    return text_setup.notice(words, governing.note(space.key), _in_force(desk, space), at)


def _in_force(desk: Desk, space: Space) -> SpaceSettings:
    """What was chosen in a space, and for alerts what holds where nothing was."""
    chosen = desk.settings.space(space)
    where = chosen.alert_channel or desk.usual_alerts(space.platform)
    return replace(chosen, alert_channel=where)


async def setup(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """What is set up and what is not; `setup done` when it looks right."""
    said = line.rest.strip().casefold()
    if said not in {"", "done"}:
        raise MistakeError("{said!r} is not understood", "setup | setup done", said=said[:40])
    space = space_of(typed)
    if said == "done":
        chosen = replace(desk.settings.space(space), set_up=True)
        await desk.settings.set_space(act_of(typed.requester, line.reason), chosen)
    policy, chosen = desk.quotas.policy(space.key), _in_force(desk, space)
    everyone = [x for x in policy.limits if x.scope == EVERYONE and x.kind == "allowance"]
    roles = [x for x in policy.limits if x.scope.kind == "role"]
    shared = [x for x in policy.limits if x.kind == "shared"]
    money = any(x.rule.unit == "credits" for x in policy.limits)
    unpriced = [m.key for m in desk.chat.models.all if money and m.terms.rates is None]
    found = text_setup.SetUp(everyone, roles, shared, chosen, unpriced)
    return Handled(text_setup.setup(words, found))
