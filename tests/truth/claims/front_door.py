"""The table of what waits at the front door: cancels and moves, callbacks, and Cal.com's webhooks of a day."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from tests.truth.claims.figures import NONE
from tests.truth.claims.grammar import NUMBER, Part, Pattern, Seen
from tests.truth.record import Record

_COUNTED = re.compile(rf"({NUMBER}) ([a-z ]+)")
_OUTCOMES = {
    "to be looked at": None,
    "not ours": "stranger",
    "known already": "said",
    "changed here": "changed",
    "needs you": "reported",
    "nothing new": "unchanged",
    "looked at too soon": "too soon",
    "not answered": "denied",
}


def _said(words: str) -> dict[str, tuple[int, bool]]:
    """Return each number by its word, and whether it stands for itself and more."""
    return {name: (int(number.replace(",", "").rstrip("+")), "+" in number) for number, name in _COUNTED.findall(words)}


def _counts(of: Callable[[Part], Callable[[Record], Mapping[str | None, int]]]) -> Callable[[Part], bool | None]:
    """Check that each number of a cell was so, and that no other was left out."""

    def check(part: Part) -> bool | None:
        counts, said = of(part), _said(part.words)
        if not list(part.lately.records()):
            return None

        def holds(record: Record) -> bool:
            found = {name: count for name, count in counts(record).items() if count}
            return found.keys() == said.keys() and all(
                count == found[name] or (capped and count <= found[name]) for name, (count, capped) in said.items()
            )

        return part.lately.recorded(holds)

    return check


def passed_between(before: Mapping[str | None, int], after: Mapping[str | None, int], said: Mapping[str, int]) -> bool:
    """Return whether the open changes of two snapshots in a row may have stood so for a moment between them.

    A call may begin and end there, which no snapshot sees: so each change that has moved on may have been `changing`.
    No other state is had by more or fewer than before and after, and no change is there twice.
    """
    states = before.keys() | after.keys() | said.keys()
    both = {state: sorted((before.get(state, 0), after.get(state, 0))) for state in states}
    moved = sum(most - fewest for fewest, most in both.values())
    brief = {"changing": moved}
    return sum(said.values()) <= max(sum(before.values()), sum(after.values())) and all(
        fewest <= said.get(str(state), 0) <= most + brief.get(str(state), 0) for state, (fewest, most) in both.items()
    )


def _open_changes(part: Part) -> bool | None:
    """Check what open changes stand as, in a snapshot or between two of them."""
    is_so = _counts(lambda _: lambda record: record.open_changes)(part)
    if is_so is not False:
        return is_so
    said = {name: count for name, (count, _) in _said(part.words).items()}
    seen = [record.open_changes for record in part.lately.records()]
    return any(passed_between(before, after, said) for before, after in pairwise(seen))


def _hints(part: Part) -> Callable[[Record], Mapping[str | None, int]]:
    trigger = part.seen.told.text.split()[1].rstrip(",")
    words = {outcome: word for word, outcome in _OUTCOMES.items()}

    def counts(record: Record) -> dict[str | None, int]:
        return {words.get(outcome, outcome): count for (of, outcome), count in record.hints.items() if of == trigger}

    return counts


def _is_quiet(seen: Seen) -> bool | None:
    if not list(seen.lately.records()):
        return None
    return seen.lately.recorded(
        lambda record: not record.open_changes and not any(record.callbacks.values()) and not record.hints
    )


FRONT_DOOR = (
    Pattern(
        ("front door",),
        r"Cancels and moves \| (states:.+) \| (oldest:M)",
        {
            "states": _open_changes,
            "oldest": lambda part: part.lately.met(lambda record: iter([record.oldest_change_at]), part.at),
        },
    ),
    Pattern(
        ("front door",),
        rf"Callbacks \| (kinds:.+) \| (?:(oldest:M)|{NONE})",
        {
            "kinds": _counts(lambda _: lambda record: record.callbacks),
            "oldest": lambda part: part.lately.met(lambda record: iter([record.oldest_callback_at]), part.at),
        },
    ),
    Pattern(("front door",), rf"Webhook [A-Z_]+, 24 h \| (kinds:.+) \| {NONE}", {"kinds": _counts(_hints)}),
    Pattern(
        ("no front door",),
        r"No cancel, move or callback waits, and no webhook came in 24 h\.",
        {},
        _is_quiet,
    ),
)
