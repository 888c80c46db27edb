"""What a config says, and where it may be said."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import SHAPE, Config, ConfigError, find, load, read_example
from bot.config_values import (
    ChannelConfig,
    DiscordConfig,
    PersonaConfig,
    SideCallsConfig,
    SlackConfig,
)
from bot.config_words import Shape
from bot.turns import ChatSettings
from quota.members import Member, Requester, Space
from quota.units import Amount, Rates, Unit

KEY = {"OPENAI_API_KEY": "sk-secret"}
TOKENS = {
    "DISCORD_TOKEN": "d-secret",
    "SLACK_BOT_TOKEN": "xoxb-secret",
    "SLACK_APP_TOKEN": "xapp-secret",
    "SLACK_SIGNING_SECRET": "s-secret",
    "SLACK_CLIENT_SECRET": "c-secret",
    "WIKI_TOKEN": "w-secret",
}
# For tests and proxies; nobody else needs to know.
HIDDEN = {"discord.api_base", "discord.gateway", "slack.api_base"}
FILES = r"discord\.token_file|slack\.\w+_file|tools\.\*\.token_file"
OFFLINE = '[models.default]\nbase_url = "offline"\n'


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ or {})


def names(config: Config, space: str = "") -> list[str]:
    return [limit.name for limit in config.rules.policy(space).limits]


def uncommented(text: str) -> str:
    return re.sub(r"^#(?=[\[\"\w])", "", text, flags=re.MULTILINE)


def dotted(shape: Shape, path: str = "") -> set[str]:
    """Every key that a shape names, `*` for any name."""
    found = {f"{path}{key}" for key, inner in shape.keys.items() if not inner.is_table}
    for key, inner in shape.keys.items():
        found |= dotted(inner, f"{path}{key}.")
    if shape.each is not None:
        found |= dotted(shape.each, f"{path}*.") if shape.each.is_table else {f"{path}*"}
    return found


def written(table: Mapping[str, object], shape: Shape, path: str = "") -> set[str]:
    """Every key that stands in tables, in the words of `dotted`."""
    found = set()
    for key, value in table.items():
        place = f"{path}{key}" if key in shape.keys else f"{path}*"
        if isinstance(value, dict):
            found |= written(value, shape.at((key,)), f"{place}.")
        else:
            found.add(place)
    return found


def test_without_a_file_a_newcomer_sees_limits_work_within_a_minute() -> None:
    config = load(None, {})
    assert names(config) == ["everyone: 1k tokens/hour", "everyone: 30 requests/hour"]
    assert {limit.origin for limit in config.rules.base.limits} == {"default"}
    assert config.rules.warn_at == (75, 90)
    assert config.store_path == Path("quotabot.db")
    assert [(m.key, m.offline) for m in config.models] == [("default", True)]
    assert config.warnings == ()


def test_the_embedded_limits_hold_only_without_a_file(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert names(config) == []
    assert [w.removeprefix(f"{tmp_path}/config.toml: ") for w in config.warnings] == [
        "[models] names no server: the offline model answers; write [models.default]",
        '[limits] is empty: there is no limit for anybody; write everyone = "20k tokens/day"',
    ]


def test_the_offline_model_may_be_meant(tmp_path: Path) -> None:
    config = read(tmp_path, f'{OFFLINE}[limits]\neveryone = "1k tokens/day"')
    assert config.warnings == ()


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert config.queue_max == 2
    assert config.input_chars_max == 32_000
    assert (config.note, config.system_prompt) == ("", "")
    assert config.side == SideCallsConfig(summaries=False, titles=False)
    assert (config.backup.dir, config.backup.keep) == (None, 7)
    rules = config.rules
    assert (rules.wait_ms, rules.output_floor, rules.zone) == (60_000, 64, "UTC")
    assert (rules.warn_at, rules.week_start) == ((75, 90), 0)
    (model,) = config.models
    assert (model.name, model.output_max) == ("offline", 400)
    assert (model.first_token_ms, model.idle_ms, model.deadline_ms) == (60_000, 30_000, 600_000)
    assert (model.output_cap_field, model.charge_unknown, model.price) == (None, "input", None)


def test_everything_can_be_said(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [models.fast]
        name = "gpt-5-mini"
        base_url = "https://api.openai.com/v1/"
        api_key_env = "OPENAI_API_KEY"
        aliases = ["mini", "m"]
        output_max = 1000
        price = {input = "$0.25", cached = "$0.025", output = "$2"}
        first_token_s = 20
        idle_s = 10
        deadline_s = 840
        output_cap_field = "max_tokens"
        charge_unknown = "zero"
        [limits]
        timezone = "Europe/Berlin"
        week_start = "sunday"
        warn_at = [50]
        input_chars_max = 500
        output_floor = 32
        wait_s = 0
        queue_max = 0
        note = "Ask Bo."
        staff_cap = "50k tokens"
        [chat]
        system_prompt = "Be brief."
        summaries = true
        summary_model = "mini"
        summary_tokens = 300
        titles = true
        title_model = "fast"
        [backup]
        dir = "copies"
        keep = 2
        """,
        KEY,
    )
    (model,) = config.models
    assert (model.key, model.name, model.aliases) == ("fast", "gpt-5-mini", ("mini", "m"))
    assert model.names == ("fast", "gpt-5-mini", "mini", "m")
    assert model.base_url == "https://api.openai.com/v1"
    assert model.output_max == 1000
    assert model.price == Rates(250_000, 25_000, 2_000_000, 2_000_000)
    assert (model.first_token_ms, model.idle_ms, model.deadline_ms) == (20_000, 10_000, 840_000)
    assert (model.output_cap_field, model.charge_unknown) == ("max_tokens", "zero")
    rules = config.rules
    assert (rules.wait_ms, rules.output_floor, rules.zone) == (0, 32, "Europe/Berlin")
    assert (rules.warn_at, rules.week_start) == ((50,), 6)
    assert rules.staff_cap == Amount(50_000, Unit.TOKENS)
    assert (config.queue_max, config.input_chars_max) == (0, 500)
    assert (config.note, config.system_prompt) == ("Ask Bo.", "Be brief.")
    side = config.side
    assert (side.summaries, side.summary_model, side.summary_tokens) == (True, "mini", 300)
    assert (side.titles, side.title_model) == (True, "fast")
    assert ChatSettings.of(config).side == side
    assert (config.backup.dir, config.backup.keep) == (tmp_path / "copies", 2)


