import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import log

# Shaped like real ones; none of them opens anything. Put together here, so that no scanner that
# looks for leaked keys finds one in this file.
DISCORD = ".".join(("MTAxMjM0NTY3ODkwMTIzNDU2Nw", "GabcDE", "x" * 30))
FAKES = [
    "sk-" + "proj-abcDEF0123456789abcd",
    "sk-" + "ant-api03-abcDEF0123456789",
    "sk_" + "live_0123456789abcdef",
    "gsk_" + "0123456789abcdefABCDEF",
    "hf_" + "abcdefghijklmnopqrst",
    "AIza" + "S" * 35,
    "xoxb-" + "123456789012-123456789012-abcdefghijkl",
    "xoxe.xoxp-" + "1-abcdefghijklmnop",
    "xapp-" + "1-A012345-0123456789-abcdef",
    DISCORD,
]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    logging.raiseExceptions = True
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("quota", "bot", "adapters"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize("fake", FAKES)
@pytest.mark.parametrize("around", ["{}", "key={}", "'{}'", "Authorization: Bearer {}", "a {}, b"])
def test_what_looks_like_a_secret_is_taken_out_of_a_text(fake: str, around: str) -> None:
    cleaned = log.Redactor().clean(around.format(fake))
    assert fake not in cleaned
    assert log.REDACTED in cleaned


def test_a_key_of_no_known_shape_is_taken_out_because_the_config_has_it() -> None:
    redactor = log.Redactor(["hunter2hunter2"])
    redactor.know(["correct horse"])
    assert redactor.clean("hunter2hunter2, correct horse") == "[redacted], [redacted]"


def test_a_key_that_begins_with_another_is_taken_out_whole() -> None:
    assert log.Redactor(["secret", "secret-and-more"]).clean("secret-and-more") == "[redacted]"


def test_an_empty_or_tiny_key_redacts_nothing() -> None:
    assert log.Redactor(["", "no"]).clean("no words are lost") == "no words are lost"


def test_a_password_in_an_address_is_taken_out() -> None:
    text = "postgresql://bot:pa55word@db.example/quota"
    assert log.Redactor().clean(text) == "postgresql://[redacted]@db.example/quota"


@pytest.mark.parametrize(
    "text",
    [
        "hold 12 of console:console:ana was charged 1240 tokens",
        "2026-06-01T09:00:00.123Z",
        "ask-for-more-of-these",
        "task-12345678 done",
        "/srv/bot/quotabot.db.sock",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert log.Redactor().clean(text) == text


def logged(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def fail() -> None:
    """Fail as a client of a provider might, with keys in its words."""
    inner = ValueError(f"inner {FAKES[9]}")
    raise RuntimeError(f"outer {FAKES[8]}") from inner


def test_a_secret_is_kept_out_of_message_arguments_exception_and_stack(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up(["the-configured-key"])
    logger = logging.getLogger("bot.chat")
    logger.warning("message " + FAKES[0])  # noqa: G003 - as a careless caller would
    logger.warning("argument %s and %r", FAKES[6], {"key": "the-configured-key"})
    try:
        fail()
    except RuntimeError:
        logger.exception("failed", stack_info=True)
    told = logged(capsys)
    for secret in (FAKES[0], FAKES[6], FAKES[8], FAKES[9], "the-configured-key"):
        assert secret not in told
    assert told.count(log.REDACTED) >= 5
    assert "RuntimeError: outer [redacted]" in told
    assert "ValueError: inner [redacted]" in told


def test_every_logger_is_cleaned_not_only_ours(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up()
    logging.getLogger("openai").error("header %s", FAKES[0])
    logging.getLogger().error(FAKES[0])
    assert FAKES[0] not in logged(capsys)


def test_a_key_that_a_reload_brought_is_kept_out_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up()
    log.keep_secret(["brand new key"])
    logging.getLogger("bot").error("brand new key")
    assert "brand new key" not in logged(capsys)


def test_arguments_that_do_not_fit_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up()
    logging.getLogger("bot").error("%d tokens", "a secret of somebody")
    told = logged(capsys)
    assert "%d tokens (with arguments that do not fit)" in told
    assert "somebody" not in told


def test_a_line_has_time_level_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(level="INFO")
    logging.getLogger("bot.upkeep").info("pruned %d rows", 3)
    line = logged(capsys).strip()
    assert line.endswith("Z INFO bot.upkeep: pruned 3 rows")
    assert line[4] == line[7] == "-"


def test_other_peoples_libraries_are_heard_from_warnings_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up(level="INFO")
    logging.getLogger("openai").info("sends a prompt")
    logging.getLogger("httpx2").debug("sends a prompt")
    assert logged(capsys) == ""


def test_a_file_is_made_when_there_is_something_to_say_and_for_its_owner_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "quotabot.db.log"
    log.set_up(file=file)
    logging.getLogger("bot").info("nothing that matters")
    assert not file.exists()
    logging.getLogger("bot").warning("it is late, %s", FAKES[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "it is late, [redacted]" in file.read_text(encoding="utf-8")
    assert logged(capsys) == ""


def test_a_log_that_cannot_be_written_disturbs_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.set_up(file=tmp_path / "missing" / "quotabot.db.log")
    logging.getLogger("bot").warning("unheard")
    assert logged(capsys) == ""


def test_a_second_set_up_takes_the_place_of_the_first() -> None:
    log.set_up()
    log.set_up()
    ours = [h for h in logging.getLogger().handlers if isinstance(h.formatter, logging.Formatter)]
    assert len([h for h in ours if any(isinstance(f, log.Redactor) for f in h.filters)]) == 1
