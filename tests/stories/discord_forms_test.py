"""Admins govern on Discord by forms, too: the same ones as elsewhere, with Discord's own menus."""

from pathlib import Path

from quota.units import Unit
from tests.discord_kit import story
from tests.servers.discord import Permission


async def test_limits_and_gifts_are_set_by_choosing(tmp_path: Path) -> None:
    async with story(tmp_path, '["1000 tokens/day"]') as told:
        guild = told.discord.guild("Homework")
        ada = guild.member("ada", roles=[guild.role("Admin", Permission.MANAGE_GUILD)])
        ana, general = guild.member("ana"), guild.channel("general")
        used = await ada.slash(general, "quota-admin limit list")
        listed = await (await used.reply()).settled()
        opened = await ada.clicks(listed, "Limit for a channel")
        answers = {"Channel": general, "How much": "300", "In": "hour", "Counted in": "requests"}
        preview = await (await (await ada.fills(opened.modal, answers)).reply()).settled()
        shown = len(preview.bodies)
        await ada.clicks(preview, "Apply")
        await told.discord.until(lambda: len(preview.bodies) > shown, "it is applied")
        (limit,) = told.bot.quotas.governing.limits(f"discord:{guild.id}")
        assert (limit.scope.kind, limit.scope.name) == ("channel", "general")
        assert (limit.rule.amount, limit.rule.unit) == (300, Unit.REQUESTS)
        used = await ada.slash(general, "quota-admin member explain", member=ana)
        explained = await (await used.reply()).settled()
        opened = await ada.clicks(explained, "Give more")
        assert opened.modal is not None
        chosen = opened.modal.fields["Member"]["default_values"]
        assert [one["id"] for one in chosen] == [ana.id]
        answers = {"Member": ana, "How much": "500", "Why": "a demo"}
        done = await (await (await ada.fills(opened.modal, answers)).reply()).settled()
        assert "Added 500 tokens" in done.text