@pytest.mark.parametrize(
    ("price", "rates"),
    [
        ('input = "$1", output = "$2"', Rates(1_000_000, 1_000_000, 2_000_000, 2_000_000)),
        ('input = "$0", output = "$0"', Rates(0, 0, 0, 0)),
        ('input = "$1", cached = "$0", output = "$2"', Rates(1_000_000, 0, 2_000_000, 2_000_000)),
        (
            'input = "$1", output = "$2", reasoning = "$3.5"',
            Rates(1_000_000, 1_000_000, 2_000_000, 3_500_000),
        ),
        ('input = "$0.000001", output = "$10,000.00000000"', Rates(1, 1, 10**10, 10**10)),
    ],
)
def test_a_price_is_dollars_per_million(tmp_path: Path, price: str, rates: Rates) -> None:
    (model,) = read(tmp_path, OFFLINE + f"price = {{{price}}}").models
    assert model.price == rates


def test_a_short_deadline_shortens_what_is_not_said(tmp_path: Path) -> None:
    (model,) = read(tmp_path, OFFLINE + "deadline_s = 20").models
    assert (model.first_token_ms, model.idle_ms, model.deadline_ms) == (20_000, 20_000, 20_000)


def test_the_first_model_is_the_default(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        '[models.z]\nbase_url = "offline"\n[models.a]\nname = "x"\nbase_url = "http://10.0.0.1"',
    )
    assert [model.key for model in config.models] == ["z", "a"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///books.db", "{folder}/books.db"),
        ("sqlite:///data/books.db", "{folder}/data/books.db"),
        ("sqlite:////var/books.db", "/var/books.db"),
    ],
)
def test_three_slashes_are_beside_the_file_and_four_from_the_root(
    tmp_path: Path, url: str, path: str
) -> None:
    config = read(tmp_path, f'[store]\nurl = "{url}"')
    assert config.store_path == Path(path.format(folder=tmp_path))


