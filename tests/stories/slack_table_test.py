"""Each way into the bot in Slack, and the stories that play it: a row without one is red."""

import importlib
import inspect

import pytest

PAGES = (
    *("slack_again", "slack_chat", "slack_connection", "slack_forms", "slack_govern"),
    *("slack_languages", "slack_rights", "slack_stranger", "slack_stream"),
    *("rows", "platforms", "helped", "receipts"),
)
ENTRIES = {
    "the Messages tab": """
        a_direct_message_is_answered_in_a_thread_of_its_own
        the_messages_tab_suggests_what_can_be_asked""",
    "a mention, and its thread": """
        a_mention_is_answered_in_its_thread
        in_a_thread_where_the_bot_has_spoken_nobody_needs_to_mention_it
        after_a_restart_a_thread_is_known_and_read_again""",
    "@bot quota, privately": """
        quota_works_in_a_thread_where_slash_commands_do_not
        a_command_that_mentions_the_bot_is_told_twice_and_shown_once""",
    "/quota": """
        quota_is_one_private_card_with_bars_and_numbers
        the_rules_that_hold_are_listed_with_the_one_that_gives_way
        the_command_shows_the_receipt_of_the_last_answer""",
    "/ask --model --private": """
        ask_quotes_the_question_and_answers_below_it  a_private_ask_is_seen_by_nobody_else
        regenerate_uses_the_model_of_the_answer_unless_one_is_named
        where_the_bot_is_no_member_a_command_is_answered_all_the_same""",
    "!words in a thread": """
        only_the_exact_word_is_a_command
        regenerate_asks_the_same_again_and_only_for_who_asked
        the_same_holds_for_what_is_written_as_a_message""",
    "shortcuts": """
        my_quota_and_show_cost_open_windows  ask_about_this_is_answered_in_private
        an_answer_leads_to_what_it_cost_even_after_a_restart""",
    "Stop": """
        nobody_else_can_stop_an_answer_but_its_status_moves_on  staff_may_stop_an_answer
        stop_at_any_moment_settles_what_was_used_within_a_second
        without_streams_an_answer_is_edited_and_has_a_button_to_stop_it""",
    "below an answer": """
        thumbs_are_counted  an_answer_is_reported_to_the_admins_once_by_whoever_reads_it
        what_is_being_answered_again_is_not_asked_a_third_time
        a_cut_answer_goes_on_where_it_was_cut_even_after_a_restart""",
    "App Home": """
        home_shows_where_one_stands_and_stays_live  home_is_live_at_a_bounded_rate
        admins_find_their_section_in_home  a_persona_of_ones_own_is_chosen_in_the_settings
        more_is_given_from_app_home_and_from_an_explanation""",
    "/quota-admin": """
        the_menu_leads_from_window_to_window_to_a_limit_that_holds
        commands_are_carried_out_for_whom_they_are_meant
        what_is_set_for_a_channel_holds_there_however_it_was_said""",
    "a mistyped line": """
        a_mistake_is_answered_with_what_to_write
        a_line_that_was_mistyped_stands_in_the_form_whole_and_can_be_mended""",
    "forms": """
        a_limit_for_a_member_and_one_for_a_channel_are_set_by_choosing
        everybody_may_be_given_a_cap  rights_are_asked_for_again_when_a_form_is_sent""",
    "requests": """
        a_request_for_more_reaches_the_admins_and_its_grant_the_member
        a_request_is_decided_by_those_who_may_and_by_nobody_else
        a_refusal_offers_to_ask_for_more""",
    "what is private": """
        a_refusal_is_told_to_nobody_else  a_warning_is_told_to_nobody_else
        nothing_a_model_writes_calls_anybody_or_unfurls""",
    "events told again": """
        each_event_four_times_as_mention_and_message_is_one_answer_and_one_charge
        what_slack_tells_again_after_a_restart_is_not_done_again
        forged_old_and_replayed_requests_touch_nothing
        a_request_that_was_listened_to_does_nothing_when_sent_again_after_a_restart""",
    "streams": """
        a_ten_minute_answer_arrives_whole_once_with_one_charge
        whatever_a_stream_is_answered_nothing_is_lost_or_doubled
        many_answers_at_once_keep_to_the_pace_of_the_workspace""",
    "workspaces": """
        workspaces_install_the_app_and_each_has_books_of_its_own
        who_is_an_admin_at_home_governs_nothing_as_a_guest
        who_governs_elsewhere_changes_nothing_here_by_any_button""",
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_way_in_is_played(entry: str) -> None:
    pages = [importlib.import_module(f"tests.stories.{page}_test") for page in PAGES]
    for story in ENTRIES[entry].split():
        found = [getattr(page, f"test_{story}", None) for page in pages]
        (test,) = [each for each in found if each is not None]
        assert inspect.iscoroutinefunction(test), story
        left_out = {mark.name for mark in getattr(test, "pytestmark", ())}
        assert not left_out & {"skip", "skipif", "xfail"}, story
