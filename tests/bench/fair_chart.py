"""One contended day under each rule, as a picture: `python -m tests.bench.fair_chart OUT.png`.

Needs matplotlib, which is no dependency of the project: `pip install matplotlib` anywhere, and
run it there with the root of the project on PYTHONPATH. docs/pictures/fair-day.png was made so.
"""

import sys
from collections import defaultdict
from importlib import import_module
from random import Random
from typing import Any

from tests.bench.fair import RULES, Day, Rule, measure, percent, play
from tests.bench.fair import Figures as Sums
from tests.bench.worlds import DAY_S, WORLDS, Turn, World, day_of

WORLD = "heavy at 00:00, 1.3x"
SEED = 1
STEPS = 24 * 12
GROUPS = {
    "the one who never stops": "#b5482a",
    "who want more than twice an equal share": "#e0a458",
    "who want about an equal share": "#7aa6a1",
    "who want at most half of it": "#2d6a6a",
}


class Recorded:
    """A rule whose charges are written down."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.faults = rule.faults
        self.charges: list[tuple[float, int, int]] = []

    def open(self, day: int) -> None:
        self.charges.clear()
        self.rule.open(day)

    def ask(self, member: int, need: int, want: int, at: float) -> int:
        return self.rule.ask(member, need, want, at)

    def settle(self, member: int, held: int, charge: int, at: float) -> None:
        self.charges.append((at, member, charge))
        self.rule.settle(member, held, charge, at)


def group_of(world: World, wanted: int, member: int, equal: float) -> str:
    """Which part of the community somebody belongs to."""
    names = list(GROUPS)
    if world.extra and member >= world.members:
        return names[0]
    if wanted > 2 * equal:
        return names[1]
    return names[2] if wanted > equal / 2 else names[3]


def curves(world: World, turns: list[Turn], recorded: Recorded) -> dict[str, list[float]]:
    """What each group has used by each five minutes, in percent of the pool."""
    wanted: dict[int, int] = defaultdict(int)
    for turn in turns:
        wanted[turn.member] += turn.tokens
    equal = world.size / len(wanted)
    used = {name: [0.0] * (STEPS + 1) for name in GROUPS}
    for at, member, charge in recorded.charges:
        step = min(int(at * STEPS / DAY_S) + 1, STEPS)
        used[group_of(world, wanted[member], member, equal)][step] += 100 * charge / world.size
    for steps in used.values():
        for step in range(1, STEPS + 1):
            steps[step] += steps[step - 1]
    return used


def passed(world: World, rule: Recorded, day: int) -> tuple[list[Turn], Day]:
    """A day that was played."""
    turns = day_of(world, SEED, day)
    rule.open(day)
    return turns, play(rule, turns, Random(f"{SEED}/{day}"))


def main(arguments: list[str]) -> None:
    pyplot: Any = import_module("matplotlib.pyplot")
    world = next(world for world in WORLDS if world.name == WORLD)
    figure, axes = pyplot.subplots(1, len(RULES), figsize=(13, 4.6), sharey=True)
    hours = [24 * step / STEPS for step in range(STEPS + 1)]
    for (name, make), axis in zip(RULES.items(), axes, strict=True):
        rule, sums = Recorded(make(world)), Sums()
        for day in range(world.history):
            passed(world, rule, day)
        turns, played = passed(world, rule, world.history)
        measure(sums, world, turns, played)
        used = curves(world, turns, rule)
        axis.stackplot(hours, used.values(), labels=used, colors=GROUPS.values())
        light = percent(sums.light_refused, sums.light_asks).strip()
        axis.set_title(f"{name}\n{light} % of light members' asks refused", fontsize=11)
        axis.set_xlim(0, 24)
        axis.set_ylim(0, 100)
        axis.set_xticks(range(0, 25, 6), [f"{hour:02}:00" for hour in range(0, 25, 6)])
    axes[0].set_ylabel("used of the pool, %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(GROUPS), frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(arguments[0], dpi=110)


if __name__ == "__main__":
    main(sys.argv[1:])