class TestSecrets:
    REMOTE = '[models.m]\nname = "x"\nbase_url = "https://llm.example.com/v1"\n'

    def test_from_a_variable(self, tmp_path: Path) -> None:
        config = read(tmp_path, self.REMOTE + 'api_key_env = "K"', {"K": " sk-1\n"})
        assert config.models[0].api_key == "sk-1"

    def test_from_a_file_beside_the_config(self, tmp_path: Path) -> None:
        (tmp_path / "k").write_text("sk-2\n")
        config = read(tmp_path, self.REMOTE + 'api_key_file = "k"')
        assert config.models[0].api_key == "sk-2"

    def test_are_never_shown(self, tmp_path: Path) -> None:
        config = read(tmp_path, self.REMOTE + 'api_key_env = "K"', {"K": "sk-1"})
        assert "sk-1" not in repr(config)

    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1", "[::1]", "192.168.1.5:8000", "ollama:11434", "nas.local"]
    )
    def test_may_be_absent_where_the_server_is_near(self, tmp_path: Path, host: str) -> None:
        text = f'[models.m]\nname = "x"\nbase_url = "http://{host}/v1"\napi_key_env = "K"'
        config = read(tmp_path, text)
        assert config.models[0].api_key == ""
        (told,) = [warning for warning in config.warnings if "api_key_env" in warning]
        assert "names K, which is not set; if this server needs a key, set K to it" in told
        assert "api_key_env" not in "".join(read(tmp_path, text, {"K": "sk-1"}).warnings)

    def test_a_far_server_without_any_is_worth_a_warning(self, tmp_path: Path) -> None:
        warnings = "\n".join(read(tmp_path, self.REMOTE).warnings)
        assert "[models.m] has no api_key_env: its server must need no key" in warnings


LIMITS = """
[limits]
everyone = ["20k tokens/day", "60 requests/hour"]
[limits.roles]
Supporter = ["200k tokens/day", "$2/month"]
Moderator = "unlimited"
[limits.members]
ana = "6k tokens/rolling 24h"
[limits.shared]
space = "2M tokens/day"
"channel:homework" = ["300k tokens/day"]
"role:Guest" = "100k tokens/rolling 7d"
house = "$20/day"
[limits.caps]
everyone = "10 requests/minute"
"role:Guest" = "3 requests/minute"
"member:bo" = "5 requests/6h"
[limits.models."gpt-5*"]
everyone = "5k tokens/day"
"role:Supporter" = "50k tokens/day"
"member:ana" = "9k tokens/day"
"""


def test_limits_stand_in_the_order_in_which_they_are_written(tmp_path: Path) -> None:
    assert names(read(tmp_path, LIMITS)) == [
        "everyone: 20k tokens/day",
        "everyone: 60 requests/hour",
        "role Supporter: 200k tokens/day",
        "role Supporter: $2/month",
        "role Moderator: unlimited",
        "member ana: 6k tokens/rolling 24h",
        "space: 2M tokens/day",
        "channel homework: 300k tokens/day",
        "role Guest: 100k tokens/rolling 7d (shared)",
        "house: $20/day",
        "everyone: 10 requests/minute (cap)",
        "role Guest: 3 requests/minute (cap)",
        "member bo: 5 requests/6h from first use (cap)",
        "everyone: 5k tokens/day for gpt-5*",
        "role Supporter: 50k tokens/day for gpt-5*",
        "member ana: 9k tokens/day for gpt-5*",
    ]


def test_limits_bind_those_they_are_about(tmp_path: Path) -> None:
    policy = read(tmp_path, LIMITS).rules.base
    bo = Requester(Member(Space("console", "console"), "bo"), ("Guest",), "homework")
    bound = [b.limit.name for b in policy.binding(bo, ("default", "gpt-5-mini"))]
    assert bound == [
        "everyone: 20k tokens/day",
        "everyone: 60 requests/hour",
        "role Guest: 3 requests/minute (cap)",
        "member bo: 5 requests/6h from first use (cap)",
        "everyone: 5k tokens/day for gpt-5*",
        "space: 2M tokens/day",
        "channel homework: 300k tokens/day",
        "role Guest: 100k tokens/rolling 7d (shared)",
        "house: $20/day",
    ]


