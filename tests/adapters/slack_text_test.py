"""Text on its way in and out of Slack: plain inside, harmless outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import commands, markup
from adapters.slack.commands import AskOptions, Command
from adapters.slack.markup import words_for
from adapters.slack.stream import unclosed
from bot.splitting import split
from tests.fakes import at
from tests.servers.slack.mrkdwn import pings

NAMES = {
    ("@", "U123"): "ana",
    ("#", "C123"): "general",
    ("!", "S123"): "supporters",
    ("!", "S456"): "two words",
}


def naming(sign: str, what: str) -> str:
    return NAMES.get((sign, what), "")


WORDS = words_for(naming)

# Out.


def test_an_instant_is_a_token_that_everybody_reads_in_their_own_zone() -> None:
    text = markup.mrkdwn(f"resets {WORDS.when(at('2026-06-02T00:00Z'))}")
    stamp = at("2026-06-02T00:00Z") // 1_000
    day = "{date_short_pretty} at {time}"
    assert text == f"resets <!date^{stamp}^{day}|2026-06-02 00:00 UTC>"


def test_an_instant_that_never_comes_is_a_word() -> None:
    assert WORDS.when(1 << 62) == "never"


def test_a_title_has_the_instant_in_words() -> None:
    assert markup.unmarked(f"until {WORDS.when(0)}") == "until 1970-01-01 00:00 UTC"


def test_a_member_is_mentioned_and_a_role_is_not_called() -> None:
    assert markup.mrkdwn(WORDS.who("U123")) == "<@U123>"
    assert markup.unmarked(WORDS.who("U123")) == "@ana"
    assert markup.unmarked(WORDS.who("U999")) == "@U999"
    assert markup.mrkdwn(WORDS.role("supporters")) == "@supporters"
    assert markup.mrkdwn(WORDS.channel("general")) == "#general"


def test_what_an_admin_wrote_is_escaped_around_our_own_tokens() -> None:
    note = markup.mrkdwn(f"<!channel> & {WORDS.who('U1')}")
    assert note == "&lt;!channel&gt; &amp; <@U1>"


@given(st.text(alphabet="<>@!#&|^ \ue000\ue001UCS123channel", max_size=60))
def test_nothing_that_people_write_becomes_a_token(text: str) -> None:
    assert pings(markup.mrkdwn(markup.unescaped(text))) == set()


@given(st.text(alphabet="<>@!#&|^ UWCS123channelhere", max_size=60))
def test_nothing_that_a_model_writes_calls_anybody(text: str) -> None:
    assert pings(markup.harmless(text)) == set()


@given(st.text(alphabet="<>@!#Uab ", max_size=30), st.text(alphabet="<>@!#Uab ", max_size=10))
def test_what_was_shown_of_a_growing_text_never_changes(text: str, more: str) -> None:
    shown = markup.harmless(text[: markup.settled(text)])
    assert markup.harmless(text + more).startswith(shown)


def test_ordinary_code_stays_as_it_is() -> None:
    code = 'if a < b: print("<p>", x<!--c-->, List<int>, 1<2)'
    assert markup.harmless(code) == code


@given(
    st.lists(st.sampled_from(["```\n", "```py\n", "code\n", "prose\n", "\n", "a ```b\n"])),
    st.integers(0, 40),
)
def test_of_a_growing_answer_each_frame_goes_on_where_the_last_one_stopped(
    lines: list[str], cut: int
) -> None:
    text = "".join(lines)
    now, later = split(text[:cut], 10_000), split(text, 10_000)
    if now and later:
        shown = unclosed(now[-1], text[:cut])
        assert later[-1].startswith(shown.rstrip()) or "```" in shown


# In.


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("hello", "hello"),
        ("ask <@U123> in <#C123|general>", "ask @ana in #general"),
        ("<@U999> <@U888|bo> <#C999|old> <#C888>", "@U999 @bo #old #C888"),
        ("<!subteam^S123> <!subteam^S999|@admins> <!here>", "@supporters @admins @here"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;", "&lt;"),
        ("see <https://a.example/x>", "see https://a.example/x"),
        ("see <http://a.example|a.example>", "see http://a.example"),
        ("see <https://a.example|the page>", "see the page (https://a.example)"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("\ue000@U1\ue001", "@U1"),
    ],
)
def test_a_message_is_read_as_a_person_reads_it(said: str, read: str) -> None:
    assert markup.plain(said, naming) == read


def test_the_mention_of_the_bot_is_no_part_of_the_question() -> None:
    assert markup.without("<@U1> hello", "U1") == "hello"
    assert markup.without("hey <@U1|bot> hello", "U1") == "hey hello"
    assert markup.without("<@U2> hello", "U1") == "<@U2> hello"


# Commands.


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("grant <@U123|ana> 5k", "/quota-admin grant @member:U123 5k"),
        (
            "limit set 5k tokens per day for <!subteam^S123|@supporters> in <#C123|general>",
            "/quota-admin limit set 5k tokens per day for @role:supporters in #general",
        ),
        ("limit set 1k tokens per day for <!subteam^S456>", None),
        ("reset all -- a &lt; b", "/quota-admin reset all -- a < b"),
        ("", "/quota-admin"),
    ],
)
def test_a_slash_command_becomes_the_line_of_all_platforms(text: str, line: str | None) -> None:
    line = line or '/quota-admin limit set 1k tokens per day for @role:"two words"'
    assert commands.slash("/quota-admin", text, "", "", naming).line == line


def test_names_of_commands_may_have_a_prefix_or_stand_under_one() -> None:
    assert commands.slash("/acme-quota", "rules", "acme-", "", naming) == Command("quota", "rules")
    assert commands.slash("/acme", "quota rules", "", "acme", naming) == Command("quota", "rules")
    assert commands.slash("/acme", "", "", "acme", naming) == Command("help", "")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("!quota", Command("quota", "")),
        (" !quota rules ", Command("quota", "rules")),
        ("!model mini", Command("model", "mini")),
        ("!quota-admin grant <@U123> 5k", Command("quota-admin", "grant @member:U123 5k")),
        ("!nice", None),
        ("!quotas", None),
        ("! quota", None),
        ("I said !quota", None),
    ],
)
def test_in_threads_an_exact_first_word_is_a_command(text: str, command: Command | None) -> None:
    assert commands.in_thread(text, naming) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("quota", Command("quota", "")),
        ("Quota rules", Command("quota", "rules")),
        ("help", Command("help", "")),
        ("quota is a strange word", None),
        ("what is my quota", None),
    ],
)
def test_behind_a_mention_only_the_whole_message_is_a_command(
    text: str, command: Command | None
) -> None:
    assert commands.mentioned(text) == command


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("hello", AskOptions("hello")),
        ("hello --private", AskOptions("hello", is_private=True)),
        ("--private hello", AskOptions("hello", is_private=True)),
        ("--model mini hello there", AskOptions("hello there", "mini")),
        ("hello --model=mini --private", AskOptions("hello", "mini", is_private=True)),
        ("what does --verbose do", AskOptions("what does --verbose do")),
        ("", AskOptions("")),
    ],
)
def test_ask_has_its_options_anywhere(text: str, options: AskOptions) -> None:
    assert commands.ask_options(text) == options
