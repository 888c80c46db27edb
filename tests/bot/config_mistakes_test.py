"""Mistakes that people make in a config, and the one line that each of them gets."""

# ruff: noqa: E501 - a row of a table is not folded

import os
import re
import string
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import SHAPE, ConfigError, find, load
from bot.config_words import Shape

LINES = 'write it like "20k tokens/day", or a list of such lines'
SECONDS = "give whole seconds from 1 to 840"
DOLLARS = 'write dollars per million tokens in quotes, such as "$0.25"'
SERVER = 'write the address of a server, "https://…/v1", or "offline"'
STORE = 'write "sqlite:///quotabot.db" (beside this file) or "sqlite:////folder/quotabot.db"'
SUM = 'write a sum in quotes, such as "$0.50"'
REFILL = 'write it like "$0.10/day up to $1" or "$2/month up to $2"'
SCOPES = 'write space, house, "channel:NAME" or "role:NAME"'


SECRETS = {"SET": "hidden", "XAPP": "xapp-hidden", "XOXB": "xoxb-hidden"}


def problems(
    folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None
) -> list[str]:
    """What is wrong with a file, each line without the path of the file."""
    path = folder / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [line.removeprefix(str(path)) for line in caught.value.problems]


# Each a key of [models.m], beside the address of the offline model.
MODEL_MISTAKES = [
    (
        "output_max = 0",
        "output_max is 0; give the tokens of one answer at most, from 1 to 10000000",
    ),
    (
        "output_max = true",
        "output_max is true; give the tokens of one answer at most, from 1 to 10000000",
    ),
    (
        "output_max = 1.5",
        "output_max is 1.5; give the tokens of one answer at most, from 1 to 10000000",
    ),
    (
        'output_max = "4k"',
        "output_max is '4k'; give the tokens of one answer at most, from 1 to 10000000",
    ),
    ("deadline_s = 841", f"deadline_s is 841; {SECONDS}"),
    ("deadline_s = 0", f"deadline_s is 0; {SECONDS}"),
    ("idle_s = 601", "idle_s is longer than deadline_s = 600; shorten it"),
    (
        "deadline_s = 9\nfirst_token_s = 10",
        "first_token_s is longer than deadline_s = 9; shorten it",
    ),
    (
        'output_cap_field = "max"',
        'output_cap_field is \'max\'; write "max_completion_tokens" or "max_tokens", or remove it',
    ),
    ('charge_unknown = "no"', 'charge_unknown is \'no\'; write "input" or "zero"'),
    ('aliases = "mini"', "aliases is 'mini'; write a list of names: [\"mini\"]"),
    ("aliases = [5]", 'aliases holds 5; write a list of names: ["mini"]'),
    ('aliases = ["a "]', "aliases has 'a ', which is no name; write one without blanks around it"),
    (
        f'aliases = ["{201 * "x"}"]',
        "aliases has a name of 201 characters; shorten it",
    ),
    ('api_key_file = "a\\u0000"', "api_key_file has control characters in it; write a path"),
    ("price = 3", 'price is 3; write {input = "$0.25", output = "$2"}, per million tokens'),
    ('price = {input = "$1"}', f"price.output is missing; {DOLLARS}"),
    ('price = {input = 0.25, output = "$2"}', f"price.input is 0.25; {DOLLARS}"),
    (
        'price = {input = "0.25", output = "$2"}',
        "price.input is '0.25'; write dollars per million tokens, such as \"$0.25\"",
    ),
    (
        'price = {input = "-$1", output = "$2"}',
        "price.input is '-$1'; a price is not below zero, write \"$0\" or more",
    ),
    (
        'price = {input = "$1", output = "$10000.01"}',
        "price.output is '$10000.01', more than $10,000 per million tokens; write a price such as \"$0.25\"",
    ),
    (
        'price = {input = "$0.0000001", output = "$2"}',
        "price.input is '$0.0000001'; write at most six digits after the point",
    ),
    (
        'price = {input = "$1", outptu = "$2", output = "$2"}',
        "price.outptu is not known; did you mean output?",
    ),
    ("idle = 3", "idle is not known; did you mean idle_s?"),
    ("wait_s = 3", "wait_s is not known; wait_s belongs in [limits]"),
    (
        'api_key = "sk-hidden"',
        'api_key would lie open in the file; put it into a variable and write its name, api_key_env = "OPENAI_API_KEY"',
    ),
    (
        'api_key_env = "K"\napi_key_file = "k"',
        "api_key_env stands beside api_key_file; keep one of them",
    ),
    (
        'api_key_env = "sk-hidden"',
        'api_key_env is no name of a variable; write one such as "OPENAI_API_KEY" and put the key into that variable',
    ),
    (
        'api_key_env = "hiddenAbCdEf0123456789"',
        'api_key_env is no name of a variable; write one such as "OPENAI_API_KEY" and put the key into that variable',
    ),
    (
        'api_key_file = "hiddenAbCdEf0123456789"',
        "api_key_file names a file, which cannot be read (No such file or directory); give the path of a file that holds the key",
    ),
    ('api_key_file = "~/key"', "api_key_file is '~/key'; write the whole path instead of ~"),
]