def test_days_end_in_the_zone_of_the_config(tmp_path: Path) -> None:
    text = '[limits]\neveryone = "1k tokens/week"\ntimezone = "Asia/Tokyo"\nweek_start = "sunday"'
    (limit,) = read(tmp_path, text).rules.base.limits
    assert repr(limit.rule.window) == "Calendar(unit='week', zone='Asia/Tokyo', week_start=6)"


def test_a_space_replaces_limits_of_the_same_slot_and_keeps_the_others(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        LIMITS[: LIMITS.index("[limits.members]")]
        + """
        [spaces."discord:12:34".limits]
        everyone = ["50k tokens/day", "7 requests/minute"]
        [spaces."discord:12:34".limits.roles]
        Moderator = "90k tokens/day"
        [spaces."discord:12:34".limits.shared]
        space = "1M tokens/day"
        """,
    )
    assert names(config, "discord:12%3A34") == [
        "everyone: 50k tokens/day",
        "everyone: 60 requests/hour",
        "role Supporter: 200k tokens/day",
        "role Supporter: $2/month",
        "everyone: 7 requests/minute",
        "role Moderator: 90k tokens/day",
        "space: 1M tokens/day",
    ]
    assert "role Moderator: unlimited" in names(config, "discord:5")


def test_direct_messages_of_people_without_a_server_have_limits_of_their_own(
    tmp_path: Path,
) -> None:
    text = '[limits]\neveryone = ["20k tokens/day", "5 requests/hour"]\n'
    config = read(tmp_path, text + '[limits.direct]\neveryone = "2k tokens/day"')
    assert names(config, "discord:direct") == [
        "everyone: 2k tokens/day",
        "everyone: 5 requests/hour",
    ]
    assert "everyone: 20k tokens/day" in names(config, "discord:7")
    assert names(read(tmp_path, text), "discord:direct") == names(config, "discord:7")


def test_limits_for_models_that_do_not_exist_are_worth_a_warning(tmp_path: Path) -> None:
    config = read(tmp_path, OFFLINE + '[limits.models."gtp*"]\neveryone = "1k tokens/day"')
    assert '[limits.models."gtp*"] fits no model; name one of these: default, offline' in "\n".join(
        config.warnings
    )


DISCORD = '[discord]\ntoken_env = "DISCORD_TOKEN"\n'
SLACK = '[slack]\nbot_token_env = "SLACK_BOT_TOKEN"\napp_token_env = "SLACK_APP_TOKEN"\n'
HTTP = """
[slack]
mode = "http"
client_id = "1.2"
client_secret_env = "SLACK_CLIENT_SECRET"
signing_secret_env = "SLACK_SIGNING_SECRET"
"""


