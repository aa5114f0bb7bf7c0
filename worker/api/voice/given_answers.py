"""The answers of a person to an event type's own questions, as a model sends them: by the question, or by any name."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.conversations.wanted import NOTES, OwnQuestion

ANSWERS = ("answers", "booking_fields_responses")  # the arguments that have them
MOST_SPOKEN = 5  # options of a question that are named


def answered(given: Mapping[str, Any], notes: str | None, questions: Sequence[OwnQuestion]) -> dict[str, Any]:
    """Return the answers by the slug that Cal.com knows them under.

    What has the name of no field answers the open questions, in the order in which these are asked; where none is
    open it is kept under the name that it has.
    """
    told = next((one for name in ANSWERS if isinstance(one := given.get(name), dict)), {})
    by_name = {name: one for one in questions for name in (_plain(one.slug), _plain(one.label))}
    found: dict[str, Any] = {} if notes is None else {NOTES: notes}
    others: dict[str, Any] = {}
    for name, value in told.items():
        known = by_name.get(_plain(name))
        if known is not None:
            found[known.slug] = _as_offered(value, known)
        elif _plain(name) == NOTES:
            found.setdefault(NOTES, value)
        else:
            others[name] = value
    for name, value in others.items():
        open_one = unanswered(found, questions)
        if open_one is None:
            found[name] = value
        else:
            found[open_one.slug] = _as_offered(value, open_one)
    return found


def unanswered(answers: Mapping[str, Any], questions: Sequence[OwnQuestion]) -> OwnQuestion | None:
    """Return the first required question without an answer that Cal.com takes; None: there is none."""
    return next((one for one in questions if one.required and not _is_answer(answers.get(one.slug), one)), None)


def spoken_question(question: OwnQuestion) -> str:
    """Return a question as it is asked, with what there is to choose from, or the first of it."""
    if not question.options:
        return question.label
    more = ["…"] if len(question.options) > MOST_SPOKEN else []
    named = [*question.options[:MOST_SPOKEN], *more]
    told = f"{question.label} ({', '.join(named)})"
    return told if told.isprintable() and len(told) <= 180 else question.label


def _as_offered(value: Any, question: OwnQuestion) -> Any:
    """Return an answer as Cal.com takes it: text, and of options the one that is meant."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else value
    return next((one for one in question.options if isinstance(text, str) and _plain(one) == _plain(text)), text)


def _is_answer(value: Any, question: OwnQuestion) -> bool:
    return isinstance(value, str) and bool(value) and (not question.options or value in question.options)


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
