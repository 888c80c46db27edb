"""/help TOPIC: what is behind one word, in a few sentences."""

from collections.abc import Mapping

from bot.languages import phrase
from bot.panels import Panel
from bot.text import Words

TOPICS: Mapping[str, tuple[str, ...]] = {
    "tokens": (
        phrase("A token is a piece of a word; 100 words are about 130 tokens."),
        phrase("Your message, the earlier messages that go with it, and the answer all count."),
        phrase(
            "Before the model is asked, the most it may use is reserved; what it did not use comes back."
        ),
        phrase(
            "What is charged is what the model's provider reports; ≈ stands where it had to be counted here."
        ),
    ),
    "limits": (
        phrase(
            "Several limits can hold at once: by the hour, the day, the month; yours, those of your roles, and pots that all share. All of them must have room."
        ),
        phrase(
            "A limit of your own comes before those of roles, the most generous role before everyone's. /quota rules shows which one won."
        ),
        phrase("You are told once at the thresholds, and refused with the time at which it opens."),
    ),
    "more": (
        phrase(
            "Ask for more: /quota more 5k tokens until 3d -- why you need it. The admins approve, give less, or deny, and you are told."
        ),
        phrase("One request at a time is open, and three a day are taken."),
    ),
    "ceiling": (
        phrase(
            "/quota ceiling 5k tokens per day holds you back below your real limit. Only you can change it; /quota ceiling off lifts it."
        ),
    ),
    "models": (
        phrase(
            "/model lists the models with their prices; /model NAME chooses one for you, /model default the usual one."
        ),
        phrase("A cheaper model gives you more answers from the same allowance in money."),
        phrase(
            "/quota price MESSAGE tells what it would cost; /quota confirm 2k tokens asks you before dearer ones; /quota fallback auto lets a cheaper model answer at the limit."
        ),
    ),
    "tools": (
        phrase(
            "The model may use tools while it answers: look something up, read a clock. You see which one it uses."
        ),
        phrase(
            "After each use the model is asked once more. Every such step takes from your allowance; where it ends, you get what there is, and can continue later."
        ),
        phrase(
            "No tool can reach your limits, commands of this bot, or anything outside its own server."
        ),
    ),
    "privacy": (
        phrase(
            "Kept are ids, counts, times and prices of what you used, your choices and your requests; never a word of your messages."
        ),
        phrase(
            "What was said is remembered for 24 hours in memory alone, for the conversation; /chat forget everywhere ends that at once."
        ),
        phrase(
            "/privacy export gives you all of it, /privacy delete lets go of what can be let go of."
        ),
    ),
}


def topic(words: Words, name: str) -> Panel:
    """One of the topics."""
    title = words.say("Help: {topic}", topic=name)
    return Panel(title, "neutral", tuple(words.say(line) for line in TOPICS[name]))