@pytest.mark.parametrize(("line", "told"), MODEL_MISTAKES)
def test_a_mistake_in_a_model_is_named(tmp_path: Path, line: str, told: str) -> None:
    found = problems(tmp_path, f'[models.m]\nbase_url = "offline"\n{line}')
    assert found == [f": [models.m] {told}"]
    assert "hidden" not in "".join(found)


# Each the base_url of a model.
ADDRESS_MISTAKES = [
    ("api.openai.com/v1", "is 'api.openai.com/v1'; write \"https://api.openai.com/v1\""),
    ("ftp://x.example", f"is 'ftp://x.example'; {SERVER}"),
    ("openai", f"is 'openai'; {SERVER}"),
    ("", f"is ''; {SERVER}"),
    ("Offline", "is 'Offline'; write \"offline\""),
    ("https://x.example:port", f"is no address; {SERVER}"),
    ("https://[x", f"is no address; {SERVER}"),
    ("https://x example", f"has blanks or control characters in it; {SERVER}"),
    ("https://me:hidden@x.example", "carries a name or password; take it out and use api_key_env"),
    (
        "https://x.example/?k=hidden",
        "has a ? or # in it; write it without, and use api_key_env for a key",
    ),
    (
        "https://x.example/v1/chat/completions",
        "is 'https://x.example/v1/chat/completions'; leave out the end: \"https://x.example/v1\"",
    ),
]


@pytest.mark.parametrize(("address", "told"), ADDRESS_MISTAKES)
def test_a_mistake_in_an_address_is_named(tmp_path: Path, address: str, told: str) -> None:
    found = problems(tmp_path, f'[models.m]\nname = "x"\nbase_url = "{address}"')
    assert found == [f": [models.m] base_url {told}"]
    assert "hidden" not in "".join(found)


# Each the url of the store.
STORE_MISTAKES = [
    (
        "postgresql://bot:hidden@db/quota",
        f"names PostgreSQL, which is not part of this version; {STORE}",
    ),
    ("mysql://bot:hidden@db/quota", f"begins with 'mysql'; {STORE}"),
    ("quotabot.db", f"is 'quotabot.db'; {STORE}"),
    ("sqlite://quotabot.db", f"is 'sqlite://quotabot.db', which has too few slashes; {STORE}"),
    ("sqlite:///", f"is 'sqlite:///', which names no file; {STORE}"),
    ("sqlite:///data/", f"is 'sqlite:///data/', which names no file; {STORE}"),
    (
        "sqlite:///:memory:",
        f"is 'sqlite:///:memory:', which forgets everything at the end; {STORE}",
    ),
    ("sqlite:///~/q.db", "is 'sqlite:///~/q.db'; write the whole path instead of ~"),
]


@pytest.mark.parametrize(("url", "told"), STORE_MISTAKES)
def test_a_mistake_in_the_url_of_the_store_is_named(tmp_path: Path, url: str, told: str) -> None:
    found = problems(tmp_path, f'[store]\nurl = "{url}"')
    assert found == [f": [store] url {told}"]
    assert "hidden" not in "".join(found)


RULE = 'write it like "20k tokens/day", "60 requests/hour", "$2/month" or "unlimited"'
DAYS = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"

