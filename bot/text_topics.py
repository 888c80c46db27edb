"""/help TOPIC: what is behind one word, in a few sentences."""

from collections.abc import Mapping

from bot.panels import Panel
from bot.text import Words

TOPICS: Mapping[str, tuple[str, ...]] = {
    "tokens": (
        "A token is a piece of a word; 100 words are about 130 tokens.",
        "Your message, the earlier messages that go with it, and the answer all count.",
        "Before the model is asked, the most it may use is reserved; what it did not use comes back.",
        "What is charged is what the model's provider reports; ≈ stands where it had to be counted here.",
    ),
    "limits": (
        "Several limits can hold at once: by the hour, the day, the month; yours, those of your roles, and pots that all share. All of them must have room.",
        "A limit of your own comes before those of roles, the most generous role before everyone's. /quota rules shows which one won.",
        "You are told once at the thresholds, and refused with the time at which it opens.",
    ),
    "more": (
        "Ask for more: /quota more 5k tokens until 3d -- why you need it. The admins approve, give less, or deny, and you are told.",
        "One request at a time is open, and three a day are taken.",
    ),
    "ceiling": (
        "/quota ceiling 5k tokens per day holds you back below your real limit. Only you can change it; /quota ceiling off lifts it.",
    ),
    "models": (
        "/model lists the models with their prices; /model NAME chooses one for you, /model default the usual one.",
        "A cheaper model gives you more answers from the same allowance in money.",
    ),
    "privacy": (
        "Kept are ids, counts, times and prices of what you used, your choices and your requests; never a word of your messages.",
        "What was said is remembered for 24 hours in memory alone, for the conversation; /chat forget everywhere ends that at once.",
        "/privacy export gives you all of it, /privacy delete lets go of what can be let go of.",
    ),
}


def topic(_words: Words, name: str) -> Panel:
    """One of the topics."""
    return Panel(f"Help: {name}", "neutral", TOPICS[name])