class TestPlatforms:
    def test_are_off_where_nothing_is_said(self, tmp_path: Path) -> None:
        config = read(tmp_path, "")
        assert (config.discord, config.slack) == (None, None)
        assert (config.personas, config.channels) == ({}, {})

    def test_discord_needs_no_more_than_a_token(self, tmp_path: Path) -> None:
        config = read(tmp_path, DISCORD, TOKENS)
        assert config.discord == DiscordConfig("d-secret")
        assert (config.discord.mode, config.discord.message_content) == ("mention", False)

    def test_slack_needs_no_more_than_two_tokens(self, tmp_path: Path) -> None:
        config = read(tmp_path, SLACK, TOKENS)
        assert config.slack == SlackConfig("xoxb-secret", "xapp-secret")
        assert (config.slack.mode, config.slack.channel_mode) == ("socket", "thread")

    def test_slack_over_http_needs_no_token_where_workspaces_install_it(
        self, tmp_path: Path
    ) -> None:
        config = read(tmp_path, HTTP, TOKENS)
        assert config.slack == SlackConfig(
            signing_secret="s-secret", client_id="1.2", client_secret="c-secret", mode="http"
        )

    def test_everything_can_be_said(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("from-file")
        config = read(
            tmp_path,
            """
            [discord]
            token_file = "token"
            admin_roles = "Boss"
            staff_roles = ["Helper", "42"]
            message_content = true
            mode = "auto-thread"
            alert_channel = "alerts"
            commands_guild = "77"
            api_base = "http://127.0.0.1:1/api/"
            gateway = "ws://127.0.0.1:1"
            [slack]
            bot_token_env = "SLACK_BOT_TOKEN"
            app_token_env = "SLACK_APP_TOKEN"
            admins = ["U1", "@boss"]
            staff = ["@helpers"]
            workspace_admins = true
            channel_mode = "mention"
            alert_channel = "C1"
            prefix = "acme-"
            single = "acme"
            http_host = "0.0.0.0"
            http_port = 8080
            api_base = "http://127.0.0.1:2/api"
            """,
            TOKENS,
        )
        assert config.discord == DiscordConfig(
            "from-file",
            "http://127.0.0.1:1/api",
            "ws://127.0.0.1:1",
            ("Boss",),
            ("Helper", "42"),
            message_content=True,
            alert_channel="alerts",
            mode="auto-thread",
            commands_guild="77",
        )
        assert config.slack == SlackConfig(
            "xoxb-secret",
            "xapp-secret",
            http_host="0.0.0.0",  # noqa: S104 - a value like any other
            http_port=8080,
            api_base="http://127.0.0.1:2/api",
            admins=("U1", "@boss"),
            staff=("@helpers",),
            workspace_admins=True,
            channel_mode="mention",
            alert_channel="C1",
            prefix="acme-",
            single="acme",
        )

    def test_no_secret_is_shown(self, tmp_path: Path) -> None:
        config = read(tmp_path, DISCORD + SLACK, TOKENS)
        assert not re.search("(d|xoxb|xapp)-secret", repr(config))
        assert set(config.secrets) == {"", "d-secret", "xoxb-secret", "xapp-secret"}

    def test_only_a_new_connection_takes_a_restart(self, tmp_path: Path) -> None:
        before = read(tmp_path, DISCORD, TOKENS).connections
        same = read(tmp_path, DISCORD + 'admin_roles = "Boss"\nmode = "off"', TOKENS)
        assert same.connections == before
        assert read(tmp_path, DISCORD + "message_content = true", TOKENS).connections != before
        assert read(tmp_path, DISCORD + SLACK, TOKENS).connections != before
        assert read(tmp_path, "").connections != before


class TestPersonasAndChannels:
    def test_are_told_by_name(self, tmp_path: Path) -> None:
        config = read(
            tmp_path,
            """
            [models.big]
            base_url = "offline"
            aliases = ["large"]
            vision = true
            allowed_for = ["Supporter"]
            [personas.tutor]
            prompt = "Be patient with {member}."
            model = "Large"
            [channels.homework]
            mode = "thread"
            model = "offline"
            persona = "Tutor"
            max_reply = 800
            [channels.1234]
            mode = "off"
            """,
        )
        assert config.personas == {
            "tutor": PersonaConfig("tutor", "Be patient with {member}.", "Large")
        }
        assert config.channels == {
            "homework": ChannelConfig("thread", "offline", "Tutor", 800),
            "1234": ChannelConfig("off"),
        }
        (model,) = config.models
        assert (model.vision, model.allowed_for) == (True, ("Supporter",))


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "value", "field", "expected"),
        [
            ("QUOTABOT_LIMITS__QUEUE_MAX", "5", "queue_max", 5),
            ("QUOTABOT_limits__Queue_Max", "5", "queue_max", 5),
            ("QUOTABOT_LIMITS__NOTE", "Ask Bo!", "note", "Ask Bo!"),
            ("QUOTABOT_LIMITS__NOTE", "'Ask Bo!'", "note", "Ask Bo!"),
            ("QUOTABOT_LIMITS__NOTE", "42", "note", "42"),
            ("QUOTABOT_LIMITS__NOTE", "", "note", ""),
            ("QUOTABOT_CHAT__SYSTEM_PROMPT", "a\nb = 1", "system_prompt", "a\nb = 1"),
            ("QUOTABOT_CHAT__SYSTEM_PROMPT", "1\nb = 1", "system_prompt", "1\nb = 1"),
            ("QUOTABOT_STORE__URL", "sqlite:////a.db", "store_path", Path("/a.db")),
            ("QUOTABOT_SERVICE_HOST", "10.0.0.1", "queue_max", 2),
            ("QUOTABOT_PORT_80_TCP_ADDR", "10.0.0.1", "queue_max", 2),
            ("OTHER_LIMITS__QUEUE_MAX", "5", "queue_max", 2),
        ],
    )
    def test_says_otherwise(
        self, tmp_path: Path, variable: str, value: str, field: str, expected: object
    ) -> None:
        assert (
            getattr(read(tmp_path, "[limits]\nqueue_max = 2", {variable: value}), field) == expected
        )

    def test_speaks_of_the_embedded_defaults_too(self) -> None:
        config = load(
            None,
            {
                "QUOTABOT_MODELS__DEFAULT__BASE_URL": "http://127.0.0.1:8000/v1",
                "QUOTABOT_MODELS__DEFAULT__NAME": "test",
                "QUOTABOT_MODELS__DEFAULT__PRICE__INPUT": "$1",
                "QUOTABOT_MODELS__DEFAULT__PRICE__OUTPUT": "$2",
                "QUOTABOT_LIMITS__EVERYONE": '["5 requests/day", "$1/day"]',
                "QUOTABOT_LIMITS__SHARED__HOUSE": "$3/day",
                "QUOTABOT_LIMITS__CAPS__EVERYONE": "1 request/minute",
            },
        )
        (model,) = config.models
        assert (model.base_url, model.name) == ("http://127.0.0.1:8000/v1", "test")
        assert model.price == Rates(1_000_000, 1_000_000, 2_000_000, 2_000_000)
        assert names(config) == [
            "everyone: 5 requests/day",
            "everyone: $1/day",
            "everyone: 1 request/minute (cap)",
            "house: $3/day",
        ]
        assert {limit.origin for limit in config.rules.base.limits} == {"config"}

    def test_finds_names_that_no_variable_can_carry(self, tmp_path: Path) -> None:
        config = read(
            tmp_path,
            """
            [models.GPT-5]
            base_url = "offline"
            [limits.roles]
            "Night Owl" = "1k tokens/day"
            [limits.models."gpt-5*"]
            "role:Guest" = "1k tokens/day"
            [spaces."console:console".limits]
            """,
            {
                "QUOTABOT_MODELS__GPT_5__OUTPUT_MAX": "7",
                "QUOTABOT_LIMITS__ROLES__NIGHT_OWL": "2k tokens/day",
                "QUOTABOT_LIMITS__MODELS__GPT_5___EVERYONE": "3k tokens/day",
                "QUOTABOT_SPACES__CONSOLE_CONSOLE__LIMITS__EVERYONE": "4k tokens/day",
            },
        )
        assert config.models[0].output_max == 7
        assert names(config, "console:console") == [
            "role Night Owl: 2k tokens/day",
            "role Guest: 1k tokens/day for gpt-5*",
            "everyone: 3k tokens/day for gpt-5*",
            "everyone: 4k tokens/day",
        ]