# Each a whole file, with its one problem.
MISTAKES = [
    # limits
    (
        '[limits]\neveryone = "20k tokens"',
        f"[limits] everyone: '20k tokens' names no period; {RULE}",
    ),
    (
        '[limits]\neveryone = "20k/day"',
        "[limits] everyone: '20k/day' names no unit; say tokens, requests or $",
    ),
    (
        '[limits]\neveryone = "0 tokens/day"',
        "[limits] everyone: '0 tokens/day' allows nothing; give a positive amount, or block instead",
    ),
    (
        '[limits]\neveryone = "-5k tokens/day"',
        f"[limits] everyone: '-5k tokens/day': a limit has no sign; {RULE}",
    ),
    ("[limits]\neveryone = 20000", f"[limits] everyone is 20000; {LINES}"),
    ("[limits]\neveryone = [20000]", f"[limits] everyone holds 20000; {LINES}"),
    (
        '[limits]\neveryone = ["1k tokens/day", "2k tokens/day"]',
        "[limits] everyone has two limits in tokens/day; keep one of them",
    ),
    (
        '[limits]\neveryone = ["unlimited", "2k tokens/day"]',
        "[limits] everyone says unlimited beside a limit; keep one of them",
    ),
    (
        '[limits]\ntimezone = "Berlin"',
        "[limits] timezone is 'Berlin', which is no time zone; did you mean 'Europe/Berlin'?",
    ),
    (
        '[limits]\ntimezone = "europe/berlin"',
        "[limits] timezone is 'europe/berlin', which is no time zone; did you mean 'Europe/Berlin'?",
    ),
    (
        '[limits]\ntimezone = "America/New York"',
        "[limits] timezone is 'America/New York', which is no time zone; did you mean 'America/New_York'?",
    ),
    (
        '[limits]\ntimezone = "Midgard"',
        "[limits] timezone is 'Midgard', which is no time zone; write an IANA name such as 'Europe/Berlin'",
    ),
    ('[limits]\nweek_start = "Monday"', f"[limits] week_start is 'Monday'; write one of {DAYS}"),
    (
        "[limits]\nwarn_at = [90, 75]",
        "[limits] warn_at is [90, 75]; write each once, the smallest first",
    ),
    (
        "[limits]\nwarn_at = [0]",
        "[limits] warn_at holds 0; write percentages from 1 to 100: [75, 90]",
    ),
    ("[limits]\nwarn_at = 90", "[limits] warn_at is 90; write percentages from 1 to 100: [75, 90]"),
    ("[limits]\nwait_s = {a = 1}", "[limits] wait_s is a table; give whole seconds from 0 to 3600"),
    ("[limits]\nwait_s = -1", "[limits] wait_s is -1; give whole seconds from 0 to 3600"),
    ("[limits]\nqueue_max = nan", "[limits] queue_max is nan; give a number from 0 to 1000"),
    (
        '[limits]\nstaff_cap = "5k"',
        '[limits] staff_cap is no cap; write it like "50k tokens", "20 requests" or "$1"',
    ),
    (
        "[limits]\noutput_floor = 0",
        "[limits] output_floor is 0; give the fewest tokens worth an answer, from 1 to 10000000",
    ),
    (
        "[limits]\ninput_chars_max = 2026-01-01",
        "[limits] input_chars_max is 2026-01-01; give the characters of one question, from 1 to 10000000",
    ),
    (
        f'[limits]\nnote = "{301 * "x"}"',
        f"[limits] note is '{80 * 'x'}'…; write a sentence of at most 300 characters",
    ),
    (
        '[limits]\nnote = "a\\nb"',
        "[limits] note has line breaks or control characters in it; write one sentence",
    ),
    ("[limits]\nevryone = 5", "[limits] evryone is not known; did you mean everyone?"),
    (
        "[limits]\nzzz = 5",
        "[limits] zzz is not known; known here: everyone, roles, shared, caps, members, models, weights, expected_members, direct, timezone, week_start, warn_at, input_chars_max, output_floor, wait_s, queue_max, note, staff_cap",
    ),
    # who a limit is for
    ("[limits]\nroles = 5", "[limits.roles] is 5; make it a section, [limits.roles]"),
    (
        "[limits.roles]\nqueue_max = 5",
        f"[limits.roles] queue_max is 5; {LINES} (or move queue_max up into [limits], above [limits.roles])",
    ),
    (
        '[limits.roles]\neveryone = "1k tokens/day"',
        "[limits.roles] everyone is nobody's name; choose another (or move everyone up into [limits], above [limits.roles])",
    ),
    (
        '[limits.roles]\n"" = "1k tokens/day"',
        '[limits.roles] "" is no name; write it as the platform shows it',
    ),
    (
        '[limits.shared]\nspace = "1M tokens/rolling 24h fair"',
        "[limits.shared] space: '1M tokens/rolling 24h fair': a fair pool is divided among all who come until it ends for everybody at once; write /hour, /day, /week or /month",
    ),
    (
        '[limits]\neveryone = "1M tokens/day fair"',
        "[limits] everyone: '1M tokens/day fair': fair is said of a limit that many share; leave it out here",
    ),
    (
        '[limits.caps]\neveryone = "1M tokens/day fair"',
        "[limits.caps] everyone: '1M tokens/day fair': fair is said of a limit that many share; leave it out here",
    ),
    (
        '[limits.shared]\nspace = "1M tokens/day fair lend 0%"',
        "[limits.shared] space: '1M tokens/day fair lend 0%': lend is a percentage from 1 to 100, such as lend 80%",
    ),
    (
        "[limits.weights]\nSupporter = 0",
        "[limits.weights] Supporter is 0; give a whole number from 1 to 1000",
    ),
    (
        "[limits.weights]\nSupporter = 1.5",
        "[limits.weights] Supporter is 1.5; give a whole number from 1 to 1000",
    ),
    (
        "[limits]\nexpected_members = 0",
        "[limits] expected_members is 0; give a number from 1 to 10000000",
    ),
    (
        '[limits.shared]\nspace = "unlimited"',
        "[limits.shared] space holds 'unlimited', which holds nobody back; remove it",
    ),
    (
        '[limits.caps]\neveryone = ["unlimited"]',
        "[limits.caps] everyone holds 'unlimited', which holds nobody back; remove it",
    ),
    (
        '[limits.shared]\n"chanel:a" = "1k tokens/day"',
        f'[limits.shared] "chanel:a" is not known here (did you mean channel?); {SCOPES}',
    ),
    (
        '[limits.shared]\n"channel:" = "1k tokens/day"',
        f'[limits.shared] "channel:" is not known here; {SCOPES}',
    ),
    (
        '[limits.shared]\n"channel:#a" = "1k tokens/day"',
        '[limits.shared] "channel:#a" has a # too many; write "channel:a"',
    ),
    (
        '[limits.caps]\nSupporter = "1k tokens/day"',
        '[limits.caps] Supporter is not known here; write everyone, "role:NAME" or "member:ID"',
    ),
    (
        '[limits.models."*"]\neveryone = "1k tokens/day"',
        '[limits.models."*"] means every model; write these limits in [limits]',
    ),
    (
        '[limits.models]\n"gpt-5" = "1k tokens/day"',
        "[limits.models.gpt-5] is '1k tokens/day'; make it a section, [limits.models.gpt-5]",
    ),
    (
        '[spaces.console.limits]\neveryone = "1k tokens/day"',
        '[spaces.console] is no space; write "platform:id", for instance "console:console"',
    ),
    (
        '[spaces."a:b".limits]\ntimezone = "UTC"',
        '[spaces."a:b".limits] timezone is not known; timezone belongs in [limits]',
    ),
    (
        '[spaces."a:b".limits.shared]\nhouse = "$1/day"',
        '[spaces."a:b".limits.shared] house is over all spaces; write it in [limits.shared]',
    ),
    ("[limits.shared]\nguests = 5", f"[limits.shared] guests is not known here; {SCOPES}"),
    (
        '[limits.models.""]\neveryone = "1k tokens/day"',
        '[limits.models.""] names no model; write a name or a pattern such as "gpt-5*"',
    ),
    # models
    ('[models]\nname = "x"', "[models.name] is no section but 'x'; write name in [models.default]"),
    (
        '[[models]]\nname = "x"',
        "[models] is a list of tables or lists; make it a section, [models.default]",
    ),
    (
        '[models.m]\nbase_url = "http://localhost"',
        '[models.m] name is missing; write its name on the server, "gpt-5-mini"',
    ),
    ('[models.m]\nname = "x"', f"[models.m] base_url is missing; {SERVER}"),
    (
        '[models.a]\nbase_url = "offline"\nname = "x"\n[models.b]\nbase_url = "offline"\nname = "X"',
        "[models.b] name has 'X', which [models.a] has already; choose another",
    ),
    (
        '[models.a]\nbase_url = "offline"\nname = "x"\n[models.A]\nbase_url = "offline"\nname = "y"',
        "[models.A] has 'A', which [models.a] has already; choose another",
    ),
    (
        '[models.a]\nbase_url = "offline"\nname = "x"\n[models.b]\nbase_url = "offline"\nname = "y"\naliases = ["a"]',
        "[models.b] aliases has 'a', which [models.a] has already; choose another",
    ),
    (
        '[models.m]\nname = "x"\nbase_url = "https://x.example"\napi_key_env = "KEY"',
        "[models.m] api_key_env names KEY, which is not set; set KEY to the key",
    ),
    # platforms
    ("[discord]", '[discord] token_env is missing; write token_env = "DISCORD_TOKEN"'),
    (
        '[discord]\ntoken_env = "D"',
        "[discord] token_env names D, which is not set; set D to the token",
    ),
    (
        '[discord]\ntoken_env = "MTA4hidden0123456789.abc"',
        '[discord] token_env is no name of a variable; write one such as "DISCORD_TOKEN" and put the token into that variable',
    ),
    (
        '[discord]\ntoken_env = "SET"\ntoken = "hidden"',
        '[discord] token would lie open in the file; put it into a variable and write its name, token_env = "DISCORD_TOKEN"',
    ),
    (
        '[discord]\ntoken_env = "SET"\nmode = "threads"',
        '[discord] mode is \'threads\'; write "off", "mention", "reply", "thread" or "auto-thread"',
    ),
    (
        '[discord]\ntoken_env = "SET"\nadmin_roles = 5',
        '[discord] admin_roles is 5; write a list of names or ids: ["Helpers"]',
    ),
    (
        '[discord]\ntoken_env = "SET"\ncommands_guild = "My server"',
        '[discord] commands_guild is \'My server\'; write the id of a server in quotes, "1234", or ""',
    ),
    (
        '[discord]\ntoken_env = "SET"\ngateway = "discord"',
        "[discord] gateway is 'discord'; write an address, \"https://…\", or remove it",
    ),
    (
        '[slack]\napp_token_env = "SET"',
        '[slack] bot_token_env is missing; write bot_token_env = "SLACK_BOT_TOKEN"',
    ),
    (
        '[slack]\nbot_token_env = "SET"',
        '[slack] app_token_env is missing; write app_token_env = "SLACK_APP_TOKEN"',
    ),
    (
        '[slack]\nbot_token_env = "SET"\nmode = "http"',
        '[slack] signing_secret_env is missing; write signing_secret_env = "SLACK_SIGNING_SECRET"',
    ),
    (
        '[slack]\nbot_token_env = "XAPP"\napp_token_env = "SET"',
        "[slack] bot_token_env leads to a token xapp-…, which belongs to app_token_env",
    ),
    (
        '[slack]\nbot_token_env = "SET"\napp_token_env = "XOXB"',
        "[slack] app_token_env leads to a token xoxb-…, which belongs to bot_token_env",
    ),
    (
        '[slack]\nclient_id = "1"\napp_token_env = "SET"',
        "[slack] client_secret_env is missing; for several workspaces both are needed",
    ),
    (
        '[slack]\nbot_token_env = "SET"\napp_token_env = "SET"\nbot_token = "hidden"',
        '[slack] bot_token would lie open in the file; put it into a variable and write its name, bot_token_env = "SLACK_BOT_TOKEN"',
    ),
    (
        '[slack]\nbot_token_env = "SET"\napp_token_env = "SET"\nhttp_port = 0',
        "[slack] http_port is 0; give a port from 1 to 65535",
    ),
    # personas and channels
    (
        "[personas.tutor]",
        "[personas.tutor] prompt is missing; write at most 20000 characters in quotes",
    ),
    (
        '[personas.tutor]\nprompt = ""\nmodel = "gtp"',
        "[personas.tutor] model is 'gtp', which no section [models.…] has; add one, or name another",
    ),
    (
        '[channels.homework]\npersona = "tutor"',
        "[channels.homework] persona is 'tutor', which no section [personas.…] has; add one, or name another",
    ),
    (
        '[channels.homework]\nmodel = "gtp"',
        "[channels.homework] model is 'gtp', which no section [models.…] has; add one, or name another",
    ),
    (
        "[channels.homework]\nmax_reply = -1",
        "[channels.homework] max_reply is -1; give the tokens of one answer at most, 0: all",
    ),
    (
        '[channels]\nmode = "off"',
        "[channels.mode] is no section but 'off'; write mode in [channels.default]",
    ),
    # prepaid credits
    ("[balance]\nstart = 5", f"[balance] start is 5; {SUM}"),
    ('[balance]\nstart = "5 tokens"', f"[balance] start is '5 tokens'; {SUM}"),
    ('[balance]\noverdraft = "-$1"', f"[balance] overdraft is '-$1'; {SUM}"),
    ('[balance]\nstrat = "$1"', "[balance] strat is not known; did you mean start?"),
    ('[balance]\nenabled = "yes"', "[balance] enabled is 'yes'; write true, or false for none"),
    ('[balance]\nrefill = "$1/day"', f"[balance] refill: '$1/day' names no cap; {REFILL}"),
    (
        '[balance]\nrefill = "$1 up to $2"',
        f"[balance] refill: '$1 up to $2' names no interval; {REFILL}",
    ),
    (
        '[balance]\nrefill = "$3/day up to $2"',
        f"[balance] refill: '$3/day up to $2': the cap is below the amount; {REFILL}",
    ),
    (
        '[balance]\nrefill = "$1/30m up to $2"',
        "[balance] refill: '$1/30m up to $2': a balance is refilled every hour at most",
    ),
    (
        '[spaces."discord:1".balance]\nrefill = "$0/day up to $2"',
        "[spaces.\"discord:1\".balance] refill: '$0/day up to $2' refills nothing; give a positive amount",
    ),
    ("balance = 5", "[balance] is 5; make it a section, [balance]"),
    (
        '[limits.direct]\neveryone = "2k"',
        '[limits.direct] everyone: \'2k\' names no period; write it like "20k tokens/day", "60 requests/hour", "$2/month" or "unlimited"',
    ),
    # the rest
    ("[limts]", "[limts] is not known; did you mean limits?"),
    ("wait_s = 5", "[wait_s] is not known; wait_s belongs in [limits]"),
    (
        "[backup]\nname = 'x'",
        "[backup] name is not known; name belongs in [models.NAME]",
    ),
    # What shares a few letters with a key is not taken for it.
    (
        "[limits]\nana = '1k tokens/day'",
        "[limits] ana is not known; known here: everyone, roles, shared, caps, members, models, weights, expected_members, direct, timezone, week_start, warn_at, input_chars_max, output_floor, wait_s, queue_max, note, staff_cap",
    ),
    ("[limits]\nfloor = 5", "[limits] floor is not known; did you mean output_floor?"),
    ("models = 0", "[models] is 0; make it a section, [models.default]"),
    ("store = 5", "[store] is 5; make it a section, [store]"),
    ("[backup]\nkeep = 0", "[backup] keep is 0; give a number from 1 to 10000"),
    ('[backup]\ndir = "~/copies"', "[backup] dir is '~/copies'; write the whole path instead of ~"),
    (
        "[chat]\nsystem_prompt = 5",
        "[chat] system_prompt is 5; write at most 20000 characters in quotes",
    ),
    ("[chat]\nsummaries = 5", "[chat] summaries is 5; write true or false"),
    ("[chat]\nsummary_tokens = 9", "[chat] summary_tokens is 9; give 64 to 8000 tokens"),
    (
        '[chat]\nsummary_model = "gtp"',
        "[chat] summary_model is 'gtp', which no section [models.…] has; add one, or name another",
    ),
    (
        '[chat]\ntitle_model = "gtp"',
        "[chat] title_model is 'gtp', which no section [models.…] has; add one, or name another",
    ),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_fix(tmp_path: Path, text: str, told: str) -> None:
    assert problems(tmp_path, text, SECRETS) == [f": {told}"]


# Each a file that is not TOML.
NOT_TOML: list[tuple[str | bytes, str]] = [
    ("[limits\nwait_s = 5", ", line 1: '[limits' is not TOML; correct this line"),
    ("[limits]\nwait_s = \n", ", line 2: 'wait_s =' is not TOML; correct this line"),
    ("[limits]\nwait_s = ", ", line 2: 'wait_s =' is not TOML; correct this line"),
    ("[limits]\neveryone = [\n\n\n", ", line 2: 'everyone = [' is not TOML; correct this line"),
    (
        "[limits]\nwait_s = 1\nwait_s = 2\nnote = ''",
        ", line 3: 'wait_s = 2' is not TOML; it stands there twice: leave one out",
    ),
    (
        "[models.m]\napi_key = sk-hidden",
        ", line 2: 'api_key = …' is not TOML; put text in quotes, \"…\"",
    ),
    (
        "[limits]\neveryone = [“20k tokens/day”]",
        ", line 2: 'everyone = [“20k tokens/day”]' is not TOML; write straight quotes, \"…\"",
    ),
    (
        "[limits]\neveryone = [20k tokens/day]",
        ", line 2: 'everyone = [20k tokens/day]' is not TOML; put text in quotes, \"…\"",
    ),
    (
        "[limits]\ntimezone = Europe/Berlin",
        ", line 2: 'timezone = Europe/Berlin' is not TOML; put text in quotes, \"…\"",
    ),
    (
        "[limits.roles]\nTwo Words = 'unlimited'",
        ', line 2: "Two Words = \'unlimited\'" is not TOML; put a name with signs or blanks in quotes, "Two Words" = …',
    ),
    (
        "[limits.shared]\nchannel:help = '1k tokens/day'",
        ', line 2: "channel:help = \'1k tokens/day\'" is not TOML; put a name with signs or blanks in quotes, "Two Words" = …',
    ),
    (
        "[spaces.discord:1.limits]",
        ", line 1: '[spaces.discord:1.limits]' is not TOML; put a name with signs or blanks in quotes, [spaces.\"discord:1234\"]",
    ),
    ("limits:\n  wait_s: 5", ", line 1: 'limits:' is not TOML; write = in place of :"),
    (
        "[limits]\n[limits]",
        ", line 2: '[limits]' is not TOML; it stands there twice: leave one out",
    ),
    ("a = " + 9000 * "[", f", line 1: 'a = {76 * '['}'… is not TOML; correct this line"),
    (b"[limits]\nnote = '\xff'", ", line 2: is not UTF-8; save the file as UTF-8"),
    ("[limits]".encode("utf-16"), ", line 1: is UTF-16; save the file as UTF-8"),
    (b"\x00", r", line 1: '\x00' is not TOML; correct this line"),
    (1_000_001 * b" ", ": is longer than 1000000 bytes; give a config file"),
]


@pytest.mark.parametrize(("text", "told"), NOT_TOML)
def test_a_file_that_is_not_toml_is_told_with_its_line(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    # The parser's own words change with Python.
    found = [re.sub(r" \(.*\)", "", line) for line in problems(tmp_path, text)]
    assert found == [told]


FILE = "[models.GPT-5]\nbase_url = 'offline'\n[models.\"gpt.5\"]\nname = 'x'\nbase_url = 'offline'\n[models.other]\nname = 'y'\nbase_url = 'offline'"

# Each a variable with its value.
VARIABLE_MISTAKES = [
    ("LIMITS__WAIT_S", "abc", "is 'abc'; give whole seconds from 0 to 3600"),
    ("LIMITS__WAIT_S", "9999", "is 9999; give whole seconds from 0 to 3600"),
    ("LIMITS__WAIT", "3", "is not known; did you mean wait_s?"),
    ("LIMIT__WAIT_S", "3", "is not known; did you mean limits?"),
    ("LIMITS_WAIT_S", "3", "is not known; with two underscores it is QUOTABOT_LIMITS__WAIT_S"),
    ("WAIT_S", "3", "is not known; name section and key, such as QUOTABOT_LIMITS__WAIT_S"),
    ("LIMITS", "{}", "is not known; name section and key, such as QUOTABOT_LIMITS__WAIT_S"),
    ("LIMITS__WAIT_S__X", "3", "is not known; nothing stands inside limits.wait_s"),
    ("LIMITS__EVERYONE", "20k tokens", f": '20k tokens' names no period; {RULE}"),
    ("LIMITS__EVERYONE", "[5]", f"holds 5; {LINES}"),
    ("LIMITS__ROLES", "{A = 5}", f"A is 5; {LINES}"),
    (
        "LIMITS__ROLES__GUEST",
        "1k tokens/day",
        "is not known; the file has nothing in [limits.roles] to change",
    ),
    ("LIMITS__SHARED__HOUS", "1k tokens/day", "is not known; did you mean house?"),
    (
        "LIMITS__WEIGHTS__A",
        "3",
        "is not known; the file has nothing in [limits.weights] to change",
    ),
    (
        "DISCORD__TOKN_ENV",
        "hidden",
        "is not known; did you mean token_env?",
    ),
    ("MODELS__DEFAULT__NAME", "z", "is not known; known here: GPT-5, gpt.5, other"),
    ("MODELS__GPT__5__NAME", "z", "is not known; did you mean gpt.5?"),
    ("MODELS__GPT_5__NAME", "z", "stands for GPT-5 and gpt.5; change it in the file"),
    ("MODELS__OTHER__API_KEY", "hidden", "is not known; did you mean api_key_env?"),
    (
        "MODELS__OTHER__PRICE__INPUT",
        "$-1",
        "is '$-1'; write dollars per million tokens, such as \"$0.25\"",
    ),
    (
        "STORE__URL",
        "postgresql://a:hidden@b",
        f"names PostgreSQL, which is not part of this version; {STORE}",
    ),
]


@pytest.mark.parametrize(("variable", "value", "told"), VARIABLE_MISTAKES)
def test_a_mistake_in_a_variable_names_the_variable(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    found = problems(tmp_path, FILE, {f"QUOTABOT_{variable}": value})
    gap = "" if told.startswith(":") else " "
    assert found[0] == f"QUOTABOT_{variable}{gap}{told}"
    assert "hidden" not in "".join(found)


def test_a_variable_does_not_hide_a_mistake_in_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, "limits = 5", {"QUOTABOT_LIMITS__WAIT_S": "3"})
    assert found == [": [limits] is 5; make it a section, [limits]"]


def test_without_a_file_the_environment_is_to_blame() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"QUOTABOT_MODELS__DEFAULT__BASE_URL": "http://localhost"})
    assert caught.value.problems == (
        'environment: [models.default] name is missing; write its name on the server, "gpt-5-mini"',
    )


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        [store]
        url = "postgresql://db"
        [models.a]
        base_url = "offline"
        output_max = 0
        idle = 5
        [models.b]
        name = "A"
        base_url = "nowhere"
        [limits]
        everyone = ["1k", "2k tokens/day"]
        timezone = "Berlin"
        [limts]
        """,
        {"QUOTABOT_LIMITS__QUEUE": "1", "QUOTABOT_LIMITS__WAIT_S": "x"},
    )
    assert [line.removeprefix(": ").partition(";")[0] for line in found] == [
        "QUOTABOT_LIMITS__QUEUE is not known",
        "[models.b] name has 'A', which [models.a] has already",
        "[store] url names PostgreSQL, which is not part of this version",
        "[models.a] output_max is 0",
        "[models.a] idle is not known",
        "[models.b] base_url is 'nowhere'",
        "[limits] everyone: '1k' names no period",
        "[limits] timezone is 'Berlin', which is no time zone",
        "QUOTABOT_LIMITS__WAIT_S is 'x'",
        "[limts] is not known",
    ]


def test_no_more_is_told_than_can_be_read(tmp_path: Path) -> None:
    lines = "\n".join(f"k{n}{'x' * 3000} = {n}" for n in range(300))
    found = problems(tmp_path, f"[limits]\n{lines}")
    assert len(found) == 51
    assert found[-1] == "and 250 more problems; correct these first"
    assert max(map(len, found)) < 1_100


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    told = f"{tmp_path}: is a folder; give the file in it, such as {tmp_path}/config.toml"
    with pytest.raises(ConfigError, match=f"^{told}$"):
        load(find(tmp_path, tmp_path), {})


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\); give a"):
        load(tmp_path / "config.toml", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch(mode=0o000)
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\); give a"):
        load(path, {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "which is empty; put the key into it"),
        (
            b"\xff",
            "which cannot be read (it is not text); give the path of a file that holds the key",
        ),
        (
            b"a b",
            "whose content is no key (one line of letters, digits and signs); put the key alone into it",
        ),
        (
            10_001 * b"a",
            "whose content is no key (one line of letters, digits and signs); put the key alone into it",
        ),
    ],
)
def test_a_file_that_holds_no_key_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "k").write_bytes(content)
    found = problems(tmp_path, '[models.m]\nbase_url = "offline"\napi_key_file = "k"')
    assert found == [f": [models.m] api_key_file names '{tmp_path}/k', {told}"]


def test_a_variable_that_holds_no_key_is_told(tmp_path: Path) -> None:
    text = '[models.m]\nbase_url = "offline"\napi_key_env = "K"'
    (found,) = problems(tmp_path, text, {"K": "sk-hidden\nb"})
    assert found.startswith(": [models.m] api_key_env names K, whose content is no key")
    assert "hidden" not in found


def keys(shape: Shape) -> set[str]:
    inner = [*shape.keys.values(), *([shape.each] if shape.each else [])]
    return set(shape.keys).union(*map(keys, inner))


LIKELY = st.sampled_from(
    [
        *sorted(keys(SHAPE)),
        *("everyone", "space", "house", "role:A", "member:a", "channel:b", "a:b", "*", "offline"),
        *("20k tokens/day", "unlimited", "$2/month", "$0.25", "UTC", "monday", "sqlite:///a.db"),
        *(
            "sqlite:////",
            "http://a",
            "http://[",
            "max_tokens",
            "input",
            "discord",
            "K",
            "~",
            "\x00",
        ),
    ]
)
TEXTS = LIKELY | st.text(max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.floats() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
)


def toml(value: object) -> str:
    """Write a value in one line of TOML."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "2026-01-01T00:00:00Z"
        case int() | float():
            return repr(value)
        case str():
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{toml(k)} = {toml(v)}' for k, v in value.items())}}}"
        case _:
            raise AssertionError(value)


