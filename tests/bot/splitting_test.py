"""Long answers in several messages: nothing lost, nothing doubled, code and tables in one piece."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.splitting import AT_MOST_MIN, split

Measure = Callable[[str], int]

WORDS = "Some words of an answer. "


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def escaped(text: str) -> int:
    return len(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def open_code(piece: str) -> str:
    """The marks of code that a message leaves open, as a reader of Markdown finds them."""
    marks = ""
    for line in piece.split("\n"):
        found = re.fullmatch(r"[ \t]*(`{3,}|~{3,})([^`]*)", line)
        if not marks and found:
            marks = found[1]
        elif marks and (found := re.fullmatch(r"[ \t]*(`{3,}|~{3,})[ \t]*", line)):
            closes = found[1][0] == marks[0] and len(found[1]) >= len(marks)
            marks = "" if closes else marks
    return marks


def without_marks(text: str) -> str:
    """What is read: no blanks, and none of the lines that open or close code."""
    lines = [x for x in text.split("\n") if not re.match(r"[ \t]*(```|~~~)", x)]
    return re.sub(r"\s", "", "".join(lines))


def test_what_fits_stays_as_it_is() -> None:
    assert split("One.\n\nTwo.", 100) == ["One.\n\nTwo."]


@pytest.mark.parametrize("nothing", ["", "   ", "\n\n"])
def test_nothing_is_no_message(nothing: str) -> None:
    assert split(nothing, 100) == []


def test_a_cut_falls_between_paragraphs() -> None:
    first, second = "a" * 70, "b" * 60
    assert split(f"{first}\n\n{second}", 100) == [first, second]


def test_a_cut_falls_before_a_heading() -> None:
    first = "line of text\n" * 5
    assert split(f"{first}## Next\n{WORDS * 2}", 100) == [
        first.strip(),
        f"## Next\n{WORDS * 2}".strip(),
    ]


def test_a_cut_falls_between_lines_rather_than_in_them() -> None:
    first, second = "a" * 70, "b " * 40
    assert split(f"{first}\n{second}", 100) == [first, second.strip()]


def test_a_cut_falls_after_a_sentence() -> None:
    text = "This is the first sentence, and it is not a short one. " + "word " * 20
    assert split(text, 100)[0] == "This is the first sentence, and it is not a short one."


def test_a_cut_falls_after_a_sentence_without_blanks() -> None:
    text = "漢" * 60 + "。" + "字" * 60
    assert split(text, 100) == ["漢" * 60 + "。", "字" * 60]


def test_a_cut_falls_between_words() -> None:
    assert split("word " * 30, 100) == [("word " * 20).strip(), ("word " * 10).strip()]


def test_no_message_begins_with_marks_that_were_none() -> None:
    text = "word " * 18 + "``` is how code begins, as everybody knows who has written some"
    assert split(text, 100)[1].startswith("word ``` is")


def test_a_word_without_end_is_cut_where_it_must() -> None:
    assert split("x" * 250, 100) == ["x" * 100, "x" * 100, "x" * 50]


def test_a_link_is_not_cut() -> None:
    link = "[the whole long page about it](https://example.com/page)"
    first, second = split(f"{'word ' * 14}{link} and more words", 100)
    assert first == ("word " * 14).strip()
    assert second == f"{link} and more words"


def test_code_in_a_line_is_not_cut() -> None:
    code = "`some code with blanks in it, all of one piece`"
    first, second = split(f"{'word ' * 14}{code} and more words", 100)
    assert second == f"{code} and more words"
    assert first == ("word " * 14).strip()


def test_a_letter_keeps_its_accents() -> None:
    text = "e\u0301" * 80
    assert split(text, 101)[0] == "e\u0301" * 50


def test_a_table_moves_as_a_whole() -> None:
    prose = "line of text\n" * 5
    table = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 4
    assert split(prose + table, 100) == [prose.strip(), table.strip()]


def test_a_table_that_is_too_long_is_cut_between_rows() -> None:
    table = "| first | second |\n" * 12
    pieces = split(table, 100)
    assert {line for piece in pieces for line in piece.split("\n")} == {"| first | second |"}
    assert sum(piece.count("\n") + 1 for piece in pieces) == 12


def test_code_is_closed_and_opened_again_with_its_language() -> None:
    lines = [f"print({n:02})" for n in range(12)]
    text = "```python\n" + "\n".join(lines) + "\n```\nDone."
    assert split(text, 100) == [
        "```python\n" + "\n".join(lines[:8]) + "\n```",
        "```python\n" + "\n".join(lines[8:]) + "\n```\nDone.",
    ]


def test_code_keeps_its_indentation_over_a_cut() -> None:
    text = "```\n" + "    deep()\n" * 12 + "```"
    assert split(text, 100)[1].startswith("```\n    deep()\n")


def test_longer_marks_around_shorter_ones_are_kept() -> None:
    text = "````md\n" + "```\ncode\n```\n" * 12 + "````"
    pieces = split(text, 100)
    assert all(piece.startswith("````md\n") and piece.endswith("\n````") for piece in pieces)


def test_short_code_moves_as_a_whole() -> None:
    prose = "line of text\n" * 5
    code = "```sh\n" + "make all\n" * 5 + "```"
    assert split(prose + code, 100) == [prose.strip(), code]


def test_no_message_begins_with_the_end_of_code() -> None:
    # Just as much code as fits.
    text = "```\n" + "x" * 86 + "\n```\nMore."
    assert split(text + WORDS * 4, 100)[0] == "```\n" + "x" * 86 + "\n```"
    assert split(text + WORDS * 4, 100)[1].startswith("More.")


def test_code_that_still_grows_is_closed_meanwhile() -> None:
    assert split("Look:\n```py\nx = 1", 100) == ["Look:\n```py\nx = 1\n```"]


def test_room_is_measured_as_the_platform_does() -> None:
    assert split("\U0001f600" * 80, 100, measure=utf16) == ["\U0001f600" * 50, "\U0001f600" * 30]
    assert split("<" * 50, 100, measure=escaped) == ["<" * 25, "<" * 25]


SNIPPETS = st.sampled_from(
    [
        *("```", "```py", "````", "~~~", "\n", "\n\n", "| a | b |\n", "# Head\n", " ", "    "),
        *("[a link](https://example.com/x)", "`code`", "word", "Sentence. ", "\U0001f600", "&<>"),
        *("\n```\n", "\n```js\n", "e\u0301", "漢字。", "x" * 60, "a b " * 20, "``"),
    ]
)
TEXTS = st.lists(SNIPPETS | st.text(max_size=20), max_size=40).map("".join)
# Beyond eight marks nobody speaks of code.
SANE = TEXTS.filter(lambda text: not re.search("`{9}|~{9}", text))
MEASURES = st.sampled_from([len, utf16, escaped])


@given(SANE, st.integers(AT_MOST_MIN, 300), MEASURES)
def test_every_piece_fits_and_none_leaves_code_open(
    text: str, at_most: int, measure: Measure
) -> None:
    for piece in split(text, at_most, measure=measure):
        assert piece.strip()
        assert measure(piece) <= at_most
        assert open_code(piece) == ""


PROSE = TEXTS.filter(lambda text: "```" not in text and "~~~" not in text)


@given(PROSE, st.integers(AT_MOST_MIN, 300), MEASURES)
def test_of_prose_only_blanks_are_lost(text: str, at_most: int, measure: Measure) -> None:
    pieces = split(text, at_most, measure=measure)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)


CODE = st.lists(
    st.tuples(
        st.lists(st.text("abc .|#", max_size=70), max_size=6),
        st.sampled_from(["```", "```py", "~~~", "````md"]),
        st.lists(st.text("xyz ()=", max_size=70), max_size=12),
    ),
    max_size=5,
)


def written(blocks: list[tuple[list[str], str, list[str]]]) -> str:
    lines = []
    for prose, marks, code in blocks:
        lines += [*prose, marks, *code, marks.rstrip("pymd")]
    return "\n".join(lines)


@given(CODE.map(written), st.integers(AT_MOST_MIN, 300))
def test_with_code_only_blanks_are_lost_and_only_marks_added(text: str, at_most: int) -> None:
    pieces = split(text, at_most)
    assert without_marks("\n".join(pieces)) == without_marks(text)


@given(SANE, st.integers(AT_MOST_MIN, 200), st.data())
def test_what_was_sent_stays_while_the_answer_grows(
    text: str, at_most: int, data: st.DataObject
) -> None:
    shorter = text[: data.draw(st.integers(0, len(text)))]
    before, after = split(shorter, at_most), split(text, at_most)
    assert after[: max(0, len(before) - 1)] == before[:-1]


def test_a_very_long_answer_is_cut_in_no_time() -> None:
    text = (WORDS * 40 + "\n```py\n" + "x = 1\n" * 400 + "```\n") * 60
    assert len(split(text, 2_000)) > 100