class TestFinding:
    def test_takes_the_given_file(self, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").touch()
        assert find(tmp_path / "mine.toml", tmp_path) == tmp_path / "mine.toml"

    def test_takes_the_file_of_the_folder(self, tmp_path: Path) -> None:
        assert find(None, tmp_path) is None
        (tmp_path / "config.toml").touch()
        assert find(None, tmp_path) == tmp_path / "config.toml"

    def test_misses_a_given_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            find(tmp_path / "mine.toml", tmp_path)
        assert caught.value.problems == (
            f"{tmp_path}/mine.toml: there is no such file; give another or run quotabot init",
        )

    def test_does_not_take_a_broken_link_for_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").symlink_to(tmp_path / "gone.toml")
        path = find(None, tmp_path)
        with pytest.raises(ConfigError, match=r"config\.toml: cannot be read"):
            load(path, {})


def test_a_mark_before_the_first_line_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[limits]\r\nqueue_max = 9\r\n")
    assert load(path, {}).queue_max == 9


class TestPrices:
    def test_models_are_priced_by_name_and_pattern(self, tmp_path: Path) -> None:
        config = read(
            tmp_path,
            """
            [models.default]
            base_url = "offline"
            [prices]
            fallback = {input = "$5", output = "$20"}
            [prices.models]
            "gpt-5*" = {input = "$1", cached = "$0.1", output = "$2", reasoning = "$3"}
            claude = {input = "$0", output = "$0"}
            """,
        )
        assert config.prices.fallback == Rates(5_000_000, 5_000_000, 20_000_000, 20_000_000)
        assert config.prices.models == (
            ("gpt-5*", Rates(1_000_000, 100_000, 2_000_000, 3_000_000)),
            ("claude", Rates(0, 0, 0, 0)),
        )

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ('"*" = {input = "$1", output = "$2"}', "means every model; write this price as"),
            ('"" = {input = "$1", output = "$2"}', "names no model; write a name or a pattern"),
            ('x = {input = "-$1", output = "$2"}', "a price is not below zero"),
        ],
    )
    def test_a_price_for_everything_or_nothing_is_refused(
        self, tmp_path: Path, line: str, problem: str
    ) -> None:
        with pytest.raises(ConfigError, match=re.escape(problem)):
            read(tmp_path, OFFLINE + f"\n[prices.models]\n{line}")