def loads_or_says_why(text: str | bytes, environ: Mapping[str, str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
        told: tuple[str, ...] = ()
        try:
            load(path, environ)
        except ConfigError as error:
            told = error.problems or ("",)
        for line in told:
            assert line.isprintable()
            assert line.startswith((str(path), "QUOTABOT_", "and "))
            assert ";" in line or "?" in line or ":" in line.removeprefix(f"{path}:")


TABLES = st.dictionaries(LIKELY, st.dictionaries(TEXTS, VALUES, max_size=5), max_size=5)


@given(TABLES | st.dictionaries(TEXTS, VALUES, max_size=5))
def test_any_toml_loads_or_says_why(tables: dict[str, object]) -> None:
    loads_or_says_why(
        "\n".join(f"{toml(key)} = {toml(value)}" for key, value in tables.items()), {}
    )


@given(st.text() | st.binary() | st.text(alphabet="[]{}\"=,.#\n' a1" + string.whitespace))
def test_any_text_loads_or_says_why(text: str | bytes) -> None:
    loads_or_says_why(text, {})


SECTIONS = st.lists(LIKELY.map(str.upper) | st.text(max_size=4), max_size=4).map("__".join)


@given(st.dictionaries(SECTIONS, TEXTS | VALUES.map(toml), max_size=5))
def test_any_environment_loads_or_says_why(environ: dict[str, str]) -> None:
    variables = {f"QUOTABOT_{name}": value for name, value in environ.items()}
    loads_or_says_why("[limits]\neveryone = '1k tokens/day'", variables)


@given(st.text(), st.text())
def test_any_secret_is_taken_or_refused_and_never_shown(key: str, variable: str) -> None:
    marked = f"{key}hidden-0123456789"
    text = f"[models.m]\nname = 'x'\nbase_url = 'https://x.example'\napi_key_env = {toml(variable)}"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            shown = repr(load(path, {variable: marked}))
        except ConfigError as error:
            shown = str(error)
        assert "hidden-0123456789" not in shown
