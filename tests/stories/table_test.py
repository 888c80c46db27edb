"""Each row of the promised features, and the stories that play it on Discord and in Slack.

The rows are those of both platforms' issues. A story that both share counts for both; one of a
platform's own pages for that platform. What stands here must be there: a story that was renamed or
left out makes this red, and so does a row that no story plays at one of the two edges.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.stage import Opens

PAGES = {
    "both": (
        "balances",
        "rows",
        "helped",
        "platforms",
        "prices",
        "titles",
        "receipts",
        "tools_platforms",
    ),
    "discord": (
        "discord_chat",
        "discord_commands",
        "discord_ways",
        "discord_weather",
        "discord_rights",
    ),
    "slack": ("slack_chat", "slack_govern", "slack_stream", "slack_languages", "slack_rights"),
}
EDGES = ("discord", "slack")

ROWS = {
    "A2.1": "an_admin_fills_a_balance_lists_all_and_takes_it_back",
    "A2.4": """
        an_admin_fills_a_balance_lists_all_and_takes_it_back
        more_credits_are_asked_for_and_put_in""",
    "A2.5": "who_has_no_credits_is_told_when_enough_has_come_and_is_answered_then",
    "A2.10": "an_overdraft_is_shown_as_owed_and_repaid_first",
    "A2.8": "a_long_conversation_is_summarised_and_that_is_said",
    "A2.9": "a_new_thread_gets_a_title_that_is_charged  where_little_is_left_no_title_is_made",
    "A2.6": """
        an_answer_leads_to_what_it_cost_even_after_a_restart
        the_command_shows_the_receipt_of_the_last_answer""",
    "A2.7": "a_turn_cut_between_two_steps_says_why_and_goes_on_from_there",
    "B1": """
        a_mention_is_answered_with_what_is_left  a_direct_message_is_answered_without_a_mention
        ask_shows_the_question_above_the_answer  a_message_can_be_asked_about
        a_mention_is_answered_in_its_thread  a_direct_message_is_answered_in_a_thread_of_its_own
        ask_quotes_the_question_and_answers_below_it  ask_about_this_is_answered_in_private""",
    "B2": """
        a_reply_goes_on_and_a_reply_further_up_branches  in_a_thread_nobody_has_to_mention_the_bot
        a_channel_may_want_a_thread_for_each_question  a_channel_may_be_switched_off
        in_a_thread_where_the_bot_has_spoken_nobody_needs_to_mention_it
        the_mode_of_a_channel_decides_what_is_answered""",
    "B3": """
        an_answer_grows_by_edits_and_can_be_stopped  the_end_arrives_although_discord_fails
        ten_answers_in_one_channel_provoke_no_limit  fifty_busy_channels
        an_answer_grows_while_it_is_written  a_stream_that_dies_early_is_gone_on_with_by_editing
        many_answers_at_once_keep_to_the_pace_of_the_workspace""",
    "B4": """
        a_long_answer_takes_several_messages_with_its_code_whole
        a_very_long_answer_comes_as_a_file  a_very_long_answer_comes_in_pieces_and_as_a_file""",
    "B5": """
        a_picture_reaches_a_model_that_can_see  the_words_of_a_pdf_reach_the_model
        a_picture_is_named_as_left_out_where_the_model_cannot_see
        files_go_along_and_what_cannot_be_read_is_named
        text_files_and_pictures_go_along_and_others_are_named""",
    "B6": """
        stop_settles_what_was_used  a_button_is_for_who_asked_even_after_a_restart
        a_cut_answer_goes_on_where_it_was_cut_even_after_a_restart
        feedback_is_that_of_who_asked_even_after_a_restart
        only_who_asked_may_stop_and_staff  staff_may_stop_an_answer""",
    "B7": """
        the_persona_of_a_channel_reaches_the_model
        a_system_prompt_names_the_day_the_member_and_the_place""",
    "B8": """
        a_model_may_be_for_a_role_and_others_are_told_for_which
        the_cheaper_model_is_offered_at_the_limit_and_answers_when_pressed
        models_are_suggested_with_their_price
        at_the_limit_a_cheaper_model_answers_whoever_agreed""",
    "B9": """
        it_is_said_how_much_of_the_past_was_used
        a_long_conversation_is_summarised_and_that_is_said""",
    "B10": "ask_can_be_private  a_private_ask_is_seen_by_nobody_else",
    "B11": """
        nothing_that_a_model_writes_calls_anybody
        nothing_a_model_writes_calls_anybody_or_unfurls""",
    "B12": """
        without_the_intent_the_bot_degrades  quota_works_in_a_thread_where_slash_commands_do_not""",
    "B13": """
        a_tool_is_used_and_each_step_is_in_the_books
        tools_of_a_role_are_for_those_who_hold_it""",
    "B14": "a_model_that_breaks_costs_nothing_and_its_words_are_shown_to_nobody",
    "B15": """
        a_members_language_is_spoken  cards_and_answers_follow_the_locale_of_who_reads_them""",
    "C1": """
        quota_shows_what_is_held_by_a_running_answer
        the_rules_that_hold_are_listed_with_the_one_that_gives_way
        quota_is_a_card_that_only_its_member_sees
        quota_is_one_private_card_with_bars_and_numbers""",
    "C2": """
        an_answer_leads_to_what_it_cost_even_after_a_restart
        a_receipt_tells_the_price_and_every_credit  only_who_asked_sees_what_it_cost
        the_quota_button_of_an_answer_leads_to_its_cost""",
    "C4": """
        a_message_has_a_price_before_it_is_sent  what_waited_has_expired_after_a_restart
        a_dear_message_waits_for_its_asker_and_is_sent_once
        what_was_held_back_in_private_is_answered_in_private
        a_message_that_waits_is_its_askers_alone_and_can_be_dropped""",
    "C5": "limits_are_told_in_questions_like_ones_own",
    "C6": """
        the_admins_own_sentence_stands_in_the_refusal
        the_cheaper_model_is_offered_at_the_limit_and_answers_when_pressed
        a_refusal_names_the_rule_and_when_it_opens  a_refusal_offers_to_ask_for_more""",
    "C7": "who_wants_it_is_told_once_the_limit_has_opened",
    "C8": "a_ceiling_of_ones_own_stops_its_member_and_nobody_else",
    "D1": """
        a_limit_of_every_kind_is_shown_set_listed_and_removed
        a_limit_for_a_role_holds_at_once_and_removing_it_gives_back""",
    "D2": """
        an_admin_grants_and_takes_it_back  what_was_given_for_a_while_is_gone_after_it
        what_is_taken_is_gone_and_a_reset_writes_off_what_was_used
        a_block_ends_when_it_was_said_to_or_by_hand""",
    "D3": "explain_names_the_rule_that_refuses",
    "D4": """
        more_is_asked_for_and_given_with_a_click
        less_is_given_than_was_asked_for_and_a_refusal_has_a_reason""",
    "D7": "the_audit_names_actor_change_and_reason",
    "D8": """
        the_admins_hear_that_a_shared_limit_runs_low
        the_admins_hear_that_a_model_took_more_than_was_held
        the_admins_hear_that_a_model_does_not_answer
        the_admins_hear_of_an_answer_that_died_and_give_it_back""",
    "D9": """
        staff_give_up_to_their_cap_and_ask_admins_for_the_rest
        staff_help_others_and_govern_nothing  who_is_no_longer_staff_approves_nothing""",
    "D10": "a_pause_is_said_and_its_end_answers_again",
}

Found = tuple[str, Callable[..., Any]]


def _modules() -> Iterator[tuple[str, ModuleType]]:
    for edge, pages in PAGES.items():
        for page in pages:
            yield edge, importlib.import_module(f"tests.stories.{page}_test")


def found(story: str) -> list[Found]:
    """The story of this name on every page that has one, with the edge that it plays at."""
    name = f"test_{story}"
    pages = ((edge, getattr(module, name, None)) for edge, module in _modules())
    return [(edge, test) for edge, test in pages if test is not None]


def played(edge: str, test: Callable[..., Any]) -> set[str]:
    """The edges at which a story really runs: awaited, not left out, on a stage of its own."""
    marks = {mark.name for mark in getattr(test, "pytestmark", ())}
    runs = inspect.iscoroutinefunction(test) and not marks & {"skip", "skipif", "xfail"}
    if not runs:
        return set()
    if edge != "both":
        return {edge}
    stage = inspect.signature(test).parameters.get("stage_of")
    return set(EDGES) if stage is not None and stage.annotation is Opens else set()


@pytest.mark.parametrize(("row", "stories"), ROWS.items(), ids=list(ROWS))
def test_a_row_is_played_at_both_edges(row: str, stories: str) -> None:
    edges: set[str] = set()
    for story in stories.split():
        tests = found(story)
        assert tests, f"{row}: there is no story {story}"
        for edge, test in tests:
            edges |= played(edge, test)
    assert edges == set(EDGES), f"{row} is not played on {set(EDGES) - edges}"


def test_a_story_that_does_not_run_plays_nothing() -> None:
    @pytest.mark.skip
    async def left_out(stage_of: Opens) -> None: ...

    def never_awaited(stage_of: Opens) -> None: ...

    async def on_no_stage() -> None: ...

    assert played("both", left_out) == played("both", never_awaited) == set()
    assert played("both", on_no_stage) == set()
    assert found("a_story_that_nobody_wrote") == []