class TestReadme:
    """What a newcomer copies from it loads, and says nothing that was not meant."""

    TEXT = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
    BLOCKS = tuple(re.findall(r"^```toml\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL))

    def test_shows_a_whole_config(self, tmp_path: Path) -> None:
        config = read(tmp_path, self.BLOCKS[0], KEY)
        assert [model.name for model in config.models] == ["gpt-5-mini"]
        assert "role Moderator: unlimited" in names(config)
        assert config.warnings == ()

    def test_shows_what_platforms_take_beside_it(self, tmp_path: Path) -> None:
        config = read(tmp_path, "\n".join(self.BLOCKS), KEY | TOKENS)
        assert config.discord is not None
        assert config.slack is not None
        assert config.warnings == ()


class TestExample:
    def test_loads_as_it_is(self, tmp_path: Path) -> None:
        config = read(tmp_path, read_example(), KEY)
        assert [(m.name, m.api_key) for m in config.models] == [("gpt-5-mini", "sk-secret")]
        assert names(config) == ["everyone: 20k tokens/day", "everyone: 60 requests/hour"]
        assert config.warnings == ()

    def test_loads_with_every_key_in_use(self, tmp_path: Path) -> None:
        (tmp_path / "local-model.key").write_text("sk-local")
        config = read(tmp_path, uncommented(read_example()), KEY | TOKENS)
        assert [m.api_key for m in config.models] == ["sk-secret", "sk-local"]
        assert len(config.rules.base.limits) == 17
        assert set(config.rules.spaces) == {"console:console", "discord:direct"}
        assert config.warnings == ()

    def test_shows_the_values_that_hold_anyway(self, tmp_path: Path) -> None:
        (tmp_path / "local-model.key").touch()
        keys = "output_max|(wait|token|idle|deadline)_s|cap_field|charge|week|warn|input_chars"
        keys += "|floor|queue|dir|keep|vision"
        shown = re.sub(rf"^#(?=\w*({keys})\w* = )", "", read_example(), flags=re.MULTILINE)
        said, silent = read(tmp_path, shown, KEY), read(tmp_path, read_example(), KEY)
        (model,) = said.models
        assert replace(said, models=()) == replace(silent, models=())
        assert (replace(model, output_cap_field=None),) == silent.models

    def test_shows_every_key(self) -> None:
        import tomllib

        table = tomllib.loads(uncommented(read_example()))
        missing = dotted(SHAPE) - written(table, SHAPE)
        # A space has the keys of [limits], as have direct messages.
        missing = {key for key in missing if not key.startswith(("spaces.", "limits.direct."))}
        missing -= HIDDEN
        # The file of a secret stands beside its variable.
        assert {key for key in missing if not re.fullmatch(FILES, key)} == set()

    def test_speaks_one_line_at_a_time(self) -> None:
        assert max(len(line) for line in read_example().splitlines()) <= 100
