"""What Cal.com may answer to each question of the product, in a state of the world."""

from collections.abc import Iterator
from typing import Any

from db.event_kind import EventKind
from tests.model.dealt import KnownType
from tests.model.evidence import calcom
from tests.model.evidence.deals import Deal
from tests.model.evidence.kinds import Key, Type
from tests.model.evidence.state import LAG, Fate, Stage, World, awaited, is_elsewhere, is_missing
from tests.model.product import Answered, Asked
from tests.model.search import Kind

SLOTS_KEPT = 1  # ticks: an answer of the slots is never older

Answer = tuple[str, Kind, Any]


def answers(world: World, deal: Deal, asked: Asked) -> Iterator[Answer]:
    """Yield them: in words, whether Cal.com is well, and as the product is shown it."""
    of = type_of(world, deal)
    match asked.what:
        case "look" | "list":
            for seen in _listed(world, deal, whole=asked.what == "list"):
                yield f"the list shows: {seen}", Kind.FAIR, seen
            yield "the list answers 503", Kind.FAULT, "503"
        case "type":
            known_type = kept(world, of.known_type(key_of(world, deal), stranger=asked.of))
            if _says_deleted(world):  # what was known of it before is kept
                known_type = (world.kept or of.known_type(Key.BLANK))._replace(deleted=True)
            sight = "sight" if known_type.sight else "no sight"
            yield f"Cal.com says of the type: {known_type.kind}, {sight}", Kind.FAIR, known_type
            yield "Cal.com does not say what the type is", Kind.FAULT, None
        case "another":
            if not is_elsewhere(world):
                yield "Cal.com shows another booking of ours", Kind.FAIR, True
            lonely = Kind.FAIR if is_elsewhere(world) else Kind.FAULT
            yield "Cal.com shows no other booking of ours", lonely, False
        case "slots":
            for slot in _slots(world, of):
                yield f"the slots say: {slot}", Kind.FAIR, slot
            yield "the slots do not answer", Kind.FAULT, "unasked"
        case "named":
            yield f"Cal.com shows the booking that it has named: {asked.of}", Kind.FAIR, asked.of
            if asked.of == "ours" and any(one.age < LAG for one in world.booked):
                yield "a replica does not know the booking that was named", Kind.FAULT, "not found"
        case "post":
            yield from _replies(world)


def key_of(world: World, deal: Deal) -> Key:
    """Return what our key is shown by now."""
    return Key.BLANK if world.fate & Fate.KEYLESS or is_elsewhere(world) else deal.key


def type_of(world: World, deal: Deal) -> Type:
    """Return what the type is by now."""
    of = deal.of
    return of._replace(confirms=not of.confirms) if world.fate & Fate.SWITCHED else of


def kept(world: World, told: KnownType) -> KnownType:
    """Return what is kept of the type once this is told, as db/appointments/event_types.py keeps it."""
    before = world.kept
    if before is None or not world.row.unknown:  # a change before our POST is none since
        return told
    another = before.policy_kind not in {EventKind.UNKNOWN, told.policy_kind}
    column = before.free is not None and before.free is not told.free
    return told._replace(changed=before.changed or another or column)


def _says_deleted(world: World) -> bool:
    """Say whether Cal.com refuses to list the type; another one may know its number, and not show it to our key."""
    return is_missing(world) and not world.fate & Fate.ELSEWHERE


def _listed(world: World, deal: Deal, *, whole: bool) -> list[str]:
    """Return what the list may show: of a type that is deleted the bookings, without their type."""
    shown = _seen(world, deal, whole=whole)
    if not _says_deleted(world):
        return shown
    return list(dict.fromkeys("absent, no such type" if one.startswith("absent") else one for one in shown))


def _seen(world: World, deal: Deal, *, whole: bool) -> list[str]:
    """Return what a replica, however late, may show this key."""
    key, of = key_of(world, deal), deal.of
    missed = ["absent"]
    if whole and key is not Key.BLANK:
        missed += ["absent, beside a stranger's"] if key is Key.ADMIN else []
        missed += ["absent, another has it"] if world.fate & Fate.TAKER else []
    if key in {Key.NONE, Key.UNTOLD, Key.BLANK}:
        return missed
    shown = [one for one in world.booked if not of.round_robin or one.host != calcom.HIDDEN]
    # A host may have been locked, renamed, taken off or exchanged; a replica may lag.
    found: dict[str, None] = {} if of.personal else dict.fromkeys(missed)
    for late in range(LAG + 1):
        ours = [one for one in shown if one.age >= late]
        if any(one.status != "gone" and not one.half for one in ours):
            found["found"] = None
        elif any(one.status == "gone" for one in ours):
            found["cancelled"] = None
        elif whole and any(one.half for one in ours):
            found["a seat by half"] = None
        elif whole and world.fate & Fate.HIS_OWN and of.seats:
            found["a seat of his own"] = None
        else:
            found |= dict.fromkeys(missed)
    return list(found)


def _slots(world: World, of: Type) -> list[str]:
    """Return what the slots may say: an answer is kept for a while, and one off the grid proves nothing."""
    if is_missing(world):
        return ["unasked"]
    slots = {"unproven": None}
    for old in (True, False):
        known = tuple(one for one in world.booked if not (old and one.age < SLOTS_KEPT))
        free = calcom.free_hosts(world._replace(booked=known), of)
        seated = any(one.status == "accepted" for one in known) or world.fate & Fate.SEATED
        full = world.fate & Fate.FULL or any(one.half for one in known)
        offered = not full if of.seats and seated else bool(free)
        slots["offered" if offered and not world.fate & Fate.NARROWED else "gone"] = None
    return list(slots)


def _replies(world: World) -> Iterator[Answer]:
    post = awaited(world)
    if post is None:
        yield "the POST finds no connection", Kind.FAULT, Answered("no connection")
        return
    replies = dict.fromkeys(("no answer", "502", "a page", "500"), Kind.FAULT)
    if post.stage is Stage.DONE:
        replies[post.reply] = Kind.FAIR
        if post.reply == "201":
            replies["201, by another clock"] = Kind.FAULT
    for reply, kind in replies.items():
        yield f"Cal.com answers: {reply}", kind, Answered(reply, post.age)
